"""Skies: the whole picture's background, and the light that everything else is seen in."""

import math

import torch
from torch import Tensor

from .canvas import FAR, Canvas, mix, smoothstep
from .lands import horizon_of



def _light(canvas: Canvas, ambient, haze) -> None:
    count = len(canvas.scenes)
    canvas.ambient = canvas.colour(ambient).expand(count, -1, -1, -1, -1).clone()
    canvas.haze = canvas.colour(haze).expand(count, -1, -1, -1, -1).clone()


def _gradient(canvas: Canvas, stops) -> None:
    """stops: colours from the horizon up to the zenith, at equal distances (a third one lets the sky turn colour half-way)."""
    height = canvas.y_at(0.0) - horizon_of(canvas)
    share = (height / 1.25).clamp(0, 1) * (len(stops) - 1)                             # [B, F, H, 1]
    image = canvas.colour(stops[0])
    for index, rgb in enumerate(stops[1:]):
        image = mix(image, canvas.colour(rgb), smoothstep(share - index).unsqueeze(1))
    canvas.image = image.expand_as(canvas.image).clone()


def _away_from(canvas: Canvas, x: Tensor, y: Tensor) -> Tensor:
    """Distance of each pixel from a point in the far sky."""
    return torch.sqrt((canvas.x_at(FAR) - x) ** 2 + (canvas.y_at(FAR) - y) ** 2)


def _sun(canvas: Canvas, height: Tensor, radius: float, rgb, glow_rgb, reach: float, strength: float) -> None:
    x = canvas.random("sun x", -0.6, 0.6) * canvas.right
    away = _away_from(canvas, x, height)
    canvas.paint(strength * torch.exp(-away / reach), glow_rgb)
    canvas.paint(canvas.cover(away - radius, FAR, softness=2), rgb)


def _clouds(canvas: Canvas, count: int, rgb, under, opacity: float, low: float, high: float, size: float = 1.0) -> None:
    """Rounded clouds with a flat, shaded base, drifting slowly together."""
    drift = canvas.random("wind", 0.03, 0.09) * torch.where(canvas.random("wind side") < 0.5, -1.0, 1.0)
    x, y = canvas.x_at(FAR), canvas.y_at(FAR)
    period = 2 * canvas.right + 1.6
    horizon = horizon_of(canvas)
    for index in range(count):
        name = f"cloud {index}"
        start = canvas.random(f"{name} x", -0.3, 0.3) + (index + 0.5) / count * period
        centre = torch.remainder(start + drift * canvas.time, period) - period / 2
        base = horizon + (low + (high - low) * (index * 0.618 % 1) + canvas.random(f"{name} y", -0.06, 0.06)) * (canvas.top - horizon)
        width = size * canvas.random(f"{name} size", 0.30, 0.46)
        dx, dy = (x - centre) / width, (y - base) / width
        body = torch.minimum((dx * dx + (dy * 1.9) ** 2) - 1,
                             torch.minimum((dx + 0.32) ** 2 + (dy - 0.18) ** 2 - 0.16, (dx - 0.22) ** 2 + (dy - 0.24) ** 2 - 0.22))
        cover = smoothstep(-body * 2.2) * smoothstep((dy + 0.20) * 4) * opacity
        shade = smoothstep((dy + 0.25) * 1.6).unsqueeze(1)
        canvas.paint(cover, mix(canvas.colour(under), canvas.colour(rgb), shade))


def _stars(canvas: Canvas, cell: float, share: float, brightness: float) -> None:
    """Round soft stars, one at most in a cell of the sky, that twinkle slowly."""
    x, y = canvas.x_at(FAR) / cell, canvas.y_at(FAR) / cell
    column, row = torch.floor(x), torch.floor(y)
    dx = x - column - 0.25 - 0.5 * canvas.scatter("star x", column, row)
    dy = y - row - 0.25 - 0.5 * canvas.scatter("star y", column, row)
    dice = canvas.scatter("star", column, row)
    shines = (dice < share).float() * (0.45 + 0.55 * dice / share)
    twinkle = 0.8 + 0.2 * torch.sin(canvas.time * 2.0 + dice * 300)
    radius = 0.10
    spot = torch.exp(-(dx * dx + dy * dy) / (radius * radius))
    canvas.glow(brightness * shines * twinkle * spot, (0.92, 0.95, 1.0))


