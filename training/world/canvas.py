"""A stack of frames to paint on, for many clips at once, seen through each clip's camera.

World units: the shorter side of the picture spans -1 … 1 (a size of 1 is half of it), y points up, x to the right.
Fields carry only the axes they depend on: [B, F or 1, H or 1, W or 1]. Colours are [B or 1, 3, 1, 1, 1],
or full images [B, 3, F, H, W]. All values are f32, colours 0 … 1.

B clips, F frames, H rows, W columns.
"""

import math
import zlib
from collections.abc import Sequence

import torch
from torch import Tensor

from .attributes import WORLDS, Scene

FAR = 0.35  # depth of suns, moons, stars and clouds: a camera that turns moves the sky too, and over the sea little else shows it
_SPEEDS = {"slow": 0.6, "normal": 1.0, "fast": 1.6}


def smoothstep(x: Tensor) -> Tensor:
    """0 below 0, 1 above 1, an S between."""
    x = x.clamp(0, 1)
    return x * x * (3 - 2 * x)


def mix(a: Tensor, b: Tensor, share: Tensor | float) -> Tensor:
    """share 0 is a, share 1 is b."""
    return a + (b - a) * share


def hash_unit(x: Tensor) -> Tensor:
    """Integers (int64) -> f32 in [0, 1), the same on every device (Wellons' lowbias32)."""
    mask = 0xFFFFFFFF
    x = x & mask
    x = ((x ^ (x >> 16)) * 0x7FEB352D) & mask
    x = ((x ^ (x >> 15)) * 0x846CA68B) & mask
    x = x ^ (x >> 16)
    return (x >> 8).float() / 2**24


