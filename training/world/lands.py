"""The ten lands: everything below the horizon, painted in layers from far to near.

Every layer reaches down for ever, so that no camera and no tall picture can look under it. Ridges are heights over x ([B, F, 1, W]);
only what really depends on both axes (faces of mountains, trees, windows) is a full field.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from .canvas import FAR, Canvas, mix, smoothstep

Colour = tuple[float, float, float]

# Range of the horizon's height in world units.
HORIZON: dict[str, tuple[float, float]] = {
    "mountains": (-0.30, -0.15),
    "dunes": (-0.25, -0.10),
    "ocean": (-0.15, 0.05),
    "forest": (-0.30, -0.15),
    "city": (-0.35, -0.25),
    "snow hills": (-0.20, -0.05),
    "meadow": (-0.20, -0.05),
    "lake": (-0.12, 0.0),
    "canyon": (-0.35, -0.25),
    "islands": (-0.12, 0.05),
}

# World y where the feet of a subject on the ground stand; on water, the water line of a boat.
GROUND: dict[str, float] = {
    "mountains": -0.68,
    "dunes": -0.68,
    "ocean": -0.42,
    "forest": -0.66,
    "city": -0.68,
    "snow hills": -0.69,
    "meadow": -0.64,
    "lake": -0.40,
    "canyon": -0.66,
    "islands": -0.45,
}


def _by_land(canvas: Canvas, table: dict[str, float]) -> Tensor:
    return torch.tensor([table[scene.land] for scene in canvas.scenes], device=canvas.device).view(-1, 1, 1, 1)


def horizon_of(canvas: Canvas) -> Tensor:
    """Height of each clip's horizon [B, 1, 1, 1]."""
    low = _by_land(canvas, {land: heights[0] for land, heights in HORIZON.items()})
    high = _by_land(canvas, {land: heights[1] for land, heights in HORIZON.items()})
    return mix(low, high, canvas.random("horizon"))


def ground_of(canvas: Canvas) -> Tensor:
    """Height at which each clip's subjects stand or float [B, 1, 1, 1]."""
    return _by_land(canvas, GROUND)


# --- pieces that lands share -------------------------------------------------------------

def _season(canvas: Canvas, summer: Colour, spring: Colour, autumn: Colour, winter: Colour) -> Tensor:
    """The colour of each clip's season [B, 3, 1, 1, 1]."""
    colours = {"summer": summer, "spring": spring, "autumn": autumn, "winter": winter}
    return torch.tensor([colours[scene.season] for scene in canvas.scenes], device=canvas.device).view(-1, 3, 1, 1, 1)


def _shared(canvas: Canvas, light: Colour | Tensor, dark: Colour | Tensor, share: Tensor, distance: float) -> Tensor:
    """From a lit colour to a shaded one by a field of shares: [B, 3, F, H or 1, W or 1]."""
    return mix(canvas.lit(light, distance), canvas.lit(dark, distance), share.unsqueeze(1))


def _wave(x: Tensor, length: float, phase: Tensor | float) -> Tensor:
    """-1 … 1, one period every `length`; phase in periods."""
    return torch.cos(2 * math.pi * (x / length + phase))


def _zigzag(x: Tensor) -> Tensor:
    """0 at whole numbers, 1 halfway between."""
    return 2 * (x - torch.floor(x + 0.5)).abs()


def _darkness(canvas: Canvas) -> Tensor:
    """0 by day, 1 at night [B, 1, 1, 1]."""
    return smoothstep((0.72 - canvas.ambient.mean(1)) / 0.22)


def _light_x(canvas: Canvas) -> Tensor:
    """Where the sky has its sun or moon [B, 1, 1, 1]: the same random numbers as in skies.py."""
    moonlit = canvas.flag(lambda scene: scene.sky == "moonlit")
    return mix(canvas.random("sun x", -0.6, 0.6), canvas.random("moon x", -0.55, 0.55), moonlit) * canvas.right


def _side(canvas: Canvas) -> Tensor:
    """+1 where shadows fall to the right, -1 to the left [B, 1, 1, 1]: away from the sun or moon."""
    return torch.where(_light_x(canvas) < 0, 1.0, -1.0)


def _fill(canvas: Canvas, depth: float, line: Tensor, rgb: Colour | Tensor, slope: float = 0.0) -> None:
    """Everything below a ridge. `slope`: how steep the ridge is, for clean edges."""
    distance = (canvas.y_at(depth) - line) / math.hypot(1, slope)
    canvas.paint(canvas.cover(distance, depth), rgb, shadow=1.0)


def _mist(canvas: Canvas, depth: float, top: Tensor, reach: float, strength: float) -> None:
    """The haze that lies at the foot of a layer, thicker downwards."""
    rise = ((top - canvas.y_at(depth)) / reach).clamp(0, 1)
    canvas.paint(strength * smoothstep(rise), canvas.haze)