def _day(canvas: Canvas) -> None:
    _light(canvas, (1.0, 1.0, 0.98), (0.76, 0.88, 0.98))
    _gradient(canvas, ((0.80, 0.92, 0.99), (0.45, 0.72, 0.97), (0.20, 0.48, 0.90)))
    _sun(canvas, canvas.random("sun y", 0.50, 0.72) * canvas.top, 0.14, (1.0, 0.97, 0.80), (1.0, 0.97, 0.84), 0.30, 0.55)
    _clouds(canvas, 3, (1.0, 1.0, 1.0), (0.80, 0.88, 0.96), 0.95, 0.30, 0.85)


def _sunset(canvas: Canvas) -> None:
    _light(canvas, (0.84, 0.58, 0.52), (0.98, 0.56, 0.36))
    _gradient(canvas, ((1.0, 0.66, 0.28), (0.95, 0.36, 0.30), (0.42, 0.18, 0.46)))
    _sun(canvas, horizon_of(canvas) + canvas.random("sun y", 0.10, 0.24), 0.20, (1.0, 0.92, 0.62), (1.0, 0.80, 0.42), 0.42, 0.85)
    _clouds(canvas, 2, (0.98, 0.62, 0.46), (0.62, 0.26, 0.42), 0.8, 0.45, 0.85)


def _dawn(canvas: Canvas) -> None:
    _light(canvas, (0.90, 0.82, 0.88), (0.98, 0.84, 0.84))
    _gradient(canvas, ((1.0, 0.90, 0.76), (0.98, 0.76, 0.80), (0.62, 0.68, 0.92)))
    _sun(canvas, horizon_of(canvas) + canvas.random("sun y", 0.06, 0.16), 0.15, (1.0, 0.98, 0.90), (1.0, 0.95, 0.82), 0.35, 0.7)
    _clouds(canvas, 2, (1.0, 0.90, 0.90), (0.86, 0.70, 0.84), 0.7, 0.40, 0.80)


def _starry_night(canvas: Canvas) -> None:
    _light(canvas, (0.34, 0.38, 0.60), (0.16, 0.19, 0.42))
    _gradient(canvas, ((0.16, 0.20, 0.46), (0.06, 0.09, 0.27), (0.02, 0.03, 0.13)))
    # A pale band of the galaxy, tilted.
    lean = canvas.random("galaxy lean", -0.6, 0.6)
    band = canvas.y_at(0.0) - 0.45 - lean * canvas.x_at(0.0)
    canvas.glow(0.16 * torch.exp(-(band / 0.28) ** 2), (0.55, 0.50, 0.95))
    _stars(canvas, 0.36, 0.8, 1.0)


def _moonlit(canvas: Canvas) -> None:
    _light(canvas, (0.46, 0.54, 0.76), (0.30, 0.40, 0.66))
    _gradient(canvas, ((0.34, 0.46, 0.72), (0.14, 0.23, 0.48), (0.05, 0.09, 0.26)))
    x, y = canvas.random("moon x", -0.55, 0.55) * canvas.right, canvas.random("moon y", 0.42, 0.62) * canvas.top
    away = _away_from(canvas, x, y)
    canvas.glow(0.55 * torch.exp(-away / 0.30), (0.60, 0.72, 1.0))
    canvas.paint(canvas.cover(away - 0.22, FAR, softness=2), (0.95, 0.96, 0.90))
    for dx, dy, radius in ((-0.07, 0.06, 0.06), (0.08, -0.03, 0.075), (-0.03, -0.11, 0.045)):
        canvas.paint(0.8 * canvas.cover(_away_from(canvas, x + dx, y + dy) - radius, FAR, softness=3), (0.84, 0.86, 0.84))
    _clouds(canvas, 2, (0.42, 0.52, 0.78), (0.20, 0.28, 0.52), 0.55, 0.30, 0.60)


