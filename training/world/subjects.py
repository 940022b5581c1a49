"""Subjects: large, one colour, drawn from signed distances in a frame of their own.

Each painter gets local coordinates u (right, in the direction of travel) and v (up),
both in units of the subject's half size, and a `put(distance, rgb)` to paint with.
"""

import numpy as np

from .attributes import COLOURS, Scene
from .canvas import Canvas, colour, mix
from .lands import ground_light

_HALF_SIZE = {"balloon": 0.46, "boat": 0.44, "bird": 0.48, "rocket": 0.48, "kite": 0.46, "moon": 0.36, "planet": 0.36}
CELESTIAL = ("moon", "planet")  # behind the land


def paint_subject(canvas: Canvas, scene: Scene, horizon: float) -> np.ndarray:
    """Paints, and returns the subject's opacity [n or 1, H, W]."""
    rng = canvas.rng
    facing = -1.0 if scene.motion == "left" else 1.0 if scene.motion == "right" else float(rng.choice([-1.0, 1.0]))
    size = _HALF_SIZE[scene.subject] * rng.uniform(0.92, 1.08)
    centre_x, centre_y = _path(canvas, scene, horizon, size)
    u = (canvas.x_at(0.35) - centre_x) / np.float32(size * facing)
    v = (canvas.y - centre_y) / np.float32(size)
    # Subjects stay readable in the dark: a lamp of their own is mixed into the sky's light.
    light = mix(ground_light(scene.sky, ""), np.float32(1), 0.65)
    covered = np.zeros((1, 1, 1), np.float32)

    def put(distance, rgb, opacity=1.0, lit=True):
        nonlocal covered
        shown = canvas.cover(distance * np.float32(size)) * opacity
        canvas.paint(shown, colour(rgb) * colour(light) if lit else rgb)
        covered = np.maximum(covered, shown)

    body = np.asarray(COLOURS[scene.colour], np.float32)
    _PAINTERS[scene.subject](put, u, v, body, canvas.time)
    return covered


def _path(canvas: Canvas, scene: Scene, horizon: float, size: float):
    """Centre of the subject over time: two arrays [n or 1, 1, 1]."""
    rng, progress = canvas.rng, canvas.progress
    speed = rng.uniform(0.8, 1.1)
    x = np.full((1, 1, 1), rng.uniform(-0.3, 0.3) * canvas.right, np.float32)
    if scene.subject == "boat":
        y = np.float32(horizon + 0.12) + 0.03 * np.sin(canvas.time * 4 + rng.uniform(0, 6))
    else:
        y = np.full((1, 1, 1), rng.uniform(0.08, 0.35) * canvas.top, np.float32)
    if scene.motion == "left":
        x = x * 0.4 - progress * speed
    elif scene.motion == "right":
        x = x * 0.4 + progress * speed
    elif scene.motion == "rise":
        y = 0.12 + progress * speed
    elif scene.motion == "fall":
        y = 0.12 - progress * speed
    return x, y


def _balloon(put, u, v, body, time):
    radius = np.hypot(u, v - 0.28)
    taper = np.maximum(np.abs(u) - (0.17 + 0.55 * np.clip((v + 0.62) / 0.75, 0, 1)), np.maximum(v - 0.1, -(v + 0.62)))
    shape = np.minimum(radius - 0.70, taper)
    put(np.maximum(np.abs(np.abs(u) - 0.13) - 0.03, np.abs(v + 0.7) - 0.12), (0.25, 0.18, 0.12))
    put(shape, body)
    put(np.maximum(shape, np.abs(u) - 0.22 * np.sqrt(np.clip(1.05 - ((v - 0.28) / 0.72) ** 2, 0.1, 1))), mix(body, np.float32(1), 0.35))
    put(np.maximum(np.abs(u) - 0.20, np.abs(v + 0.86) - 0.14), (0.48, 0.30, 0.16))