def _peaks(canvas: Canvas, name: str, x: Tensor, spacing: float, low: Tensor, high: Tensor, slope: float) -> tuple[Tensor, Tensor, Tensor]:
    """A range of pointed peaks, one in each cell of x: the ridge, x from the peak that makes it, and that peak's height."""
    cell = torch.floor(x / spacing)
    ridge = local = height = None
    for offset in (-1, 0, 1):
        index = cell + offset
        centre = (index + 0.5 + 0.5 * (canvas.scatter(name + " place", index) - 0.5)) * spacing
        top = mix(low, high, canvas.scatter(name + " height", index))
        line = top - slope * (x - centre).abs()
        if ridge is None:
            ridge, local, height = line, x - centre, top
        else:
            higher = line > ridge
            ridge, local, height = torch.where(higher, line, ridge), torch.where(higher, x - centre, local), torch.where(higher, top, height)
    return ridge, local, height


def _range(canvas: Canvas, name: str, depth: float, spacing: float, low: Tensor, high: Tensor, slope: float,
           rock: Colour | Tensor, shade: Colour | Tensor, cap: float, distance: float) -> None:
    """A mountain range with sun-side and shadow-side faces, and snow down to `cap` below each peak (0: none)."""
    side = _side(canvas)
    ridge, local, height = _peaks(canvas, name, canvas.x_at(depth), spacing, low, high, slope)
    drop = height - canvas.y_at(depth)
    fold = 0.16 * (_zigzag(drop / 0.42) - 0.35) * (drop * 5).clamp(0, 1)
    dark = canvas.cover((fold - local) * side, depth, 1.5)
    colour = _shared(canvas, rock, shade, dark, distance)
    if cap > 0:
        snow = canvas.cover(drop - cap - 0.09 * _zigzag(local / 0.2 + 0.5), depth, 1.5)
        colour = mix(colour, _shared(canvas, (0.98, 0.99, 1.0), (0.66, 0.75, 0.90), dark, distance * 0.8), snow.unsqueeze(1))
    _fill(canvas, depth, ridge, colour, slope)


def _conifers(canvas: Canvas, name: str, depth: float, ground: Tensor | float, cell: float, low: float, high: float,
              leaf: Tensor, snowy: Tensor, distance: float, share: float = 1.0, shift: float = 0.0) -> None:
    """A row of stylised firs, at most one in each cell of x: three tiers, the far side shaded, snow on each tier where `snowy`."""
    x, y = canvas.x_at(depth), canvas.y_at(depth)
    index = torch.floor(x / cell + shift)
    width = 0.42 * cell
    centre = (index + 0.5 - shift + 0.14 * (canvas.scatter(name + " place", index) - 0.5)) * cell
    tall = low + (high - low) * canvas.scatter(name + " height", index)
    absent = (canvas.scatter(name + " there", index) >= share).float()
    local = x - centre
    down = (ground + tall - y) / tall
    tier = torch.floor(down * 3).clamp(0, 2)
    along = down * 3 - tier
    half = width / 3 * (0.55 * tier + along * (tier * 0.45 + 1))
    distance_in = torch.maximum((local.abs() + 9 * absent - half) * 0.92, (down - 1) * tall)
    colour = _shared(canvas, leaf, leaf * 0.74, canvas.cover(-local * _side(canvas), depth, 2.0), distance)
    if bool(snowy.any()):
        white = canvas.cover((along - 0.45) * tall / 3, depth, 2.0) * canvas.cover(local * _side(canvas), depth, 2.0) * snowy
        colour = mix(colour, canvas.lit((0.80, 0.88, 0.97), distance), white.unsqueeze(1))
    canvas.paint(canvas.cover(distance_in, depth), colour, shadow=1.0)


def _sea(canvas: Canvas, horizon: Tensor, far: Tensor, deep: Tensor, swell: float) -> None:
    """Open water: hazy at the horizon, deep below, with soft bands of waves rolling by and a column of light."""
    y = canvas.y_at(0.3)
    fall = smoothstep((horizon - y) / 0.9)
    warmth = (canvas.haze[:, :1] - canvas.haze[:, 2:]).clamp(0, 1)                        # low suns colour the water, pale skies only lighten it
    far = mix(far * canvas.ambient, canvas.haze, 0.42 + 0.5 * warmth)
    deep = mix(mix(deep * canvas.ambient, canvas.haze, 0.10), canvas.colour((0.40, 0.13, 0.27)), 0.75 * warmth)
    _fill(canvas, 0.3, horizon, mix(far, deep, fall.unsqueeze(1)))
    drift = canvas.time
    bands = ((0.42, 0.10, 0.014, 0.55, 0.05), (0.56, 0.25, 0.026, 0.85, 0.08), (0.76, 0.48, 0.042, 1.25, 0.12), (1.0, 0.74, 0.06, 1.8, 0.17))
    for number, (depth, below, height, length, speed) in enumerate(bands):
        phase = canvas.random(f"wave {number}")
        x = canvas.x_at(depth) - speed * drift
        crest = _wave(x, length, phase) + 0.3 * _wave(x, length / 2, 2 * phase + 0.1)
        line = horizon - below + swell * height * (crest + 0.4 * torch.sin(1.6 * drift + 1.7 * number))
        foam = torch.exp(-(line - canvas.y_at(depth)).clamp_min(0) / (0.05 + 0.06 * depth))
        body = mix(far, deep, 0.25 + 0.23 * number)
        colour = mix(body, mix(canvas.lit((0.9, 0.97, 1.0)), canvas.haze, 0.35), (0.42 * foam).unsqueeze(1))
        opacity = canvas.cover(canvas.y_at(depth) - line, depth)
        canvas.paint(0.8 * opacity, colour, shadow=0.6)
    _glitter(canvas, horizon)