class Canvas:
    """See the module's docstring. `ambient` and `haze` are set by the sky before any land is painted."""

    def __init__(self, scenes: Sequence[Scene], width: int, height: int, frames: int, fps: float = 8.0, device: str | torch.device = "cpu"):
        self.scenes, self.width, self.height, self.frames, self.fps = list(scenes), width, height, frames, fps
        self.device = torch.device(device)
        count = len(self.scenes)
        self.seeds = torch.tensor([scene.seed for scene in self.scenes], dtype=torch.int64, device=self.device)  # [B]
        unit = min(width, height) / 2
        self.unit = unit                                   # pixels in a world unit
        self.right, self.top = width / 2 / unit, height / 2 / unit
        speed = torch.tensor([_SPEEDS[scene.speed] for scene in self.scenes], device=self.device).view(-1, 1, 1, 1)
        seconds = torch.arange(frames, device=self.device, dtype=torch.float32).view(1, -1, 1, 1) / fps
        self.time = seconds * speed                                                       # [B, F, 1, 1] seconds, scaled by the scene's speed
        length = max(frames - 1, 1) / fps
        # -0.5 … 0.5 in a clip of two seconds. A longer clip goes further, but not so far that its subject leaves the picture.
        self.progress = (self.time / length - 0.5 * speed) * math.sqrt(length / 2) if frames > 1 else seconds + torch.zeros_like(speed)
        self._zoom, self._pan, self._tilt = self._camera()
        x = (torch.arange(width, device=self.device, dtype=torch.float32) + 0.5 - width / 2) / unit
        y = -(torch.arange(height, device=self.device, dtype=torch.float32) + 0.5 - height / 2) / unit
        self._x, self._y = x.view(1, 1, 1, -1), y.view(1, 1, -1, 1)
        self.image = torch.zeros(count, 3, frames, height, width, device=self.device)
        self.mask = torch.zeros(count, frames, height, width, device=self.device)         # where the subjects are
        self.ambient = torch.ones(count, 3, 1, 1, 1, device=self.device)                  # the light that falls on things
        self.haze = torch.ones(count, 3, 1, 1, 1, device=self.device)                     # the colour far things fade to
        self.paper = torch.tensor([scene.style == "paper cut-out" for scene in self.scenes], device=self.device).view(-1, 1, 1, 1)

    def _camera(self) -> tuple[Tensor, Tensor, Tensor]:
        strength = self.random("camera", 0.85, 1.15)
        moves = {name: self.flag(lambda scene, name=name: scene.camera == name) * strength * self.progress
                 for name in ("zoom in", "zoom out", "pan left", "pan right", "tilt up", "tilt down")}
        zooming = self.flag(lambda scene: scene.camera.startswith("zoom"))
        zoom = 1 + 0.20 * zooming + 0.40 * (moves["zoom in"] - moves["zoom out"])
        return zoom, 0.9 * (moves["pan right"] - moves["pan left"]), 0.5 * (moves["tilt up"] - moves["tilt down"])

    # --- what differs from clip to clip -------------------------------------------------

    def flag(self, test) -> Tensor:
        """[B, 1, 1, 1]: 1 for the clips whose scene passes the test."""
        return torch.tensor([float(test(scene)) for scene in self.scenes], device=self.device).view(-1, 1, 1, 1)

    def random(self, name: str, low: float = 0.0, high: float = 1.0) -> Tensor:
        """[B, 1, 1, 1] uniform in [low, high), fixed by the clip's seed and the name alone (give every use its own name)."""
        unit = hash_unit(self.seeds * 2654435761 + zlib.crc32(name.encode()))
        return (low + (high - low) * unit).view(-1, 1, 1, 1)

    def stray(self, name: str, low: float = 0.0, high: float = 1.0) -> Tensor:
        """As `random`, drawn in towards the middle of the range as far as the clip's world wants it."""
        middle = (low + high) / 2
        share = torch.tensor([WORLDS[scene.world].stray for scene in self.scenes], device=self.device).view(-1, 1, 1, 1)
        return middle + share * (self.random(name, low, high) - middle)

    def pick(self, name: str, colours: Sequence[tuple[float, float, float]]) -> Tensor:
        """One of the colours for each clip: [B, 3, 1, 1, 1]."""
        index = (self.random(name) * len(colours)).long().view(-1)
        return torch.tensor(colours, device=self.device)[index].view(-1, 3, 1, 1, 1)

    def scatter(self, name: str, *cells: Tensor) -> Tensor:
        """Uniform [0, 1) for each integer cell (one or two fields of whole numbers), for endless particles, trees, windows.

        It repeats after 64 cells: looking up a small table is several times cheaper than hashing every pixel.
        """
        size = 64 ** len(cells)
        entries = torch.arange(size, device=self.device) * 40503
        table = hash_unit((self.seeds.view(-1, 1) * 2654435761 + zlib.crc32(name.encode())) ^ entries)   # [B, 64 or 4096]
        index = cells[0].long() & 63
        if len(cells) == 2:
            index = index + (cells[1].long() & 63) * 64
        index = index.expand(len(self.scenes), *index.shape[1:])
        return table.gather(1, index.flatten(1)).view(index.shape)

    # --- coordinates ----------------------------------------------------------------------

    def zoom_at(self, depth: float | Tensor) -> Tensor:
        """[B, F, 1, 1]; near things (depth 1) grow by the whole zoom, the far sky (depth 0) by a part of it."""
        return 1 + (self._zoom - 1) * (0.4 + 0.6 * depth)

    def x_at(self, depth: float | Tensor) -> Tensor:
        """World x of each column [B, F, 1, W] for a layer at a depth: 0 is the far sky, 1 the foreground."""
        return self._x / self.zoom_at(depth) + self._pan * depth

    def y_at(self, depth: float | Tensor) -> Tensor:
        """World y of each row [B, F, H, 1] for a layer at a depth."""
        return self._y / self.zoom_at(depth) + self._tilt * depth

    def pixel_at(self, depth: float | Tensor) -> Tensor:
        """Size of a pixel in world units [B, F, 1, 1] at a depth."""
        return 1 / (self.unit * self.zoom_at(depth))

    # --- painting ---------------------------------------------------------------------------

    def colour(self, rgb: Sequence[float] | Tensor) -> Tensor:
        """Three numbers -> [1, 3, 1, 1, 1]; a tensor is passed through."""
        return rgb if isinstance(rgb, Tensor) else torch.tensor(rgb, device=self.device, dtype=torch.float32).view(1, 3, 1, 1, 1)

    def lit(self, rgb: Sequence[float] | Tensor, distance: float = 0.0) -> Tensor:
        """A thing's own colour -> as seen in this sky's light, faded by distance (0 near … 1 far)."""
        return mix(self.colour(rgb) * self.ambient, self.haze, 0.75 * distance)

    def cover(self, distance: Tensor, depth: float | Tensor = 1.0, softness: float = 1.0) -> Tensor:
        """Opacity from a signed distance in world units (negative inside), antialiased over `softness` pixels."""
        return (0.5 - distance / (self.pixel_at(depth) * softness)).clamp(0, 1)

    def paint(self, opacity: Tensor, rgb: Sequence[float] | Tensor, shadow: float = 0.0) -> None:
        """Lay a colour over the image. `shadow` (0 … 1): how much of a paper cut-out's shadow this piece throws."""
        if shadow > 0 and bool(self.paper.any()):
            self._throw_shadow(opacity, shadow)
        self.image = torch.addcmul(self.image, self.colour(rgb) - self.image, opacity.unsqueeze(1))

    def glow(self, amount: Tensor, rgb: Sequence[float] | Tensor) -> None:
        """Add light: amount [B, …] times a colour."""
        self.image = torch.addcmul(self.image, self.colour(rgb), amount.unsqueeze(1))

    def _throw_shadow(self, opacity: Tensor, strength: float) -> None:
        whole = (opacity * self.paper).expand(-1, self.frames, self.height, self.width)
        shift = max(1, round(self.unit * 0.035))
        blurred = torch.nn.functional.avg_pool2d(whole, 2 * shift + 1, 1, shift, count_include_pad=False)
        blurred = torch.roll(blurred, (shift, shift), (-2, -1))
        self.image = self.image * (1 - 0.42 * strength * (blurred - whole).clamp(0, 1)).unsqueeze(1)

    def reflect(self, level: Tensor, ripple: Tensor) -> Tensor:
        """The image mirrored at world height `level` [B, 1, 1, 1] (at depth 0.3), each row displaced by `ripple` world units
        ([B, F, H, 1 or W]): [B, 3, F, H, W]."""
        y = self._y + torch.zeros_like(self._tilt)
        shore = (level - self._tilt * 0.3) * self.zoom_at(0.3)
        source = 2 * shore - y + ripple                                                   # screen units
        rows = ((self.top - source) * self.unit - 0.5).round().long().clamp(0, self.height - 1)
        rows = rows.expand(len(self.scenes), self.frames, self.height, self.width).unsqueeze(1).expand_as(self.image)
        return torch.gather(self.image, 3, rows)

    # --- groups of clips ----------------------------------------------------------------

    def take(self, indices: Sequence[int]) -> "Canvas":
        """A canvas of some of the clips; paint it, then `put` it back."""
        part = object.__new__(Canvas)
        part.__dict__.update(self.__dict__)
        chosen = torch.tensor(list(indices), device=self.device)
        part.scenes = [self.scenes[index] for index in indices]
        for name in ("seeds", "time", "progress", "_zoom", "_pan", "_tilt", "image", "mask", "ambient", "haze", "paper"):
            setattr(part, name, getattr(self, name)[chosen])
        return part

    def put(self, indices: Sequence[int], part: "Canvas") -> None:
        chosen = torch.tensor(list(indices), device=self.device)
        for name in ("image", "mask", "ambient", "haze"):
            getattr(self, name)[chosen] = getattr(part, name)

    def each(self, key, painters: dict) -> None:
        """Group the clips by `key(scene)`, and let each group's painter paint it; keys without a painter are left alone."""
        groups: dict = {}
        for index, scene in enumerate(self.scenes):
            groups.setdefault(key(scene), []).append(index)
        for name, indices in groups.items():
            if name not in painters:
                continue
            if len(groups) == 1:
                painters[name](self)
                return
            part = self.take(indices)
            painters[name](part)
            self.put(indices, part)
