"""Lands: three ridges, far to near, each a height over x; the sea is one plane with waves."""

import numpy as np

from .canvas import Canvas, colour, mix, smoothstep
from .skies import LOOKS, jitter

_GROUND = {
    "mountains": (0.34, 0.40, 0.52), "dunes": (0.92, 0.70, 0.38), "ocean": (0.08, 0.40, 0.62),
    "forest": (0.09, 0.38, 0.20), "snow": (0.90, 0.94, 1.0), "meadow": (0.42, 0.70, 0.22),
}
# Base height, swing, parallax and share of haze of each ridge, heights in units of the half height.
_RIDGES = {
    "mountains": ((-0.02, 0.42, 0.3, 0.45), (-0.30, 0.34, 0.5, 0.20), (-0.68, 0.12, 0.9, 0.0)),
    "dunes": ((-0.18, 0.09, 0.4, 0.35), (-0.42, 0.14, 0.6, 0.12), (-0.72, 0.14, 0.95, 0.0)),
    "forest": ((-0.16, 0.20, 0.3, 0.50), (-0.36, 0.26, 0.55, 0.22), (-0.62, 0.32, 0.95, 0.0)),
    "snow": ((-0.16, 0.11, 0.35, 0.40), (-0.42, 0.13, 0.6, 0.15), (-0.70, 0.12, 0.95, 0.0)),
    "meadow": ((-0.18, 0.10, 0.35, 0.40), (-0.42, 0.12, 0.6, 0.15), (-0.70, 0.10, 0.95, 0.0)),
}
_HORIZON = {"mountains": -0.15, "dunes": -0.18, "ocean": -0.12, "forest": -0.2, "snow": -0.2, "meadow": -0.2}


def horizon_of(canvas: Canvas, land: str) -> float:
    return (_HORIZON[land] + canvas.rng.uniform(-0.05, 0.05)) * canvas.top


def ground_light(sky: str, land: str) -> np.ndarray:
    light = np.asarray(LOOKS[sky].light, np.float32)
    return mix(light, np.float32(1), 0.25) if land == "snow" else light


def _triangle(x: np.ndarray) -> np.ndarray:
    return 1 - np.abs((x - np.floor(x)) * 2 - 1)


def paint_land(canvas: Canvas, land: str, sky: str, horizon: float) -> None:
    base = jitter(canvas, _GROUND[land], 0.03) * ground_light(sky, land)
    haze = np.asarray(LOOKS[sky].haze, np.float32)
    if land == "ocean":
        _paint_ocean(canvas, base, haze, horizon)
        return
    lift = horizon - _HORIZON[land] * canvas.top
    for near, (height, swing, parallax, far) in enumerate(_RIDGES[land]):
        x = canvas.x_at(parallax)
        phase = canvas.rng.uniform(0, 9)
        ridge = height * canvas.top + lift + _profile(land, x, phase, swing, near, canvas.rng)
        tint = mix(colour(base * (1 - 0.16 * near)), colour(haze), far)
        tint = _shade(canvas, land, near, x, phase, ridge, tint, sky, haze)
        canvas.paint(canvas.cover(canvas.y - ridge, softness=1.5), tint)


def _profile(land: str, x, phase: float, swing: float, near: int, rng) -> np.ndarray:
    """Height of a ridge above its base: [n, 1, W]."""
    if land == "mountains" and near < 2:
        wave = x * rng.uniform(0.75, 0.95) + phase
        return swing * (_triangle(wave) + 0.35 * _triangle(wave * 2.3 + 0.4) - 0.35)
    if land == "forest":
        wave = x * (3.2 - 0.7 * near) + phase
        tall = 0.75 + 0.25 * np.sin(np.floor(wave) * 2.4 + phase * 7)
        return swing * _triangle(wave) * tall
    wave = x * rng.uniform(1.2, 1.9) + phase
    crest = swing * np.sin(wave)
    return crest + swing * 0.35 * np.abs(np.sin(wave * 0.7 + 2)) if land == "dunes" else crest


def _shade(canvas: Canvas, land: str, near: int, x, phase: float, ridge, tint, sky: str, haze) -> np.ndarray:
    depth = ridge - canvas.y
    if land == "mountains" and near == 0:
        snow = mix(colour(np.asarray((0.95, 0.97, 1.0), np.float32) * mix(np.asarray(LOOKS[sky].light, np.float32), 1, 0.3)), colour(haze), 0.15)
        line = canvas.top * 0.14 + 0.04 * np.sin(x * 9 + phase)
        return mix(tint, snow, smoothstep((canvas.y - line) / 0.08)[None])
    if land == "mountains" and near == 2:
        return colour(np.asarray((0.16, 0.30, 0.20), np.float32) * np.asarray(LOOKS[sky].light, np.float32))
    if land == "dunes":
        return tint * (0.80 + 0.20 * smoothstep(0.5 + 0.4 * np.cos(x * 1.6 + phase) - 0.6 * depth))[None]
    if land == "forest":
        return tint * (1 - 0.35 * np.clip(depth * 1.2, 0, 1))[None]
    return tint * (1 - 0.25 * np.clip(depth * 1.4, 0, 1))[None]


def _paint_ocean(canvas: Canvas, base, haze, horizon: float) -> None:
    depth = np.clip((horizon - canvas.y) / (canvas.top + horizon), 0, 1)
    water = mix(mix(colour(base), colour(haze), 0.4), colour(base * 0.55), smoothstep(depth)[None])
    x, time, rng = canvas.x_at(0.6), canvas.time, canvas.rng
    waves = np.zeros((1, 1, 1), np.float32)
    for index in range(2):
        direction = 1 if index else -1
        waves = waves + np.sin(
            direction * x * np.float32(rng.uniform(1.2, 1.8)) * (1 + index) / (0.45 + depth)
            + rng.uniform(0, 6.28) + direction * time * 4 + (13 + 4 * index) * np.sqrt(depth + 0.02) * 1.5
        )
    gleam = mix(colour(haze), np.float32(1), 0.35)
    water = water + (gleam - water) * (np.clip(waves - 0.4, 0, 2) * 0.2)[None]
    canvas.paint(canvas.cover(canvas.y - horizon), water)