def _glitter(canvas: Canvas, horizon: Tensor) -> None:
    """Broad broken strokes of the sky's light on the water below the sun or moon."""
    x, y = canvas.x_at(FAR) - _light_x(canvas), canvas.y_at(0.3)
    below = (horizon - y).clamp_min(0)
    sway = 0.05 * torch.sin(9 * below + 2.2 * canvas.time)
    strokes = 0.5 + 0.5 * torch.cos(26 * torch.sqrt(below + 0.02) - 2.4 * canvas.time)
    width = (0.08 + 0.24 * below) * (0.45 + 0.55 * strokes)
    column = torch.exp(-((x + sway) / width) ** 2)
    hidden = canvas.flag(lambda scene: scene.sky in ("overcast", "storm"))
    strength = (0.8 - 0.6 * hidden) * (0.4 + 0.6 * strokes) * torch.exp(-1.1 * below) * canvas.cover(-(horizon - canvas.y_at(0.3)), 0.3)
    canvas.paint(column * strength, mix(canvas.haze, torch.ones_like(canvas.haze), 0.3))


# --- the lands -------------------------------------------------------------------------------

def _mountains(canvas: Canvas) -> None:
    """Two ranges with snow caps, and dark rounded foothills in front."""
    horizon = horizon_of(canvas)
    tall = canvas.random("mountain height", 0.0, 0.15)
    winter = canvas.flag(lambda scene: scene.season == "winter").unsqueeze(1)
    _range(canvas, "far peak", 0.15, 1.0, horizon + 0.38 + tall, horizon + 0.68 + tall, 0.85, (0.55, 0.60, 0.70), (0.40, 0.46, 0.60), 0.16, 0.55)
    _mist(canvas, 0.2, horizon + 0.3, 0.4, 0.45)
    _range(canvas, "near peak", 0.4, 1.25, horizon + 0.10, horizon + 0.44, 0.7, (0.47, 0.47, 0.54), (0.27, 0.30, 0.41), 0.13, 0.2)
    _mist(canvas, 0.5, horizon - 0.02, 0.35, 0.35)
    leaf = _season(canvas, (0.20, 0.42, 0.27), (0.38, 0.58, 0.30), (0.72, 0.42, 0.15), (0.74, 0.80, 0.88))
    middle, near = canvas.x_at(0.65), canvas.x_at(1.0)
    _fill(canvas, 0.65, horizon - 0.14 + 0.08 * _wave(middle, 2.3, canvas.random("hill")), canvas.lit(leaf, 0.2))
    line = -0.52 + 0.06 * _wave(near, 3.1, canvas.random("foothill"))
    fall = ((line - canvas.y_at(1.0)) / 0.8).clamp(0, 1)
    _fill(canvas, 1.0, line, _shared(canvas, leaf * (0.62 + 0.40 * winter), leaf * (0.34 + 0.44 * winter), fall, 0.02))


def _dune(canvas: Canvas, name: str, depth: float, base: Tensor, height: float, length: float, sand: Tensor, shade: Tensor, distance: float) -> None:
    """One row of long dunes; the crest runs from each top down to the viewer and parts the lit face from the shaded one."""
    side = _side(canvas)
    x, y = canvas.x_at(depth) * side, canvas.y_at(depth)
    turned = x / length + canvas.random(name + " phase")
    local = (turned - torch.floor(turned + 0.5)) * length
    reach = 1 - (2 * local / length).abs()                                                # 1 on top, 0 in the trough
    line = base + height * (smoothstep(reach) * 0.75 + reach * 0.25)
    drop = (base + height - y).clamp_min(0)
    crest = (0.30 * torch.sin(3.2 * drop / (height + 0.25)) - 0.55 * drop).clamp(-0.4 * length, 0.3 * length)
    dark = canvas.cover(crest - local, depth, 2.0) * (1 - smoothstep((local - crest) / (0.5 * length - crest)))
    fall = ((line - y) / 1.1).clamp(0, 1)
    _fill(canvas, depth, line, _shared(canvas, mix(sand, shade, 0.35 * fall.unsqueeze(1)), shade, dark, distance), height / length)


