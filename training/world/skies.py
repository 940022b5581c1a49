"""Skies: a gradient, then what hangs in it. `light` is the colour that a sky throws on everything below."""

from dataclasses import dataclass

import numpy as np

from .canvas import Canvas, colour, mix, smoothstep


@dataclass(frozen=True)
class SkyLook:
    stops: tuple  # colours from the horizon to the top
    light: tuple
    haze: tuple   # the colour that far land fades to


LOOKS = {
    "day": SkyLook(((0.74, 0.90, 0.99), (0.40, 0.68, 0.97), (0.18, 0.46, 0.90)), (1.0, 1.0, 1.0), (0.72, 0.87, 0.98)),
    "dawn": SkyLook(((1.0, 0.84, 0.66), (0.98, 0.70, 0.74), (0.60, 0.60, 0.88)), (0.95, 0.82, 0.84), (0.98, 0.80, 0.74)),
    "sunset": SkyLook(((1.0, 0.66, 0.26), (0.95, 0.32, 0.16), (0.66, 0.11, 0.16)), (0.78, 0.46, 0.42), (0.96, 0.45, 0.25)),
    "night": SkyLook(((0.12, 0.17, 0.38), (0.05, 0.08, 0.24), (0.02, 0.03, 0.13)), (0.22, 0.27, 0.45), (0.10, 0.14, 0.32)),
    "aurora": SkyLook(((0.04, 0.20, 0.25), (0.02, 0.10, 0.17), (0.01, 0.05, 0.11)), (0.20, 0.38, 0.40), (0.05, 0.22, 0.26)),
    "storm": SkyLook(((0.56, 0.58, 0.62), (0.38, 0.40, 0.45), (0.22, 0.23, 0.28)), (0.52, 0.55, 0.60), (0.52, 0.54, 0.58)),
}
_CLOUDS = {"day": (3, (1.0, 1.0, 1.0), 0.9), "dawn": (3, (1.0, 0.90, 0.88), 0.7), "storm": (5, (0.15, 0.16, 0.20), 0.8)}


def jitter(canvas: Canvas, rgb, amount: float) -> np.ndarray:
    return np.clip(np.asarray(rgb, np.float32) + canvas.rng.uniform(-amount, amount, 3).astype(np.float32), 0, 1)


def paint_sky(canvas: Canvas, sky: str, horizon: float) -> None:
    look = LOOKS[sky]
    low, middle, high = (colour(jitter(canvas, stop, 0.025)) for stop in look.stops)
    rise = np.clip((canvas.y - horizon) / (canvas.top - horizon), 0, 1)[None] * 2     # [1, n, H, 1]
    gradient = mix(mix(low, middle, np.clip(rise, 0, 1)), high, np.clip(rise - 1, 0, 1))
    canvas.image = np.broadcast_to(gradient, (*gradient.shape[:3], canvas.width)).astype(np.float32)
    if sky in ("day", "dawn", "sunset"):
        _paint_sun(canvas, sky, horizon)
    if sky in ("night", "aurora"):
        _paint_stars(canvas, horizon, count=13 if sky == "night" else 5)
    if sky == "aurora":
        _paint_aurora(canvas)
    if sky in _CLOUDS:
        _paint_clouds(canvas, horizon, *_CLOUDS[sky])


def _paint_sun(canvas: Canvas, sky: str, horizon: float) -> None:
    sun_x = canvas.rng.uniform(-0.7, 0.7) * canvas.right
    if sky == "day":
        sun_y = canvas.rng.uniform(0.5, 0.8) * canvas.top
    else:
        sun_y = horizon + canvas.rng.uniform(0.08, 0.3)
    distance = np.hypot(canvas.x_at(0.1) - sun_x, canvas.y - sun_y)
    strength, falloff = {"day": (0.5, 3.2), "dawn": (0.5, 2.4), "sunset": (0.55, 2.4)}[sky]
    canvas.paint(np.exp(-distance * falloff) * strength, (1.0, 0.80, 0.40) if sky == "sunset" else (1.0, 0.93, 0.72))
    canvas.paint(canvas.cover(distance - 0.17), (1.0, 0.93, 0.66) if sky == "sunset" else (1.0, 0.98, 0.86))


def _paint_stars(canvas: Canvas, horizon: float, count: int) -> None:
    """Few and soft: a star smaller than a pixel is noise that no autoencoder keeps."""
    x, y = canvas.x_at(0.1), canvas.y
    columns = max(2, round(count * canvas.right / 3))
    light = np.zeros((1, 1, 1), np.float32)
    rng = canvas.rng
    for index in range(round(count * canvas.right * canvas.top)):
        # One star a cell of a loose grid spreads them evenly: gaps and clumps are more to learn.
        centre_x = ((index % columns + rng.uniform(0.15, 0.85)) / columns * 2 - 1) * canvas.right * 1.2
        centre_y = rng.uniform(horizon + 0.1, canvas.top)
        size = rng.uniform(0.028, 0.045)
        twinkle = 0.85 + 0.15 * np.sin(rng.uniform(0, 6.28) + canvas.time * 5)
        glow = np.exp(-((x - centre_x) ** 2) / size**2) * np.exp(-((y - centre_y) ** 2) / size**2)
        light = light + glow * (twinkle * np.float32(rng.uniform(0.7, 1.0)))
    canvas.paint(np.minimum(light, 1), (0.96, 0.97, 1.0))


def _paint_aurora(canvas: Canvas) -> None:
    rng, time = canvas.rng, canvas.time
    for second in (False, True):
        phase, pace, swing = rng.uniform(0, 6.28), rng.uniform(1.2, 2.2), rng.uniform(0.08, 0.16)
        base = canvas.top * (rng.uniform(0.1, 0.3) + 0.25 * second)
        x = canvas.x_at(0.15)
        above = canvas.y - (base + swing * np.sin(x * pace + phase + time * 1.8))
        curtain = np.exp(-np.abs(above) * np.where(above > 0, np.float32(2.6), np.float32(11)))
        curtain = curtain * (0.8 + 0.2 * np.sin(x * 6 + phase + time * 2.5))
        tip = (0.10, 0.62, 0.95) if second else (0.58, 0.25, 0.95)
        tint = mix(colour((0.15, 0.95, 0.55)), colour(tip), np.clip(above * 1.6, 0, 1)[None])
        canvas.paint(curtain * 0.85, tint)


def _paint_clouds(canvas: Canvas, horizon: float, count: int, rgb, opacity: float) -> None:
    rng = canvas.rng
    drift = rng.uniform(-0.25, 0.25) * canvas.progress
    cover = np.zeros((1, 1, 1), np.float32)
    heavy = 1.7 if count > 3 else 1.0
    for index in range(count):
        centre_x = ((index + rng.uniform(0.1, 0.9)) / count * 2 - 1) * canvas.right * 1.1
        centre_y = mix(horizon, canvas.top, rng.uniform(0.5, 0.95))
        width, height = rng.uniform(0.35, 0.6), rng.uniform(0.10, 0.16) * heavy
        dx, dy = (canvas.x_at(0.2) - centre_x - drift) / width, (canvas.y - centre_y) / height
        # A flatter underside than top reads as a cloud.
        cover = np.maximum(cover, np.exp(-1.2 * dx * dx) * np.exp(-1.2 * dy * dy * np.where(dy < 0, np.float32(2.5), np.float32(1))))
    canvas.paint(smoothstep((cover - 0.2) / 0.6) * opacity, rgb)
