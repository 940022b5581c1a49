"""Scenes become frames: sky, celestial bodies, land, other subjects, weather, then the style over all."""

from collections.abc import Sequence

import torch
from torch import Tensor

from . import lands, skies, styles, weathers
from .attributes import Scene
from .canvas import Canvas
from .stage import paint_actors


@torch.no_grad()
def render(scenes: Sequence[Scene], width: int, height: int, frames: int, fps: float = 8.0,
           device: str | torch.device = "cpu") -> tuple[Tensor, Tensor]:
    """-> frames u8 [B, F, H, W, 3] and the subjects' mask f32 [B, F, H, W] in 0 … 1.

    A scene's clip depends on its attributes and seed alone, not on the batch it is rendered in; at another size
    it is the same picture, finer or wider.
    """
    canvas = Canvas(scenes, width, height, frames, fps, device)
    canvas.each(lambda scene: scene.sky, skies.PAINTERS)
    paint_actors(canvas, celestial=True)
    canvas.each(lambda scene: scene.land, lands.PAINTERS)
    paint_actors(canvas, celestial=False)
    canvas.each(lambda scene: scene.weather, weathers.PAINTERS)
    canvas.each(lambda scene: scene.style, styles.PAINTERS)
    pixels = (canvas.image.clamp(0, 1) * 255 + 0.5).to(torch.uint8).permute(0, 2, 3, 4, 1).contiguous()
    return pixels, canvas.mask