def _dunes(canvas: Canvas) -> None:
    """Long smooth dunes, lit on one side and shaded on the other."""
    horizon = horizon_of(canvas)
    sand = _season(canvas, (0.98, 0.78, 0.46), (0.97, 0.80, 0.56), (0.97, 0.68, 0.36), (0.92, 0.84, 0.72))
    shade = _season(canvas, (0.66, 0.38, 0.24), (0.66, 0.42, 0.32), (0.60, 0.30, 0.18), (0.58, 0.50, 0.52))
    _dune(canvas, "far dune", 0.2, horizon - 0.04, 0.20, 1.7, sand, shade, 0.5)
    _dune(canvas, "middle dune", 0.5, horizon - 0.24, 0.26, 2.3, sand, shade, 0.22)
    _dune(canvas, "near dune", 1.0, horizon * 0 - 0.61, 0.24, 3.2, sand, shade, 0.0)


def _ocean(canvas: Canvas) -> None:
    """The open sea."""
    far = _season(canvas, (0.26, 0.62, 0.76), (0.30, 0.66, 0.72), (0.28, 0.52, 0.62), (0.46, 0.62, 0.72))
    deep = _season(canvas, (0.02, 0.20, 0.42), (0.03, 0.26, 0.42), (0.04, 0.18, 0.32), (0.10, 0.24, 0.38))
    _sea(canvas, horizon_of(canvas), far, deep, 1.0)


def _forest(canvas: Canvas) -> None:
    """Rows of big firs, one behind the other in the mist."""
    horizon = horizon_of(canvas)
    snowy = canvas.flag(lambda scene: scene.season == "winter")
    leaf = _season(canvas, (0.12, 0.40, 0.27), (0.30, 0.58, 0.28), (0.80, 0.42, 0.12), (0.30, 0.45, 0.46))
    floor = _season(canvas, (0.22, 0.42, 0.20), (0.46, 0.66, 0.30), (0.70, 0.42, 0.16), (0.88, 0.92, 0.97))
    far = canvas.x_at(0.2) / 0.26 + canvas.random("far trees")
    tops = horizon + 0.30 + 0.07 * _wave(far, 7.0, 0.0) - 0.24 * _zigzag(far)
    _fill(canvas, 0.2, tops, canvas.lit(leaf, 0.72), 1.8)
    _mist(canvas, 0.3, horizon + 0.24, 0.4, 0.55)
    _conifers(canvas, "back firs", 0.42, horizon - 0.25, 0.44, 0.60, 0.85, leaf * 0.95, snowy, 0.42, shift=0.5)
    _conifers(canvas, "middle firs", 0.5, horizon - 0.30, 0.50, 0.55, 0.80, leaf * 0.9, snowy, 0.25, share=0.8)
    _mist(canvas, 0.55, horizon - 0.02, 0.35, 0.5)
    middle, near = canvas.x_at(0.7), canvas.x_at(1.0)
    line = horizon * 0.5 - 0.30 + 0.03 * _wave(middle, 1.9, canvas.random("floor"))
    _fill(canvas, 0.7, line, canvas.lit(floor, 0.12))
    _conifers(canvas, "near firs", 0.9, horizon * 0 - 0.72, 0.92, 1.05, 1.45, leaf * 0.62, snowy, 0.03, share=0.4)
    line = -0.54 + 0.04 * _wave(near, 2.6, canvas.random("near floor"))
    fall = ((line - canvas.y_at(1.0)) / 0.8).clamp(0, 1)
    _fill(canvas, 1.0, line, _shared(canvas, floor * (0.75 + 0.22 * snowy.unsqueeze(1)), floor * (0.48 + 0.32 * snowy.unsqueeze(1)), fall, 0.0))


