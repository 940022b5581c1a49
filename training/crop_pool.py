"""Rendered clips at hand, some of them replaced every few steps, and crops of them that mostly show a subject."""

import random

import torch
from torch import Tensor

from world.attributes import World, sample_scene
from world.render import render

FRAMES = 9          # of a rendered clip
TOGETHER = 4        # clips rendered at once
WITH_SUBJECT = 0.75  # of the crops


def shapes_like(side: int) -> list[tuple[int, int]]:
    """Width and height of a square, and of 16:9 and 9:16 of like area, in whole cells of 32 pixels."""
    wide, narrow = round(side * 4 / 3 / 32) * 32, round(side * 3 / 4 / 32) * 32
    return [(side, side), (side, side), (wide, narrow), (narrow, wide)]


class CropPool:
    def __init__(self, world: World, seed: int, side: int, clips: int):
        self.world, self.source, self.shapes, self.most = world, random.Random(seed), shapes_like(side), clips
        self.clips: list[tuple[Tensor, Tensor]] = []   # u8 [F, H, W, 3], u8 [F, H, W]

    def refresh(self) -> None:
        """Render a few clips; once the pool is full they take the oldest ones' places."""
        width, height = self.source.choice(self.shapes)
        scenes = [sample_scene(self.world, self.source) for _ in range(TOGETHER)]
        pixels, mask = render(scenes, width, height, FRAMES)
        self.clips += zip(pixels.unbind(), (mask * 255).round().byte().unbind())
        del self.clips[: max(0, len(self.clips) - self.most)]

    def _corner(self, mask: Tensor, side: int) -> tuple[int, int]:
        """Top left of a crop: anywhere, or where the crop's middle half has a pixel of the subject."""
        height, width = mask.shape
        top, left = self.source.randrange(height - side + 1), self.source.randrange(width - side + 1)
        if self.source.random() < WITH_SUBJECT:
            seen = mask.flatten().nonzero()
            if len(seen):
                y, x = divmod(seen[self.source.randrange(len(seen))].item(), width)
                top = y - side // 4 - self.source.randrange(side // 2)
                left = x - side // 4 - self.source.randrange(side // 2)
        return min(max(top, 0), height - side), min(max(left, 0), width - side)

    def batch(self, count: int, frames: int, side: int) -> tuple[Tensor, Tensor]:
        """video f32 [B, 3, frames, side, side] in [-1, 1] and the subjects' mask f32 [B, 1, frames, side, side]."""
        videos, masks = [], []
        for _ in range(count):
            pixels, mask = self.source.choice(self.clips)
            start = self.source.randrange(len(pixels) - frames + 1)
            top, left = self._corner(mask[start + frames // 2], side)
            part = (slice(start, start + frames), slice(top, top + side), slice(left, left + side))
            videos.append(pixels[part])
            masks.append(mask[part])
        return torch.stack(videos).movedim(-1, 1).float() / 127.5 - 1, torch.stack(masks)[:, None].float() / 255
