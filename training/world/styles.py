"""Styles: what is done to the finished picture. "flat" leaves it; a paper cut-out has its shadows already (Canvas.paint)."""

import torch
import torch.nn.functional as functional
from torch import Tensor

from .canvas import Canvas, mix, smoothstep


def _grey(image: Tensor) -> Tensor:
    return (image * torch.tensor((0.33, 0.46, 0.21), device=image.device).view(1, 3, 1, 1, 1)).sum(dim=1, keepdim=True)


def _blur(image: Tensor, radius: int) -> Tensor:
    flat = image.flatten(0, 2).unsqueeze(1)
    for _ in range(2):
        flat = functional.avg_pool2d(functional.pad(flat, (radius,) * 4, mode="replicate"), 2 * radius + 1, 1)
    return flat.view_as(image)


def _pastel(canvas: Canvas) -> None:
    image = canvas.image.clamp(0, 1)
    lifted = mix(image, _grey(image), 0.15).clamp_min(1e-4) ** 0.7
    canvas.image = mix(lifted, torch.ones_like(lifted), 0.42)


def _noir(canvas: Canvas) -> None:
    grey = smoothstep(_grey(canvas.image.clamp(0, 1)) ** 0.8 * 1.05 + 0.03)
    canvas.image = grey.expand_as(canvas.image) * canvas.colour((0.98, 0.98, 1.0))


def _neon(canvas: Canvas) -> None:
    """Night purple in the shadows, magenta, then cyan in the lights; things' own colours glow through."""
    image = canvas.image.clamp(0, 1)
    grey = _grey(image)
    ramp = mix(canvas.colour((0.05, 0.01, 0.16)), canvas.colour((0.72, 0.06, 0.70)), (grey * 1.8).clamp(0, 1))
    ramp = mix(ramp, canvas.colour((0.22, 0.92, 1.0)), (grey * 2 - 1.0).clamp(0, 1))
    colours = ((image - grey) * 1.5 + grey * 0.9 + 0.06).clamp(0, 1)
    canvas.image = mix(ramp + (image - grey) * 0.8, colours, 0.75 * canvas.mask.unsqueeze(1))


def _watercolour(canvas: Canvas) -> None:
    """Pale washes on warm paper: edges bleed, pigment gathers in slow blotches, the picture's rim stays unpainted."""
    image = canvas.image.clamp(0, 1)
    soft = _blur(image, max(1, round(canvas.unit * 0.03)))
    gathered = ((image - soft) * 0.9).clamp(-0.12, 0.06)
    x, y = canvas.x_at(0.0), canvas.y_at(0.0)
    phase = canvas.random("wash", 0, 6.28)
    blotch = 0.5 + 0.25 * (torch.sin(x * 3.1 + y * 1.7 + phase) + torch.sin(y * 3.7 - x * 1.9 + 2 * phase))
    wash = mix(soft + gathered, torch.ones_like(soft), (0.16 + 0.26 * blotch).unsqueeze(1))
    wobble = 0.03 * torch.sin(x * 9 + phase) + 0.03 * torch.sin(y * 8 - phase)
    rim = torch.minimum(canvas.right - canvas._x.abs(), canvas.top - canvas._y.abs()) + wobble
    canvas.image = mix(canvas.colour((0.97, 0.95, 0.90)), wash, smoothstep((rim - 0.03) / 0.10).unsqueeze(1))


def _film(canvas: Canvas) -> None:
    """35 mm: warm lights, green-blue faded shadows, vignette, a little grain that changes with every frame."""
    image = canvas.image.clamp(0, 1)
    image = image ** 0.85
    image = mix(image, _grey(image), 0.28) * canvas.colour((1.06, 0.97, 0.82)) * 0.86 + canvas.colour((0.07, 0.085, 0.09))
    away = torch.sqrt((canvas._x / canvas.right) ** 2 + (canvas._y / canvas.top) ** 2)
    image = image * (1 - 0.52 * smoothstep((away - 0.55) / 0.9)).unsqueeze(1)
    frame = torch.arange(canvas.frames, device=canvas.device).view(1, -1, 1, 1)
    cell = canvas.unit * 0.03
    column = torch.arange(canvas.width, device=canvas.device).view(1, 1, 1, -1) // max(1, round(cell))
    row = torch.arange(canvas.height, device=canvas.device).view(1, 1, -1, 1) // max(1, round(cell))
    grain = canvas.scatter("grain", column + frame * 977, row) - 0.5
    canvas.image = image + (0.035 * grain).unsqueeze(1)


def _pixel_art(canvas: Canvas) -> None:
    """Square pixels, 32 to the short side, in few levels of each colour."""
    size = max(1, round(canvas.unit / 16))
    image = canvas.image.clamp(0, 1).flatten(0, 2).unsqueeze(1)
    small = functional.avg_pool2d(image, size, size, ceil_mode=True)
    small = (small * 7).round() / 7
    big = functional.interpolate(small, scale_factor=size, mode="nearest")[..., : canvas.height, : canvas.width]
    canvas.image = big.view_as(canvas.image)


def _paper(canvas: Canvas) -> None:
    """Shadows were thrown while painting; here the paper's own quiet, even tone."""
    image = canvas.image.clamp(0, 1)
    canvas.image = (image * 5).round() / 5 * 0.35 + image * 0.60 + 0.04


PAINTERS = {
    "pastel": _pastel, "noir": _noir, "neon": _neon, "watercolour": _watercolour, "35 mm grain": _film,
    "pixel art": _pixel_art, "paper cut-out": _paper,
}