def _blocks(canvas: Canvas, name: str, depth: float, cell: float, low: Tensor, high: Tensor, wall: Colour, distance: float, windows: bool) -> None:
    """A row of buildings, some with a narrower upper part; few large windows, which shine in the dark."""
    x, y = canvas.x_at(depth), canvas.y_at(depth)
    index = torch.floor(x / cell + canvas.random(name + " phase"))
    local = x - (index + 0.5 - canvas.random(name + " phase")) * cell
    top = mix(low, high, canvas.scatter(name + " height", index))
    upper = torch.where(canvas.scatter(name + " step", index) < 0.45, 0.16, -0.1)
    body = torch.maximum(local.abs() - 0.48 * cell, y - top)
    tower = torch.maximum(local.abs() - 0.25 * cell, y - top - upper)
    tone = (0.85 + 0.3 * canvas.scatter(name + " tone", index)).unsqueeze(1)
    shaded = canvas.cover((0.12 * cell - local * _side(canvas)), depth)
    colour = _shared(canvas, canvas.colour(wall) * tone, canvas.colour(wall) * tone * 0.72, shaded, distance)
    canvas.paint(canvas.cover(torch.minimum(body, tower), depth), colour, shadow=1.0)
    if not windows:
        return
    step_x, step_y = cell / 3, 0.18
    column, row = torch.floor(local / step_x + 0.5), torch.floor((top - y) / step_y)
    across = (local - column * step_x).abs() - 0.045
    up = ((top - y) - (row + 0.55) * step_y).abs() - 0.05
    pane = canvas.cover(torch.maximum(across, up), depth) * (column.abs() < 1.5) * (row >= 0)
    shining = _darkness(canvas) * (canvas.scatter(name + " lamp", index * 3 + column, row) < 0.5)
    glass = mix(canvas.lit((0.55, 0.70, 0.82), distance), canvas.colour((1.0, 0.80, 0.42)), shining.unsqueeze(1))
    canvas.paint(pane * mix(0.75, 1.0, shining), glass)


def _city(canvas: Canvas) -> None:
    """Two rows of towers behind a street."""
    horizon = horizon_of(canvas)
    _blocks(canvas, "far tower", 0.2, 0.34, horizon + 0.40, horizon + 0.95, (0.50, 0.57, 0.70), 0.6, windows=False)
    _mist(canvas, 0.3, horizon + 0.45, 0.6, 0.5)
    _blocks(canvas, "near tower", 0.55, 0.62, horizon + 0.08, horizon + 0.66, (0.30, 0.34, 0.46), 0.12, windows=True)
    flat = canvas.x_at(1.0) * 0
    leaf = _season(canvas, (0.22, 0.48, 0.30), (0.88, 0.60, 0.70), (0.88, 0.50, 0.14), (0.84, 0.89, 0.95))
    bush = canvas.x_at(0.8) / 0.55 + canvas.random("hedge")
    _fill(canvas, 0.8, -0.56 + 0.15 * torch.sqrt((1 - (2 * (bush - torch.floor(bush)) - 1) ** 2).clamp_min(0)), canvas.lit(leaf, 0.05), 0.6)
    _fill(canvas, 1.0, flat - 0.50, canvas.lit((0.66, 0.67, 0.70)))
    _fill(canvas, 1.0, flat - 0.58, canvas.lit((0.24, 0.25, 0.30)))
    mark = canvas.x_at(1.0) / 0.7 + canvas.random("street mark")
    stroke = torch.maximum((mark - torch.floor(mark) - 0.5).abs() * 0.7 - 0.17, (canvas.y_at(1.0) + 0.80).abs() - 0.025)
    canvas.paint(canvas.cover(stroke), canvas.lit((0.86, 0.84, 0.74)))


def _drift(canvas: Canvas, name: str, depth: float, base: Tensor, height: float, length: float, snow: Tensor, shade: Tensor, distance: float) -> None:
    """Rounded hills; each falls into a blue shadow away from the light and towards its foot."""
    side = _side(canvas)
    x, y = canvas.x_at(depth), canvas.y_at(depth)
    turned = x / length + canvas.random(name + " phase")
    dome = (0.5 + 0.5 * torch.cos(2 * math.pi * turned)) ** 0.75
    line = base + height * dome
    drop = ((line - y) / (height + 0.35)).clamp(0, 1)
    dark = smoothstep(0.20 + 0.46 * torch.sin(2 * math.pi * turned) * side * (1 - drop) + 0.4 * drop)
    _fill(canvas, depth, line, _shared(canvas, snow, shade, dark, distance), 3 * height / length)


def _snow_hills(canvas: Canvas) -> None:
    """White rounded hills with blue shadows and a few big firs."""
    horizon = horizon_of(canvas)
    snow, shade = canvas.colour((0.98, 0.99, 1.0)), canvas.colour((0.36, 0.53, 0.84))
    snowy = canvas.flag(lambda scene: True)
    leaf = canvas.colour((0.13, 0.33, 0.36))
    _drift(canvas, "far hill", 0.2, horizon - 0.02, 0.22, 1.5, snow, shade, 0.4)
    _conifers(canvas, "far firs", 0.42, horizon - 0.26, 0.52, 0.42, 0.60, leaf, snowy, 0.3, share=0.65)
    _drift(canvas, "middle hill", 0.5, horizon - 0.34, 0.26, 2.0, snow, shade, 0.15)
    _conifers(canvas, "near firs", 0.8, horizon * 0 - 0.68, 0.80, 0.75, 1.0, leaf, snowy, 0.05, share=0.5)
    _drift(canvas, "near hill", 1.0, horizon * 0 - 0.63, 0.18, 2.9, snow, shade, 0.0)


