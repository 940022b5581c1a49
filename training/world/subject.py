"""What a subject's painter is given: its own coordinates, colour and clock."""

import math

import torch
from torch import Tensor

from .canvas import Canvas, mix


class Subject:
    """One actor in a group of clips that all show the same kind of subject.

    `u`, `v` [B, F, H, W]: coordinates in the subject's own frame, where the subject fills about -1 … 1
    (v up; it faces u > 0: a painter never asks where it moves). `clock` [B, F, 1, 1]: seconds, for flapping and rolling.
    Distances passed to `part` are in these own units, negative inside.
    """

    def __init__(self, canvas: Canvas, name: str, u: Tensor, v: Tensor, pixel: Tensor, colour: Tensor, clock: Tensor, light: Tensor):
        self.canvas, self.name = canvas, name
        self.u, self.v, self.pixel = u, v, pixel
        self.colour = colour                    # [B, 3, 1, 1, 1] the named colour
        self.clock = clock
        self._light = light                     # [B, 3, 1, 1, 1]
        self.mask = torch.zeros_like(u)         # union of the parts

    def random(self, name: str, low: float = 0.0, high: float = 1.0) -> Tensor:
        """[B, 1, 1, 1], fixed by the clip; drawn in as the world wants it."""
        return self.canvas.stray(f"{self.name} {name}", low, high)

    def part(self, distance: Tensor, rgb=None, shade: float | Tensor = 1.0, opacity: float | Tensor = 1.0, glow: float = 0.0,
             softness: float = 1.0) -> None:
        """Paint one shape. rgb: None is the subject's colour; `shade` multiplies it (0.8 darker; above 1 mixes to white);
        `glow` (0 … 1) is how far it shines by itself instead of taking the sky's light."""
        colour = self.colour if rgb is None else self.canvas.colour(rgb)
        if isinstance(shade, Tensor):
            shade = shade.unsqueeze(1)
            colour = mix(colour * shade.clamp(0, 1), torch.ones_like(colour), (shade - 1).clamp(0, 1))
        elif shade <= 1:
            colour = colour * shade
        else:
            colour = mix(colour, torch.ones_like(colour), shade - 1)
        colour = colour * mix(self._light, torch.ones_like(self._light), glow)
        cover = (0.5 - distance / (self.pixel * softness)).clamp(0, 1) * opacity
        self.canvas.paint(cover, colour, shadow=1.0)
        self.mask = torch.maximum(self.mask, cover)

    def halo(self, distance: Tensor, rgb, reach: float, strength: float) -> None:
        """Light around a shape, fading over `reach` own units."""
        self.canvas.glow(strength * torch.exp(-distance.clamp_min(0) / reach), rgb)


# --- signed distances in own units, negative inside: the pieces that painters combine -----------------

def circle(x: Tensor, y: Tensor, radius: float | Tensor) -> Tensor:
    return torch.sqrt(x * x + y * y) - radius


def ellipse(x: Tensor, y: Tensor, rx: float | Tensor, ry: float | Tensor) -> Tensor:
    """Approximate distance: right at the edge's neighbourhood, which is what antialiasing needs."""
    k = torch.sqrt((x / rx) ** 2 + (y / ry) ** 2)
    slope = torch.sqrt((x / (rx * rx)) ** 2 + (y / (ry * ry)) ** 2) + 1e-6
    return k * (k - 1) / slope


def box(x: Tensor, y: Tensor, rx: float | Tensor, ry: float | Tensor, corner: float = 0.0) -> Tensor:
    dx, dy = x.abs() - (rx - corner), y.abs() - (ry - corner)
    return torch.sqrt(dx.clamp_min(0) ** 2 + dy.clamp_min(0) ** 2) + torch.maximum(dx, dy).clamp_max(0) - corner


def segment(x: Tensor, y: Tensor, ax, ay, bx, by, radius: float | Tensor) -> Tensor:
    """A line from a to b with round ends, `radius` thick to each side."""
    px, py, dx, dy = x - ax, y - ay, bx - ax, by - ay
    along = ((px * dx + py * dy) / (dx * dx + dy * dy + 1e-9)).clamp(0, 1)
    return torch.sqrt((px - dx * along) ** 2 + (py - dy * along) ** 2) - radius


def half(x: Tensor, y: Tensor, nx: float, ny: float, offset: float) -> Tensor:
    """A half plane: inside where (x, y)·n < offset; n need not have length 1."""
    length = math.hypot(nx, ny)
    return (x * nx + y * ny - offset) / length


def polygon(x: Tensor, y: Tensor, points: list[tuple[float, float]]) -> Tensor:
    """A convex polygon, its points counter-clockwise."""
    distance = None
    for (ax, ay), (bx, by) in zip(points, points[1:] + points[:1]):
        edge = half(x, y, by - ay, ax - bx, (by - ay) * ax + (ax - bx) * ay)
        distance = edge if distance is None else torch.maximum(distance, edge)
    return distance


def union(*distances: Tensor) -> Tensor:
    result = distances[0]
    for other in distances[1:]:
        result = torch.minimum(result, other)
    return result


def meet(*distances: Tensor) -> Tensor:
    """Intersection."""
    result = distances[0]
    for other in distances[1:]:
        result = torch.maximum(result, other)
    return result


def without(distance: Tensor, hole: Tensor) -> Tensor:
    return torch.maximum(distance, -hole)


def turn(x: Tensor, y: Tensor, angle: float | Tensor) -> tuple[Tensor, Tensor]:
    """Coordinates of a thing turned counter-clockwise by `angle` radians."""
    angle = angle if isinstance(angle, Tensor) else torch.tensor(angle)
    cos, sin = torch.cos(angle).to(x.device), torch.sin(angle).to(x.device)
    return x * cos + y * sin, y * cos - x * sin