def _aurora(canvas: Canvas) -> None:
    _light(canvas, (0.30, 0.50, 0.54), (0.10, 0.32, 0.36))
    _gradient(canvas, ((0.06, 0.26, 0.32), (0.02, 0.10, 0.20), (0.01, 0.03, 0.11)))
    _stars(canvas, 0.40, 0.35, 0.6)
    x, y = canvas.x_at(FAR), canvas.y_at(FAR)
    for index, (near, far, height) in enumerate((((0.10, 0.95, 0.52), (0.50, 0.24, 0.92), 0.30), ((0.14, 0.86, 0.66), (0.20, 0.36, 0.95), 0.50))):
        phase, wave = canvas.random(f"curtain {index}", 0, 2 * math.pi), canvas.random(f"curtain wave {index}", 1.6, 2.6)
        foot = height * canvas.top - 0.22 + 0.16 * torch.sin(x * wave + phase + canvas.time * 0.7) + 0.05 * torch.sin(x * wave * 2.3 - phase - canvas.time * 0.9)
        above = y - foot                                                                # [B, F, H, W]
        light = torch.where(above > 0, torch.exp(-above.clamp_min(0) * 2.6), torch.exp(above.clamp_max(0) * 13))
        folds = 0.74 + 0.26 * torch.sin(x * 6 + phase * 3 + canvas.time * 1.3)
        canvas.paint(0.85 * light * folds, mix(canvas.colour(near), canvas.colour(far), (above * 1.5).clamp(0, 1).unsqueeze(1)))


def _heavy_clouds(canvas: Canvas, rows, bump: float) -> None:
    """Banks of cloud from the top down, each a row of round bellies that drifts: (height, colour)."""
    x, y = canvas.x_at(FAR), canvas.y_at(FAR)
    drift = canvas.random("wind", 0.05, 0.10) * torch.where(canvas.random("wind side") < 0.5, -1.0, 1.0)
    for index, (height, rgb) in enumerate(rows):
        phase = canvas.random(f"bank {index}", 0, 2 * math.pi)
        along = (x + drift * canvas.time * (1 + 0.4 * index)) * (4.2 - 0.6 * index) + phase
        belly = bump * (torch.sin(along).abs() + 0.5 * torch.sin(along * 0.53 + 1).abs())
        edge = height * canvas.top - belly
        fade = smoothstep((y - edge) / 0.16).unsqueeze(1)
        darker = mix(canvas.colour(rgb) * 0.80, canvas.colour(rgb), smoothstep((y - edge) / 0.45).unsqueeze(1))
        canvas.image = mix(canvas.image, darker, fade)


def _storm(canvas: Canvas) -> None:
    _light(canvas, (0.52, 0.55, 0.64), (0.44, 0.48, 0.56))
    _gradient(canvas, ((0.62, 0.66, 0.70), (0.38, 0.42, 0.50), (0.20, 0.22, 0.30)))
    _heavy_clouds(canvas, ((0.50, (0.40, 0.42, 0.50)), (0.74, (0.29, 0.31, 0.39)), (1.0, (0.18, 0.19, 0.26))), 0.20)


def _overcast(canvas: Canvas) -> None:
    _light(canvas, (0.82, 0.84, 0.86), (0.82, 0.84, 0.86))
    _gradient(canvas, ((0.88, 0.89, 0.90), (0.80, 0.82, 0.84), (0.72, 0.75, 0.78)))
    _heavy_clouds(canvas, ((0.62, (0.86, 0.87, 0.89)), (0.95, (0.74, 0.76, 0.79))), 0.12)


PAINTERS = {
    "day": _day, "sunset": _sunset, "dawn": _dawn, "starry night": _starry_night, "moonlit": _moonlit,
    "aurora": _aurora, "storm": _storm, "overcast": _overcast,
}