def _meadow(canvas: Canvas) -> None:
    """Rolling hills with lighter bands, a winding path and a few big flowers."""
    horizon = horizon_of(canvas)
    far = _season(canvas, (0.38, 0.66, 0.40), (0.58, 0.80, 0.46), (0.82, 0.64, 0.28), (0.80, 0.87, 0.93))
    near = _season(canvas, (0.24, 0.58, 0.22), (0.46, 0.76, 0.26), (0.76, 0.50, 0.16), (0.90, 0.94, 0.98))
    leaf = _season(canvas, (0.16, 0.46, 0.22), (0.96, 0.62, 0.74), (0.90, 0.46, 0.12), (0.72, 0.80, 0.88))
    flower = _season(canvas, (1.0, 0.86, 0.26), (1.0, 0.62, 0.78), (0.86, 0.24, 0.12), (0.62, 0.74, 0.90))
    hills = ((0.2, 0.06, 0.07, 1.9, 0.45), (0.45, -0.10, 0.08, 2.5, 0.22), (0.7, -0.24, 0.07, 3.0, 0.08))
    across = canvas.random("path", -0.45, 0.45)
    for number, (depth, above, height, length, distance) in enumerate(hills):
        phase = canvas.random(f"hill {number}")

        def ridge(x: Tensor) -> Tensor:
            return horizon + above + height * (_wave(x, length, phase) + 0.25 * _wave(x, length * 0.53, phase * 3))

        line = ridge(canvas.x_at(depth))
        drop = (line - canvas.y_at(depth)).clamp_min(0)
        if number == 1:
            _round_trees(canvas, depth, ridge, leaf, distance)
        _fill(canvas, depth, line, _shared(canvas, mix(far, near, number / 2) * 1.06, near * 0.72, smoothstep(drop / 0.35), distance))
    x, y = canvas.x_at(1.0), canvas.y_at(1.0)
    lean = canvas.random("near hill")
    line = -0.50 + 0.05 * _wave(x, 3.4, lean)
    # The camera moves the two hills apart: the far end of the path follows, so that it stays one path.
    apart_x, apart_y = (canvas.x_at(0.7) - x).mean(-1, keepdim=True), (canvas.y_at(0.7) - y).mean(-2, keepdim=True)
    start = ridge(across + apart_x) - (-0.50 + 0.05 * _wave(across, 3.4, lean)) - apart_y
    _path(canvas, 0.7, ridge(canvas.x_at(0.7)), across + apart_x, start, 0.06 - 0.12 * start.clamp(0, 0.25), 0.12, 0.08)
    drop = line - y
    band = 0.5 + 0.5 * torch.cos(drop * 15 + 0.8)
    _fill(canvas, 1.0, line, _shared(canvas, near * 1.04, near * 0.76, band * 0.6 + 0.3 * drop.clamp(0, 1), 0.0))
    row = torch.floor(drop / 0.28)
    place = x / 0.66 + 0.5 * row + canvas.random("flowers")
    dot = torch.sqrt(((place - torch.floor(place) - 0.5) * 0.66) ** 2 + (((drop / 0.28) - row - 0.5) * 0.28 * 1.25) ** 2) - 0.055
    canvas.paint(canvas.cover(dot) * (row >= 0), canvas.lit(flower))
    _path(canvas, 1.0, line, across, horizon * 0, 0.06, 0.30, 0.0)


def _round_trees(canvas: Canvas, depth: float, ridge: Callable[[Tensor], Tensor], leaf: Tensor, distance: float) -> None:
    """A few big round trees that stand on a ridge."""
    x, y = canvas.x_at(depth), canvas.y_at(depth)
    cell = 0.8
    index = torch.floor(x / cell)
    centre = (index + 0.5 + 0.4 * (canvas.scatter("round tree place", index) - 0.5)) * cell
    local = x - centre + 9 * (canvas.scatter("round tree there", index) > 0.6)
    size = 0.15 + 0.06 * canvas.scatter("round tree size", index)
    up = y - ridge(centre)
    trunk = torch.maximum(local.abs() - 0.035, up - 1.2 * size)
    canvas.paint(canvas.cover(trunk, depth), canvas.lit((0.36, 0.26, 0.20), distance), shadow=1.0)
    crown = torch.sqrt((local / 0.92) ** 2 + (up - 1.6 * size) ** 2) - size
    colour = _shared(canvas, leaf, leaf * 0.74, canvas.cover(-(local * _side(canvas) + 0.3 * (1.6 * size - up)), depth, 4.0), distance)
    canvas.paint(canvas.cover(crown, depth), colour, shadow=1.0)


def _path(canvas: Canvas, depth: float, line: Tensor, across: Tensor, start: Tensor, narrow: float | Tensor, widening: float,
          distance: float) -> None:
    """A pale path that winds from a ridge towards the viewer, ever wider; `start`: how far below the ridge it is at `across`."""
    drop = line - canvas.y_at(depth)
    down = drop.clamp(0, 1.5)
    centre = across + 0.16 * torch.sin(4.2 * (down - start)) + 0.12 * (down - start)
    edge = (canvas.x_at(depth) - centre).abs() - narrow - widening * down
    colour = _season(canvas, (0.93, 0.84, 0.60), (0.95, 0.87, 0.68), (0.93, 0.80, 0.56), (0.74, 0.82, 0.93))
    canvas.paint(canvas.cover(torch.maximum(edge * 0.85, -drop), depth), canvas.lit(colour, distance))


