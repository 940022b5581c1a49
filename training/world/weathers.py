"""Weather in front of everything: soft, sparse and large, so that it survives compression."""

import math

import torch
from torch import Tensor

from .canvas import Canvas, mix, smoothstep
from .lands import horizon_of

_LAYERS = (0.6, 1.0)  # depths of falling things


def _falling(canvas: Canvas, name: str, depth: float, cell: float, speed: float, sway: float) -> tuple[Tensor, Tensor, Tensor]:
    """One thing to a cell of an endless grid that falls: offsets from the cell's thing in cells (x, y), and its dice [0, 1)."""
    x = canvas.x_at(depth) + sway * torch.sin(canvas.time * 1.6 + canvas.random(f"{name} sway", 0, 6.28))
    x, y = x / cell, (canvas.y_at(depth) + speed * canvas.time) / cell
    column = torch.floor(x)
    y = y + canvas.scatter(f"{name} start", column)          # columns are not in step
    row = torch.floor(y)
    dice = canvas.scatter(name, column, row)
    dx = x - column - 0.3 - 0.4 * dice
    dy = y - row - 0.5
    return dx, dy, dice


def _snow(canvas: Canvas) -> None:
    for index, depth in enumerate(_LAYERS):
        cell = 0.40 + 0.14 * index
        dx, dy, dice = _falling(canvas, f"flake {index}", depth, cell, 0.24 + 0.12 * index, 0.05)
        radius = 0.10 + 0.03 * dice
        canvas.paint(0.95 * (dice < 0.75).float() * smoothstep(1.6 - torch.sqrt(dx * dx + dy * dy) / radius), (1.0, 1.0, 1.0))


def _rain(canvas: Canvas) -> None:
    for index, depth in enumerate(_LAYERS):
        cell = 0.20 + 0.08 * index
        dx, dy, dice = _falling(canvas, f"drop {index}", depth, cell, 1.7 + 0.5 * index, 0.0)
        streak = smoothstep(1.5 - dx.abs() / 0.07) * smoothstep(1.4 - dy.abs() / 0.36) * (dice < 0.6).float()
        canvas.paint(0.42 * streak, mix(canvas.haze, torch.ones_like(canvas.haze), 0.6))
    canvas.image = mix(canvas.image, canvas.haze * 0.85, 0.16)


def _fog(canvas: Canvas) -> None:
    horizon = horizon_of(canvas)
    pale = mix(canvas.haze, canvas.colour((0.93, 0.94, 0.96)), 0.6)
    for index, (depth, height) in enumerate(((0.3, 0.02), (0.8, -0.42))):
        phase = canvas.random(f"fog {index}", 0, 2 * math.pi)
        bank = horizon + height + 0.08 * torch.sin(canvas.x_at(depth) * 2.2 + phase + canvas.time * (0.7 - 0.3 * index))
        canvas.paint(0.08 + 0.48 * torch.exp(-((canvas.y_at(depth) - bank) / 0.36) ** 2), pale)


def _fireflies(canvas: Canvas) -> None:
    cell = 0.52
    x = (canvas.x_at(0.9) + 0.08 * torch.sin(canvas.time * 0.9)) / cell
    y = (canvas.y_at(0.9) - 0.06 * canvas.time) / cell
    column, row = torch.floor(x), torch.floor(y)
    dice, other = canvas.scatter("firefly", column, row), canvas.scatter("firefly y", column, row)
    dx = x - column - 0.5 - 0.22 * torch.cos(dice * 40 + canvas.time * 1.3)
    dy = y - row - 0.5 - 0.22 * torch.sin(other * 40 + canvas.time * 1.1)
    pulse = 0.55 + 0.45 * torch.sin(canvas.time * 2.2 + dice * 60)
    away = dx * dx + dy * dy
    below = smoothstep((horizon_of(canvas) + 0.45 - canvas.y_at(0.9)) / 0.35)
    lit = pulse * (other < 0.75).float() * below
    canvas.glow(0.5 * lit * torch.exp(-away / 0.03), (1.0, 0.80, 0.25))
    canvas.paint(lit * smoothstep(1.6 - torch.sqrt(away) / 0.075), (1.0, 0.96, 0.55))


def _falling_leaves(canvas: Canvas) -> None:
    for index, depth in enumerate(_LAYERS):
        cell = 0.40 + 0.14 * index
        dx, dy, dice = _falling(canvas, f"leaf {index}", depth, cell, 0.30 + 0.10 * index, 0.09)
        angle = dice * 6.28 + canvas.time * 1.2
        u, v = dx * torch.cos(angle) + dy * torch.sin(angle), dy * torch.cos(angle) - dx * torch.sin(angle)
        leaf = smoothstep(2.0 - (u.abs() / 0.20 + (v / 0.10) ** 2) * 1.4) * (dice < 0.8).float()
        tint = mix(canvas.colour((0.93, 0.62, 0.12)), canvas.colour((0.80, 0.26, 0.12)), torch.frac(dice * 7).unsqueeze(1))
        canvas.paint(leaf, tint * mix(canvas.ambient, torch.ones_like(canvas.ambient), 0.4))


PAINTERS = {"snow": _snow, "rain": _rain, "fog": _fog, "fireflies": _fireflies, "falling leaves": _falling_leaves}