def _boat(put, u, v, body, time):
    main = np.maximum(np.maximum(u - 0.72 * (1 - (v + 0.2) / 1.2), 0.04 - u), np.maximum(v - 1, -(v + 0.2)))
    fore = np.maximum(np.maximum(-u - 0.50 * (1 - (v + 0.2) / 1.0), u + 0.04), np.maximum(v - 0.8, -(v + 0.2)))
    put(np.maximum(np.abs(u) - 0.035, np.abs(v - 0.3) - 0.65), (0.34, 0.22, 0.14))
    put(main, body)
    put(fore, mix(body, np.float32(1), 0.3))
    put(np.maximum(np.abs(u) - (0.80 + 0.45 * (v + 0.3)), np.maximum(v + 0.3, -(v + 0.66))), (0.46, 0.26, 0.15))


def _bird(put, u, v, body, time):
    flap = 0.12 + 0.5 * np.sin(time * 12.5)
    span = np.abs(u)
    wing = np.maximum(np.abs(v - flap * span + 0.3 * span * span) - 0.26 * (1.08 - span), span - 1.0)
    torso = np.hypot(u * 0.55, v * 1.2 + 0.04) - 0.25
    put(np.minimum(wing, torso), body)
    put(np.maximum(np.abs(v) - 0.10 * (0.75 - u) / 0.3, np.maximum(0.42 - u, u - 0.75)), (0.98, 0.72, 0.15))
    put(np.hypot(u - 0.32, v - 0.06) - 0.06, (0.05, 0.05, 0.08))


def _rocket(put, u, v, body, time):
    flicker = 0.85 + 0.15 * np.sin(time * 25)
    tail = v + 0.62 + 0.55 * flicker  # 0 at the flame's tip
    put(np.maximum(np.abs(u) - 0.20 * np.clip(tail / 0.5, 0, 1), np.maximum(v + 0.55, -tail)), (1.0, 0.70, 0.18), lit=False)
    put(np.maximum(np.abs(u) - (0.30 - 0.55 * (v + 0.25)), np.maximum(v + 0.1, -(v + 0.66))), body * 0.6)
    half = 0.31 * np.sqrt(np.clip(1 - (np.clip(v - 0.1, 0, 1) / 0.9) ** 1.6, 0, 1))
    put(np.maximum(np.abs(u) - half, np.maximum(v - 1.0, -(v + 0.6))), body)
    put(np.hypot(u, v - 0.2) - 0.15, (0.80, 0.93, 1.0))


def _kite(put, u, v, body, time):
    cos, sin = 0.93, 0.36
    a, b = u * cos + v * sin, v * cos - u * sin
    shape = (np.abs(a) / 0.66 + np.where(b > 0, b / 0.62, -b / 0.95) - 1) * 0.5
    sway = 0.14 * np.sin(b * 5 + time * 7) * np.clip(-b - 0.8, 0, 1)
    put(np.maximum(np.abs(a - sway) - 0.05, np.abs(b + 1.3) - 0.42), (0.96, 0.94, 0.88))
    put(shape, body)
    put(np.maximum(shape, a * b), mix(body, np.float32(1), 0.35))


def _moon(put, u, v, body, time):
    disc = np.hypot(u, v) - 1.0
    put(disc * 0.25, body, opacity=0.25)
    put(disc, mix(body, np.float32(1), 0.25), lit=False)
    for x, y, radius in ((-0.35, 0.3, 0.26), (0.35, -0.15, 0.34), (-0.2, -0.5, 0.18)):
        put(np.hypot(u - x, v - y) - radius, body * 0.82, lit=False)


def _planet(put, u, v, body, time):
    disc = np.hypot(u, v) - 0.8
    a, b = u * 0.94 + v * 0.34, v * 0.94 - u * 0.34
    ring = (np.abs(np.hypot(a / 1.35, b / 0.42) - 0.92) - 0.13) * 0.5
    sand = (0.95, 0.88, 0.70)
    put(np.maximum(ring, -b), sand, lit=False)
    put(disc, body, lit=False)
    put(np.maximum(disc, np.abs(b - 0.35) - 0.11), body * 0.75, lit=False)
    put(np.maximum(ring, b), sand, lit=False)


_PAINTERS = {
    "balloon": _balloon, "boat": _boat, "bird": _bird, "rocket": _rocket,
    "kite": _kite, "moon": _moon, "planet": _planet,
}