def _lake(canvas: Canvas) -> None:
    """Mountains that stand on their own reflection, and a shore at the viewer's feet."""
    horizon = horizon_of(canvas)
    leaf = _season(canvas, (0.20, 0.44, 0.28), (0.42, 0.62, 0.32), (0.84, 0.46, 0.14), (0.78, 0.84, 0.91))
    tall = canvas.random("mountain height", 0.0, 0.12)
    _range(canvas, "lake peak", 0.2, 1.15, horizon + 0.22 + tall, horizon + 0.52 + tall, 0.72, (0.46, 0.52, 0.63), (0.31, 0.38, 0.52), 0.12, 0.4)
    wood = canvas.x_at(0.3)
    _fill(canvas, 0.3, horizon + 0.09 + 0.04 * _wave(wood, 1.3, canvas.random("wood")), canvas.lit(leaf * 0.75, 0.22))
    below = (horizon - canvas.y_at(0.3)).clamp_min(0)
    ripple = 0.02 * below.sqrt() * torch.sin(34 * torch.sqrt(below + 0.03) - 2.2 * canvas.time)
    mirrored = canvas.reflect(horizon, ripple)
    water = mix(mirrored * 0.86, canvas.lit((0.14, 0.42, 0.58)), 0.22 + 0.35 * smoothstep(below / 0.9).unsqueeze(1))
    _fill(canvas, 0.3, horizon + canvas.x_at(0.3) * 0, water)
    shine = torch.exp(-((below - 0.03) / 0.03) ** 2) * (below > 0)
    canvas.paint(0.5 * shine, canvas.haze)
    near = canvas.x_at(1.0)
    line = -0.86 + 0.07 * _wave(near, 2.7, canvas.random("shore"))
    _fill(canvas, 1.0, line + 0.05, canvas.lit((0.86, 0.78, 0.60)))
    _fill(canvas, 1.0, line - 0.03, canvas.lit(leaf * (0.7 + 0.28 * canvas.flag(lambda scene: scene.season == "winter").unsqueeze(1))))


def _terraces(away: Tensor) -> Tensor:
    """0 … 1 in three steep steps with flat tops, over 0 … 1."""
    step = torch.floor(away.clamp(0, 2.999 / 3) * 3)
    return (step + smoothstep((away * 3 - step).clamp(0, 1) * 2.6)) / 3


def _rock(canvas: Canvas, depth: float, line: Tensor, light: Tensor, dark: Tensor, distance: float, local: Tensor) -> None:
    """Layered stone: broad light and dark strata that follow the height."""
    y = canvas.y_at(depth)
    strata = smoothstep(0.5 + 1.6 * torch.sin(y * 27 + 0.5 * torch.sin(canvas.x_at(depth) * 3)))
    shade = canvas.cover(-local, depth, 6.0)
    _fill(canvas, depth, line, _shared(canvas, light, dark, 0.55 * strata + 0.40 * shade, distance), 2.5)


def _canyon(canvas: Canvas) -> None:
    """Red mesas in steps, banded with strata, on both sides of a river on a flat floor."""
    horizon = horizon_of(canvas)
    light = _season(canvas, (0.93, 0.52, 0.30), (0.93, 0.57, 0.38), (0.94, 0.46, 0.20), (0.88, 0.62, 0.52))
    dark = _season(canvas, (0.66, 0.26, 0.18), (0.68, 0.31, 0.24), (0.62, 0.22, 0.12), (0.62, 0.38, 0.36))
    sand = _season(canvas, (0.90, 0.62, 0.38), (0.80, 0.70, 0.40), (0.90, 0.56, 0.28), (0.93, 0.88, 0.86))
    side = _side(canvas)
    turned = canvas.x_at(0.2) / 1.5 + canvas.random("butte")
    index = torch.floor(turned)
    local = (turned - index - 0.5) * 1.5
    half = 0.40 + 0.14 * canvas.scatter("butte width", index)
    line = horizon + (0.34 + 0.22 * canvas.scatter("butte height", index)) * _terraces((half + 0.12 - local.abs()) / 0.36)
    _rock(canvas, 0.2, line, light, dark, 0.42, (local - 0.1) * side)
    _fill(canvas, 0.3, horizon + 0.02 + canvas.x_at(0.3) * 0, canvas.lit(sand, 0.25))
    across = canvas.x_at(0.55) - canvas.random("gap", -0.15, 0.15)
    edge = 0.42 + 0.22 * (canvas.right - 1)
    line = horizon - 0.12 + canvas.random("wall height", 0.75, 0.95) * _terraces((across.abs() - edge) / 0.62)
    _rock(canvas, 0.55, line, light * 0.95, dark * 0.85, 0.05, across * side)
    x, y = canvas.x_at(0.8), canvas.y_at(0.8)
    below = horizon - 0.14 - y
    down = below.clamp(0, 1.4)
    _fill(canvas, 0.8, horizon - 0.14 + x * 0, _shared(canvas, sand, mix(sand, dark, 0.45), smoothstep(down), 0.08))
    centre = canvas.random("river", -0.2, 0.2) + side * 0.30 * torch.sin(4.0 * torch.sqrt(down + 0.02))
    bank = torch.maximum(((x - centre).abs() - 0.07 - 0.30 * down) * 0.8, -below)
    flow = 0.5 + 0.5 * torch.cos(20 * torch.sqrt(down + 0.05) - 2.2 * canvas.time)
    canvas.paint(canvas.cover(bank - 0.04, 0.8), canvas.lit(mix(sand, dark, 0.3), 0.05))
    water = mix(canvas.lit((0.16, 0.56, 0.66)), canvas.haze, (0.15 + 0.30 * flow).unsqueeze(1))
    canvas.paint(canvas.cover(bank, 0.8), water)


