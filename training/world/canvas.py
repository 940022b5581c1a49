"""A stack of frames to paint on, seen through a camera.

World units: the shorter side of the picture spans -1 … 1, y points up.
Arrays carry only the axes they depend on ([n or 1, H or 1, W or 1]); a static
scene is therefore painted once and repeated at the end.
Image layout: [3, n or 1, H, W], values 0 … 1.
"""

import numpy as np
from numpy import ndarray
from numpy.random import Generator

FRAMES_PER_UNIT = 16  # 16 frame steps (2 s at 8 fps) are one unit of time


def smoothstep(x: ndarray) -> ndarray:
    x = np.clip(x, 0, 1)
    return x * x * (3 - 2 * x)


def colour(rgb) -> ndarray:
    """[3, 1, 1, 1], or unchanged if it already has the image's axes."""
    array = np.asarray(rgb, np.float32)
    return array.reshape(3, 1, 1, 1) if array.ndim == 1 else array


def mix(a: ndarray, b: ndarray, share) -> ndarray:
    return a + (b - a) * share


class Canvas:
    def __init__(self, rng: Generator, width: int, height: int, frames: int, camera: str):
        self.rng, self.width, self.height, self.frames = rng, width, height, frames
        unit = min(width, height) / 2
        self.right, self.top = width / 2 / unit, height / 2 / unit
        seconds = np.arange(frames, dtype=np.float32) / FRAMES_PER_UNIT
        self.time = seconds.reshape(-1, 1, 1)                                   # [n, 1, 1]
        span = max(float(seconds[-1]), 1e-6)
        # A longer clip goes further, but not so far that its subject leaves the picture.
        self.progress = (self.time / span - 0.5) * np.float32(span**0.5)          # centred on 0
        zoom = np.ones((1, 1, 1), np.float32)
        self.pan = np.zeros((1, 1, 1), np.float32)
        strength = rng.uniform(0.35, 0.5)
        if camera == "zoom in":
            zoom = 1.22 + self.progress * strength
        elif camera == "zoom out":
            zoom = 1.22 - self.progress * strength
        elif camera == "pan left":
            self.pan = -self.progress * 2.4 * strength
        elif camera == "pan right":
            self.pan = self.progress * 2.4 * strength
        x = ((np.arange(width) + 0.5 - width / 2) / unit).astype(np.float32).reshape(1, 1, -1)
        y = (-(np.arange(height) + 0.5 - height / 2) / unit).astype(np.float32).reshape(1, -1, 1)
        self.x, self.y = x / zoom, y / zoom                                       # [n, 1, W], [n, H, 1]
        self.pixel = (1 / unit / zoom).astype(np.float32)                         # size of a pixel, world units
        self.image = np.zeros((3, 1, height, width), np.float32)

    def x_at(self, parallax: float) -> ndarray:
        """World x of each column for a layer that moves `parallax` times as fast as the camera."""
        return self.x + self.pan * np.float32(parallax)

    def cover(self, distance: ndarray, softness: float = 1.0) -> ndarray:
        """Opacity from a signed distance (negative inside), antialiased over `softness` pixels."""
        return np.clip(0.5 - distance / (self.pixel * np.float32(softness)), 0, 1)

    def paint(self, opacity: ndarray, rgb) -> None:
        self.image = self.image + (colour(rgb) - self.image) * opacity[None]
