"""Rendered clips at hand, and crops of them that mostly show a subject.

The clips lie in one file of fixed places, which all processes of a training share and which outlives them. Each
process renders a few clips now and then, into empty places first, then over others.
"""

import random
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from world.attributes import World, sample_scene
from world.render import render

FRAMES = 9           # of a rendered clip
TOGETHER = 4         # clips rendered at once
FEWEST = 16          # clips to begin with
WITH_SUBJECT = 0.75  # of the crops


def shapes_like(side: int) -> list[tuple[int, int]]:
    """Width and height of a square, and of 16:9 and 9:16 of like area, in whole cells of 32 pixels."""
    wide, narrow = round(side * 4 / 3 / 32) * 32, round(side * 3 / 4 / 32) * 32
    return [(side, side), (side, side), (wide, narrow), (narrow, wide)]


class CropPool:
    def __init__(self, folder: Path, world: World, seed: int, side: int, clips: int):
        self.world, self.source, self.shapes = world, random.Random(seed), shapes_like(side)
        area = max(width * height for width, height in self.shapes)
        self.sizes = self._map(folder / f"clips_{world.name}_{side}_sizes", np.int32, (clips, 2))                         # height, width
        self.pixels = self._map(folder / f"clips_{world.name}_{side}_pixels", np.uint8, (clips, FRAMES * area * 4))  # colours and mask
        while np.count_nonzero(self.sizes[:, 0]) < FEWEST:
            self.refresh()

    def _map(self, path: Path, dtype: type, shape: tuple[int, ...]) -> np.memmap:
        size = int(np.prod(shape)) * np.dtype(dtype).itemsize
        fits = path.exists() and path.stat().st_size == size
        return np.memmap(path, dtype, "r+" if fits else "w+", shape=shape)

    @property
    def full(self) -> bool:
        return bool(self.sizes[:, 0].all())

    def refresh(self) -> None:
        """Render a few clips into places of the file."""
        width, height = self.source.choice(self.shapes)
        scenes = [sample_scene(self.world, self.source) for _ in range(TOGETHER)]
        pixels, mask = render(scenes, width, height, FRAMES)
        both = torch.cat([pixels, (mask * 255).round().byte()[..., None]], dim=-1).flatten(1).numpy()  # [B, F * H * W * 4]
        for clip in both:
            empty = np.flatnonzero(self.sizes[:, 0] == 0)
            place = int(empty[0]) if len(empty) else self.source.randrange(len(self.sizes))
            self.pixels[place, : len(clip)] = clip
            self.sizes[place] = height, width

    def _clip(self) -> np.ndarray:
        """u8 [F, H, W, 4]"""
        place = int(self.source.choice(np.flatnonzero(self.sizes[:, 0])))
        height, width = map(int, self.sizes[place])
        return self.pixels[place, : FRAMES * height * width * 4].reshape(FRAMES, height, width, 4)

    def _corner(self, mask: np.ndarray, side: int) -> tuple[int, int]:
        """Top left of a crop: anywhere, or where the crop's middle half has a pixel of the subject."""
        height, width = mask.shape
        top, left = self.source.randrange(height - side + 1), self.source.randrange(width - side + 1)
        if self.source.random() < WITH_SUBJECT:
            seen = np.flatnonzero(mask)
            if len(seen):
                y, x = divmod(int(self.source.choice(seen)), width)
                top = y - side // 4 - self.source.randrange(side // 2)
                left = x - side // 4 - self.source.randrange(side // 2)
        return min(max(top, 0), height - side), min(max(left, 0), width - side)

    def batch(self, count: int, frames: int, side: int) -> tuple[Tensor, Tensor]:
        """video f32 [B, 3, frames, side, side] in [-1, 1] and the subjects' mask f32 [B, 1, frames, side, side]."""
        crops = []
        for _ in range(count):
            clip = self._clip()
            start = self.source.randrange(FRAMES - frames + 1)
            top, left = self._corner(clip[start + frames // 2, ..., 3], side)
            crops.append(clip[start:start + frames, top:top + side, left:left + side])
        both = torch.from_numpy(np.stack(crops)).movedim(-1, 1).float()  # [B, 4, F, side, side]
        return both[:, :3] / 127.5 - 1, both[:, 3:] / 255