def _isles(canvas: Canvas, name: str, depth: float, level: Tensor, cell: float, size: float, distance: float) -> None:
    """A row of islands, one in each cell of x: a green dome on a rim of sand, two palms leaning over it."""
    x, y = canvas.x_at(depth), canvas.y_at(depth)
    turned = x / cell + canvas.random(name + " phase")
    index = torch.floor(turned)
    scale = size * (0.8 + 0.4 * canvas.scatter(name + " size", index))
    u, v = (turned - index - 0.5) * cell / scale, (y - level) / scale
    leaf = _season(canvas, (0.20, 0.58, 0.28), (0.46, 0.76, 0.34), (0.82, 0.56, 0.18), (0.76, 0.86, 0.86))
    frond = leaf * 0.72

    def fill(distance_in: Tensor, rgb: Tensor, opacity: float = 1.0, shadow: float = 1.0) -> None:
        canvas.paint(canvas.cover(distance_in * scale, depth) * opacity, rgb, shadow)

    surf = 0.06 * torch.sin(1.8 * canvas.time)
    fill((torch.sqrt((u / (1.22 + surf)) ** 2 + (v / 0.19) ** 2) - 1) * 0.19, mix(canvas.lit((0.92, 1.0, 1.0)), canvas.haze, 0.3), 0.6, 0.0)
    sway = 0.05 * torch.sin(1.3 * canvas.time)
    dark = canvas.cover(-(u * _side(canvas) - 0.15) * scale, depth, 6.0)
    dome = torch.maximum((torch.sqrt((u / 0.76) ** 2 + (v / 0.46) ** 2) - 1) * 0.46, -v)
    for lean, tall in ((-0.34, 1.0), (0.42, 0.78)):
        rise = (v / tall).clamp(0, 1)
        trunk = torch.maximum((u - lean * (0.3 + rise * rise)).abs() - 0.05, v - tall)
        fill(torch.maximum(trunk, -v), canvas.lit((0.50, 0.35, 0.22), distance))
        a = u - lean * 1.3 - sway
        b = v - tall + 1.1 * a * a - 0.06
        radius = torch.sqrt(a * a + b * b)
        star = torch.cos(2.5 * (torch.atan2(b, a) - math.pi / 2)).abs()
        fill((radius - 0.46 * (0.34 + 0.66 * star)) * 0.6, canvas.lit(frond, distance))
    fill(dome, _shared(canvas, leaf, leaf * 0.72, dark, distance))
    fill((torch.sqrt((u / 1.05) ** 2 + (v / 0.12) ** 2) - 1) * 0.12, canvas.lit((0.98, 0.88, 0.62), distance), 1.0, 0.0)


def _islands(canvas: Canvas) -> None:
    """Round green islands with sandy rims and palms in a bright sea."""
    horizon = horizon_of(canvas)
    _sea(canvas, horizon, canvas.colour((0.36, 0.80, 0.80)), canvas.colour((0.02, 0.36, 0.52)), 0.8)
    _isles(canvas, "far island", 0.35, horizon - 0.07, 1.35, 0.34, 0.28)
    _isles(canvas, "near island", 0.6, horizon - 0.30, 2.3, 0.55, 0.05)


PAINTERS: dict[str, Callable[[Canvas], None]] = {
    "mountains": _mountains,
    "dunes": _dunes,
    "ocean": _ocean,
    "forest": _forest,
    "city": _city,
    "snow hills": _snow_hills,
    "meadow": _meadow,
    "lake": _lake,
    "canyon": _canyon,
    "islands": _islands,
}
