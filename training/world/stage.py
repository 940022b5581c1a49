"""Where each subject stands and how it moves, and the painting of it."""

import math

import torch
from torch import Tensor

from .attributes import CELESTIAL, COLOURS, Actor
from .canvas import Canvas, mix
from .lands import ground_of
from .subject import Subject
from .subjects_air import PAINTERS as AIR
from .subjects_ground import PAINTERS as GROUND

PAINTERS = {**AIR, **GROUND}

# Half the height or width of a subject in world units, and how far its feet are below its middle in its own units
# (None: it hangs in the air).
_SIZES = {
    "balloon": (0.40, None), "kite": (0.38, None), "lantern": (0.34, None), "rocket": (0.42, None), "aeroplane": (0.42, None),
    "bird": (0.40, None), "flock": (0.52, None), "butterfly": (0.38, None), "planet": (0.38, None), "moon": (0.34, None),
    "umbrella": (0.36, 0.9), "flower": (0.46, 1.0),
    "sailboat": (0.46, 0.62), "whale": (0.48, 0.35), "fish": (0.36, 0.1), "car": (0.42, 0.6), "train": (0.50, 0.55),
    "bicycle": (0.40, 0.75), "dog": (0.38, 0.8), "cat": (0.38, 0.8), "horse": (0.44, 0.8), "deer": (0.44, 0.8),
    "lighthouse": (0.56, 1.0), "windmill": (0.52, 1.0),
}
# A pan shifts a subject by this share. The camera follows what flies or moves, so that its own movement stays plain
# to see; what stands on the ground stays with the ground.
_DEPTH, _STANDING_DEPTH, _SKY_DEPTH = 0.25, 0.7, 0.15
_GROUND_DEPTH = 0.95  # a tilt moves what stands on the ground as it moves the ground
_TRAVEL = 0.8       # world units in a clip of two seconds


def _path(canvas: Canvas, motion: str, place: str, size: Tensor, feet: float | None, name: str) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """-> x, y, size, lean (radians), facing (±1), all [B, F or 1, 1, 1]. `place` is "", or "left" / "right" of two actors."""
    progress, time = canvas.progress, canvas.time
    side = {"": 0.0, "left": -0.48, "right": 0.48}[place] * canvas.right
    x = side + canvas.stray(f"{name} x", -0.18, 0.18) * canvas.right * (1 if place == "" else 0.4)
    if feet is None:
        y = (0.30 + canvas.stray(f"{name} y", -0.08, 0.10)) * math.sqrt(canvas.top)
    else:
        y = ground_of(canvas) + feet * size + canvas.stray(f"{name} y", -0.03, 0.05)
    facing = torch.where(canvas.stray(f"{name} facing") < 0.3, -1.0, 1.0)  # in a world that strays little all face right
    lean, scale = torch.zeros_like(x), torch.ones_like(x)
    travel = _TRAVEL * canvas.stray(f"{name} speed", 0.9, 1.1)
    if motion in ("left", "right"):
        way = 1.0 if motion == "right" else -1.0
        facing = torch.full_like(facing, way)
        x = side * 0.6 + canvas.stray(f"{name} x", -0.10, 0.10) + way * travel * progress * math.sqrt(canvas.right)
    elif motion in ("rise", "fall"):
        way = 1.0 if motion == "rise" else -1.0
        y = 0.10 + canvas.stray(f"{name} y", -0.06, 0.06) + way * travel * progress * math.sqrt(canvas.top)
    elif motion == "bounce":
        y = y - 0.10 * (feet is None) + 0.34 * torch.sin(time * math.pi * 1.5 + canvas.stray(f"{name} phase", 0, 3.14)).abs()
    elif motion == "circle":
        angle = time * math.pi * 0.9 + canvas.stray(f"{name} phase", 0, 6.28)
        x, y = side + 0.36 * torch.cos(angle), y - 0.06 + 0.26 * torch.sin(angle)
    elif motion == "sway":
        swing = torch.sin(time * math.pi * 0.9 + canvas.stray(f"{name} phase", 0, 6.28))
        x, lean = x + 0.10 * swing * (feet is None), -0.30 * swing
    elif motion in ("approach", "recede"):
        way = 1.0 if motion == "approach" else -1.0
        scale = 1 + way * 0.95 * progress
        if feet is not None:
            y = y + (scale - 1) * feet * size - 0.16 * way * progress
    elif feet is None:
        y = y + 0.02 * torch.sin(time * 1.8 + canvas.stray(f"{name} phase", 0, 6.28))  # nothing hangs in the air quite still
    return x, y, size * scale, lean, facing


def _paint_group(canvas: Canvas, subject: str, motion: str, place: str, actors: list[Actor]) -> None:
    """All clips of the canvas show the same subject with the same motion."""
    radius, feet = _SIZES[subject]
    celestial = subject in CELESTIAL
    depth = _SKY_DEPTH if celestial else _STANDING_DEPTH if feet is not None and motion == "still" else _DEPTH
    name = f"{subject} {place}"
    size = canvas.stray(f"{name} size", 0.92, 1.08) * radius * (0.8 if place else 1.0)
    x, y, size, lean, facing = _path(canvas, motion, place, size, feet, name)
    upright = depth if feet is None else _GROUND_DEPTH
    u, v = (canvas.x_at(depth) - x) / size, (canvas.y_at(upright) - y) / size
    u = u * facing
    cos, sin = torch.cos(lean), torch.sin(lean)
    if motion == "sway" and feet is not None:
        v, foot = v + feet, feet                                   # it leans on its feet
    else:
        foot = 0.0
    u, v = u * cos + v * sin, v * cos - u * sin - foot
    shape = (len(canvas.scenes), canvas.frames, canvas.height, canvas.width)
    colour = torch.tensor([COLOURS[actor.colour] for actor in actors], device=canvas.device).view(-1, 3, 1, 1, 1)
    # Subjects stay readable at night: they take only part of the sky's light.
    light = mix(canvas.ambient, torch.ones_like(canvas.ambient), 0.55)
    clock = canvas.time + canvas.stray(f"{name} clock", 0, 2)
    painted = Subject(canvas, name, u.expand(shape), v.expand(shape), canvas.pixel_at(depth) / size, colour, clock, light)
    PAINTERS[subject](painted)
    canvas.mask = torch.maximum(canvas.mask, painted.mask)


def paint_actors(canvas: Canvas, celestial: bool) -> None:
    """Paint the clips' actors that are (or are not) bodies of the sky."""
    for number in (0, 1):
        def key(scene):
            if len(scene.actors) <= number or (scene.actors[number].subject in CELESTIAL) != celestial:
                return None
            actor = scene.actors[number]
            place = "" if len(scene.actors) == 1 else ("left", "right")[number]
            return actor.subject, actor.motion, place

        def painter(group, name):
            return lambda part: _paint_group(part, *name, [scene.actors[number] for scene in part.scenes])

        names = {key(scene) for scene in canvas.scenes} - {None}
        canvas.each(key, {name: painter(canvas, name) for name in names})
