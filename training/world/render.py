"""A scene becomes frames."""

import numpy as np
from numpy.random import Generator

from .attributes import Scene
from .canvas import Canvas, colour, mix, smoothstep
from .lands import horizon_of, paint_land
from .skies import LOOKS, paint_sky
from .subjects import CELESTIAL, paint_subject


def render(scene: Scene, rng: Generator, width: int, height: int, frames: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns frames u8 [F, H, W, 3] and the subject's mask u8 [F, H, W] (0 … 255)."""
    canvas = Canvas(rng, width, height, frames, scene.camera)
    horizon = horizon_of(canvas, scene.land)
    mask = np.zeros((1, 1, 1), np.float32)
    paint_sky(canvas, scene.sky, horizon)
    if scene.subject in CELESTIAL:
        mask = paint_subject(canvas, scene, horizon)
    paint_land(canvas, scene.land, scene.sky, horizon)
    if scene.subject not in CELESTIAL and scene.subject != "none":
        mask = paint_subject(canvas, scene, horizon)
    if scene.weather == "fog":
        _paint_fog(canvas, scene.sky, horizon)
    image = np.clip(_apply_style(canvas.image, scene.style), 0, 1)
    image = np.broadcast_to(image, (3, frames, height, width))
    mask = np.broadcast_to(mask, (frames, height, width))
    pixels = np.ascontiguousarray(image.transpose(1, 2, 3, 0) * 255 + 0.5).astype(np.uint8)
    return pixels, (mask * 255 + 0.5).astype(np.uint8)


def _paint_fog(canvas: Canvas, sky: str, horizon: float) -> None:
    rng = canvas.rng
    bank = horizon - 0.1 + 0.08 * np.sin(canvas.x_at(0.6) * 2 + rng.uniform(0, 6.28) + canvas.time * 1.5)
    thickness = np.exp(-(((canvas.y - bank) / 0.45) ** 2))
    pale = mix(np.asarray(LOOKS[sky].light, np.float32), np.asarray((0.93, 0.94, 0.96), np.float32), 0.6)
    canvas.paint(0.12 + 0.68 * thickness, pale)


def _apply_style(image: np.ndarray, style: str) -> np.ndarray:
    """image [3, n, H, W] -> the same shape."""
    if style == "plain":
        return image
    grey = (image * colour((0.35, 0.45, 0.2))).sum(axis=0, keepdims=True)
    if style == "pastel":
        return mix(image, grey, 0.25) * 0.52 + 0.45
    if style == "noir":
        return np.repeat(smoothstep(grey * 0.95 + 0.04), 3, axis=0)
    # neon: night purple in the shadows, magenta then cyan in the lights, colours oversaturated
    glow = mix(mix(colour((0.07, 0.02, 0.20)), colour((0.85, 0.10, 0.75)), np.clip(grey * 1.7, 0, 1)),
               colour((0.25, 0.95, 1.0)), np.clip(grey * 2 - 1.0, 0, 1))
    return glow + (image - grey) * 0.7
