"""How well an autoencoder draws held-out clips: decibels of all pixels, of subjects, of moving subjects, and sharpness."""

import math
import random
from collections.abc import Callable

import torch
from torch import Tensor

from world.attributes import World, sample_scene
from world.render import render

HELD_OUT_SEED = 1_000_003
MOVED = 0.04  # mean difference of a pixel's colours, in [-1, 1], from the frame before


def held_out_clips(world: World, count: int, width: int, height: int, frames: int) -> tuple[Tensor, Tensor]:
    """Clips with held-back combinations: u8 [B, F, H, W, 3] and their subjects' masks, bool [B, F, H, W]."""
    source = random.Random(HELD_OUT_SEED)
    parts = [render([sample_scene(world, source, True)], width, height, frames) for _ in range(count)]
    return torch.cat([pixels for pixels, _ in parts]), torch.cat([mask for _, mask in parts]) > 0.5


def _decibels(square: float, count: float) -> float:
    """Of a sum of squares in units of [-1, 1] pixels."""
    return 10 * math.log10(4 * max(count, 1) / max(square, 1e-9))


def _moving(clip: Tensor) -> Tensor:
    """Pixels that differ from those of the frame before: [3, F, H, W] -> bool [F, H, W]. In the first frame none does."""
    changed = (clip[:, 1:] - clip[:, :-1]).abs().mean(dim=0) > MOVED
    return torch.cat([torch.zeros_like(changed[:1]), changed]) if len(changed) else torch.zeros_like(clip[0], dtype=torch.bool)


def _gradient_energy(video: Tensor, mask: Tensor) -> float:
    """Sum of squared differences between neighbours inside the mask: [3, F, H, W], [F, H, W]."""
    across = (video[..., 1:] - video[..., :-1]).square() * (mask[..., 1:] & mask[..., :-1])
    down = (video[..., 1:, :] - video[..., :-1, :]).square() * (mask[..., 1:, :] & mask[..., :-1, :])
    return across.sum().item() + down.sum().item()


@torch.no_grad()
def measure(reconstruct: Callable[[Tensor], Tensor], pixels: Tensor, mask: Tensor) -> dict[str, float]:
    """Of all clips' pixels together, which the hardest rule. `reconstruct`: [1, 3, F, H, W] -> the same, in [-1, 1]."""
    squares, counts = {"all": 0.0, "subjects": 0.0, "moving": 0.0}, {"all": 0.0, "subjects": 0.0, "moving": 0.0}
    drawn, rendered = 0.0, 0.0
    for frames, seen in zip(pixels, mask):
        clip = frames.movedim(-1, 0).float() / 127.5 - 1                      # [3, F, H, W]
        output = reconstruct(clip[None])[0].float()
        square = (output - clip).square().mean(dim=0)                         # [F, H, W]
        for name, where in (("all", torch.ones_like(seen)), ("subjects", seen), ("moving", seen & _moving(clip))):
            squares[name] += square[where].sum().item()
            counts[name] += where.sum().item()
        drawn += _gradient_energy(output, seen)
        rendered += _gradient_energy(clip, seen)
    figures = {name: _decibels(squares[name], counts[name]) for name in squares if counts[name]}
    return {name: round(value, 2) for name, value in {**figures, "gradient": drawn / max(rendered, 1e-9)}.items()}
