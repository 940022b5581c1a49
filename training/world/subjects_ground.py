"""Painters of the subjects that sail, drive, walk or stand: all in side view, facing u > 0."""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from .canvas import mix, smoothstep
from .subject import Subject, box, circle, ellipse, half, meet, polygon, segment, turn, union

_WOOD = (0.40, 0.23, 0.14)
_DARK = (0.15, 0.16, 0.20)
_GLASS = (0.78, 0.90, 0.97)
_SILVER = (0.80, 0.82, 0.85)
_CREAM = (0.97, 0.94, 0.88)
_LAMP = (1.00, 0.90, 0.60)
_TYRE = (0.27, 0.29, 0.35)  # lighter than _DARK: thin rings must show at night too

# Phases of the legs on the near side; those on the far side are half a step behind. Never all legs in one line.
_FRONT, _HIND = 1.1, 3.4


def _taper(x: Tensor, y: Tensor, ax, ay, bx, by, start: float, end: float) -> Tensor:
    """A segment that is `start` thick to each side at a and `end` at b: limbs, necks, tails."""
    px, py, dx, dy = x - ax, y - ay, bx - ax, by - ay
    along = ((px * dx + py * dy) / (dx * dx + dy * dy)).clamp(0, 1)
    return torch.sqrt((px - dx * along) ** 2 + (py - dy * along) ** 2) - start - (end - start) * along


def _melt(a: Tensor, b: Tensor, reach: float) -> Tensor:
    """A union whose inner corners are filled smoothly over `reach`: bodies in one piece."""
    share = (0.5 + 0.5 * (b - a) / reach).clamp(0, 1)
    return mix(b, a, share) - reach * share * (1 - share)


def _soft(s: Subject, distance: Tensor, width: float, rgb, opacity: float | Tensor, shade: float = 1.0) -> None:
    """A shape whose edge fades over `width` own units, at any size of picture."""
    s.part(distance - width / 2, rgb, shade=shade, opacity=smoothstep(0.5 - distance / width) * opacity)


def _arc(x: Tensor, y: Tensor, cx: float, cy: float, radius: float, facing: float, reach: float, thick: float) -> Tensor:
    """A piece of a ring with round ends: `reach` radians to each side of the direction `facing` from its centre."""
    along, across = turn(x - cx, y - cy, facing)
    across = across.abs()
    at_end = across * math.cos(reach) > along * math.sin(reach)
    on_ring = (torch.sqrt(along ** 2 + across ** 2) - radius).abs()
    to_end = torch.sqrt((along - radius * math.cos(reach)) ** 2 + (across - radius * math.sin(reach)) ** 2)
    return torch.where(at_end, to_end, on_ring) - thick


def _quiet_white(s: Subject) -> Tensor:
    """White, or a soft grey-blue where the subject itself is white: what bands and blades are made of."""
    bright = s.colour.amin(dim=1, keepdim=True)
    return mix(s.canvas.colour((0.97, 0.96, 0.94)), s.canvas.colour((0.66, 0.71, 0.78)), smoothstep((bright - 0.7) / 0.2))


def _deeper(s: Subject, shade: float) -> Tensor:
    """A darker shade of the subject's colour; a lighter one where that is near black, so that the part still stands out."""
    dark = smoothstep((0.35 - s.colour.amax(dim=1)) / 0.15)
    return mix(shade + torch.zeros_like(dark), 1 + 0.45 * (1 - shade), dark)


def _leg(s: Subject, x: Tensor, y: Tensor, hip: tuple[float, float], phase: float, ground: float, thick: float, swing: float) -> Tensor:
    """A walking leg: the foot swings to and fro under the hip, and is lifted on its way forward."""
    angle = 5.5 * s.clock + phase
    foot_x = hip[0] + swing * torch.sin(angle)
    foot_y = ground + 0.72 * thick + 0.10 * torch.cos(angle).clamp_min(0)
    return _taper(x, y, hip[0], hip[1], foot_x, foot_y, thick, 0.72 * thick)


def sailboat(s: Subject) -> None:
    """Two full sails on a wooden hull, rocking a little; its reflection breaks up on the water below v = -0.62."""
    water = -0.62
    depth = water - s.v
    wave = s.u + 0.05 * torch.sin(20 * s.v + 3 * s.clock)
    fade = (1 - depth / 0.38).clamp(0, 1)
    below = -depth.abs() + (depth < 0) * 9  # inside wherever it is under the water line
    _soft(s, torch.maximum(wave.abs() - 0.62 + 0.3 * depth, below), 0.10, None, 0.5 * fade, shade=0.9)
    _soft(s, ellipse(wave, depth - 0.05, 0.72, 0.12), 0.08, _WOOD, 0.65, shade=0.8)

    x, y = turn(s.u, s.v - water, 0.035 * torch.sin(1.7 * s.clock))
    y = y + water
    s.part(segment(x, y, -0.02, -0.5, -0.02, 0.97, 0.035), _WOOD, shade=0.85)
    # Each sail is a triangle whose outer edge is the arc of a large circle.
    main = meet(x + 0.07, -0.26 - y, half(x, y, -1.30, 0.78, 0.76), circle(x - 0.62, y + 0.50, 1.62))
    jib = meet(0.05 - x, -0.26 - y, circle(x + 1.02, y + 0.72, 1.80))
    s.part(main, None, shade=1.0 + 0.16 * (x + 0.35))
    s.part(jib, None, shade=1.18 - 0.2 * x)
    hull = meet(y + 0.36 - 0.08 * x, half(x, y, 0.30, -0.34, 0.39), half(x, y, -0.30, -0.22, 0.37), water - 0.03 - s.v)
    s.part(hull, _WOOD)
    s.part(torch.maximum(hull, -0.44 + 0.08 * x - y), _CREAM)
    _soft(s, ellipse(s.u, s.v - water + 0.035, 0.92, 0.045), 0.06, (1.0, 1.0, 1.0), 0.7)


def car(s: Subject) -> None:
    """A rounded small car with two light windows, big dark wheels with silver hubs, and a lit headlamp. Wheels stand on v = -0.6."""
    u, v = s.u, s.v
    shell = box(u, v + 0.17, 0.95, 0.25, 0.20)
    cabin = polygon(u, v, [(-0.70, -0.10), (0.55, -0.10), (0.22, 0.38), (-0.50, 0.38)]) - 0.10
    body = _melt(shell, cabin, 0.12)
    s.part(body, None, shade=1.08 + 0.30 * v)
    s.part(torch.maximum(body, v + 0.27), None, shade=_deeper(s, 0.72))
    glass = polygon(u, v, [(-0.60, 0.06), (0.46, 0.06), (0.20, 0.36), (-0.46, 0.36)]) - 0.02
    s.part(torch.maximum(glass, 0.05 - (u + 0.08).abs()), _GLASS, shade=0.92, glow=0.25)
    s.part(ellipse(u - 0.86, v + 0.10, 0.085, 0.10), _LAMP, glow=0.8)
    s.part(ellipse(u + 0.90, v + 0.10, 0.06, 0.10), (0.80, 0.16, 0.14), shade=0.9, glow=0.3)
    wheel = circle(u.abs() - 0.55, v + 0.34, 0.26)
    s.part(wheel, _DARK)
    s.part(wheel + 0.135, _SILVER)


def train(s: Subject) -> None:
    """A stubby steam engine with a cab, pulling one wagon; three puffs of steam trail behind. Wheels stand on v = -0.55."""
    u, v = s.u, s.v
    for number in range(3):
        age = (0.45 * s.clock + number / 3) % 1.0
        puff = circle(u - 0.68 + 0.95 * age, v - 0.50 - 0.34 * age, 0.08 + 0.15 * age)
        _soft(s, puff, 0.08, (0.97, 0.97, 0.98), 0.95 * (1 - age * age) * (age * 8).clamp_max(1))
    s.part(box(u + 0.05, v + 0.30, 0.90, 0.06), _DARK)
    wagon = box(u + 0.53, v - 0.02, 0.42, 0.31, 0.07)
    s.part(wagon, None, shade=0.86 + 0.15 * v)
    s.part(box((u + 0.53).abs() - 0.18, v - 0.10, 0.115, 0.12, 0.03), _GLASS, shade=0.94, glow=0.35)
    s.part(box(u + 0.53, v - 0.34, 0.46, 0.055, 0.05), _DARK, shade=1.12)
    chimney = polygon(u - 0.68, v, [(-0.07, 0.10), (0.07, 0.10), (0.13, 0.48), (-0.13, 0.48)])
    s.part(chimney, _DARK)
    s.part(polygon(u, v, [(0.70, -0.40), (0.98, -0.40), (0.86, -0.20), (0.70, -0.20)]), _DARK, shade=1.15)
    engine = union(box(u - 0.54, v + 0.05, 0.36, 0.23, 0.10), box(u - 0.20, v - 0.11, 0.20, 0.39, 0.03))
    s.part(engine, None, shade=1.04 + 0.25 * v)
    s.part(torch.maximum(engine, (u - 0.86).abs() - 0.035), None, shade=_deeper(s, 0.70))
    s.part(box(u - 0.20, v - 0.26, 0.115, 0.13, 0.03), _GLASS, shade=0.94, glow=0.35)
    s.part(box(u - 0.20, v - 0.51, 0.27, 0.055, 0.05), _DARK, shade=1.12)
    small = circle((u + 0.53).abs() - 0.24, v + 0.39, 0.16)
    large = circle((u - 0.45).abs() - 0.23, v + 0.34, 0.21)
    wheel = union(small, large)
    s.part(wheel, _DARK, shade=0.85)
    s.part(wheel + 0.10, _SILVER)


def bicycle(s: Subject) -> None:
    """Two big wheels with dark tyres, a thick frame, mudguards, a saddle and a handlebar. Wheels stand on v = -0.75."""
    u, v = s.u, s.v
    wheel = circle(u.abs() - 0.53, v + 0.32, 0.38)
    s.part(wheel, None, shade=1.3, opacity=0.42)
    s.part(wheel.abs() - 0.055, _TYRE)
    s.part(wheel + 0.30, _SILVER, shade=0.8)
    s.part(union(segment(u, v, -0.24, 0.20, -0.28, 0.42, 0.04), segment(u, v, 0.34, 0.22, 0.28, 0.50, 0.04)), _SILVER, shade=0.75)
    s.part(union(segment(u, v, -0.42, 0.45, -0.16, 0.43, 0.075), segment(u, v, 0.27, 0.54, 0.50, 0.50, 0.06)), _DARK)
    s.part(union(
        segment(u, v, -0.53, -0.32, -0.04, -0.34, 0.055),
        segment(u, v, -0.53, -0.32, -0.24, 0.22, 0.055),
        segment(u, v, -0.04, -0.34, -0.24, 0.22, 0.065),
        segment(u, v, -0.04, -0.34, 0.34, 0.14, 0.065),
        segment(u, v, -0.24, 0.20, 0.34, 0.22, 0.065),
        segment(u, v, 0.33, 0.26, 0.53, -0.32, 0.065)))
    angle = 4.0 * s.clock
    pedal_x, pedal_y = 0.17 * torch.cos(angle), 0.17 * torch.sin(angle)
    s.part(circle(u + 0.04, v + 0.34, 0.11), _DARK)
    s.part(segment(u, v, -0.04 - pedal_x, -0.34 + pedal_y, -0.04 + pedal_x, -0.34 - pedal_y, 0.04), _SILVER, shade=0.75)


def whale(s: Subject) -> None:
    """A big round-headed whale with a light belly; its tail beats up and down, and a soft spout rises from its head."""
    u, v = s.u / 0.88 - 0.15, s.v / 0.88 + 0.06
    beat = torch.sin(2.6 * s.clock)
    spread = 0.80 + 0.20 * torch.sin(1.8 * s.clock)
    spout = union(_arc(u, v, 0.10, 0.44, 0.32, 0.70, 1.0, 0.06), _arc(u, v, 0.74, 0.44, 0.32, math.pi - 0.70, 1.0, 0.06))
    _soft(s, spout, 0.07, (0.93, 0.98, 1.0), spread)
    bend = 0.13 * beat * smoothstep((-0.1 - u) / 0.8)  # the rear half swings, the head stays
    y = v - bend
    body = _melt(ellipse(u - 0.28, y + 0.06, 0.66, 0.47), _taper(u, y, -0.10, -0.08, -0.74, 0.26, 0.30, 0.07), 0.30)
    fluke_x, fluke_y = turn(u + 0.76, y - 0.30, 0.45 + 0.30 * beat)
    fluke = union(meet(circle(fluke_x + 0.30, fluke_y - 0.02, 0.32), circle(fluke_x + 0.06, fluke_y - 0.36, 0.32)),
                  meet(circle(fluke_x - 0.26, fluke_y - 0.02, 0.30), circle(fluke_x - 0.02, fluke_y - 0.36, 0.32)))
    s.part(_melt(body, fluke, 0.10), None, shade=1.02 + 0.30 * y)
    s.part(torch.maximum(body, -ellipse(u - 0.10, y - 0.42, 1.00, 0.66)), _quiet_white(s), shade=1.10)
    fin_x, fin_y = turn(u - 0.18, v + 0.34, 0.85 - 0.20 * beat)
    s.part(ellipse(fin_x + 0.16, fin_y, 0.26, 0.10), None, shade=_deeper(s, 0.72))
    s.part(circle(u - 0.66, v + 0.06, 0.085), (0.98, 0.98, 0.98))
    s.part(circle(u - 0.68, v + 0.06, 0.05), _DARK)


def fish(s: Subject) -> None:
    """A tall rounded fish with a fan tail, a back fin and one light stripe; the tail wags and the body follows a little."""
    u = s.u
    beat = 5.0 * s.clock
    v = s.v - 0.05 * torch.sin(beat + 2.5 * u) * (0.6 - u).clamp(0, 1)
    body = meet(circle(u - 0.20, v + 0.36, 0.86), circle(u - 0.20, v - 0.36, 0.86))
    body = torch.maximum(body, ellipse(u - 0.22, v, 0.74, 0.56))
    # A tail that swings towards us and away looks shorter and longer in turn.
    tail = (u + 0.42) / (0.82 + 0.18 * torch.sin(beat))
    fan = meet(half(tail, v.abs(), 0.75, 1.0, 0.13), tail - 0.1, -0.54 - tail, -circle(tail + 0.80, v, 0.38))
    back = torch.maximum(ellipse(u - 0.02, v - 0.42, 0.40, 0.32), half(u, v, 0.5, 1.0, 0.82))
    under = torch.maximum(ellipse(u + 0.02, v + 0.44, 0.24, 0.24), half(u, v, 0.6, -1.0, 0.72))
    s.part(union(fan, back, under), None, shade=_deeper(s, 0.78))
    s.part(body, None, shade=1.04 + 0.35 * v)
    s.part(torch.maximum(body, circle(u - 0.90, v, 0.62).abs() - 0.06), _quiet_white(s))
    fin_x, fin_y = turn(u + 0.02, v + 0.06, 0.35 + 0.35 * torch.sin(beat))
    s.part(ellipse(fin_x + 0.14, fin_y, 0.20, 0.11), None, shade=_deeper(s, 0.72))
    s.part(circle(u - 0.62, v - 0.10, 0.105), (0.98, 0.98, 0.98))
    s.part(circle(u - 0.64, v - 0.10, 0.06), _DARK)


def dog(s: Subject) -> None:
    """A sturdy dog: square muzzle with a dark nose, hanging ear, collar, short legs, tail straight up and wagging. Paws at v = -0.8."""
    u, v = s.u, s.v
    far = union(_leg(s, u, v, (0.28, -0.20), _FRONT + math.pi, -0.8, 0.12, 0.16), _leg(s, u, v, (-0.46, -0.20), _HIND + math.pi, -0.8, 0.12, 0.16))
    s.part(far, None, shade=_deeper(s, 0.62))
    tail = 0.30 * torch.sin(6 * s.clock)
    trunk = _taper(u, v, 0.26, -0.06, -0.42, -0.10, 0.30, 0.25)
    head = _melt(circle(u - 0.52, v - 0.42, 0.25), box(u - 0.74, v - 0.33, 0.21, 0.135, 0.09), 0.10)
    body = _melt(_melt(trunk, _taper(u, v, 0.34, 0.05, 0.48, 0.35, 0.22, 0.18), 0.15), head, 0.08)
    near = union(_leg(s, u, v, (0.38, -0.18), _FRONT, -0.8, 0.13, 0.16), _leg(s, u, v, (-0.50, -0.16), _HIND, -0.8, 0.14, 0.16))
    wag = _taper(u, v, -0.60, 0.02, -0.84 + 0.10 * tail, 0.48 + 0.10 * tail, 0.09, 0.06)
    s.part(_melt(union(body, wag), near, 0.08), None, shade=1.0 + 0.22 * v)
    s.part(torch.maximum(segment(u, v, 0.26, 0.20, 0.60, 0.10, 0.055), body), _CREAM)
    ear_x, ear_y = turn(u - 0.42, v - 0.58, -0.25 + 0.2 * tail)
    s.part(ellipse(ear_x, ear_y + 0.22, 0.13, 0.27), None, shade=_deeper(s, 0.60))
    s.part(ellipse(u - 0.92, v - 0.40, 0.08, 0.07), _DARK)
    s.part(circle(u - 0.64, v - 0.50, 0.05), _DARK)


def cat(s: Subject) -> None:
    """A slim cat: round face with two pointed ears turned to us, thin legs, and a long raised tail that curls over. Paws at v = -0.8."""
    u, v = s.u, s.v
    far = union(_leg(s, u, v, (0.28, -0.30), _FRONT + math.pi, -0.8, 0.09, 0.15), _leg(s, u, v, (-0.42, -0.30), _HIND + math.pi, -0.8, 0.09, 0.15))
    s.part(far, None, shade=_deeper(s, 0.62))
    tail_x, tail_y = turn(u + 0.52, v + 0.16, 0.10 * torch.sin(2.4 * s.clock))
    tail = union(segment(tail_x, tail_y, 0.0, 0.0, -0.24, 0.64, 0.07), _arc(tail_x, tail_y, -0.062, 0.705, 0.19, 1.95, 1.55, 0.07))
    trunk = _taper(u, v, 0.26, -0.20, -0.44, -0.18, 0.21, 0.22)
    near = union(_leg(s, u, v, (0.36, -0.28), _FRONT, -0.8, 0.10, 0.15), _leg(s, u, v, (-0.46, -0.26), _HIND, -0.8, 0.11, 0.15))
    s.part(_melt(_melt(trunk, _taper(u, v, 0.30, -0.14, 0.48, 0.10, 0.19, 0.16), 0.1), union(tail, near), 0.08), None, shade=1.0 + 0.22 * v)
    x, y = u - 0.58, v - 0.22
    side = x.abs()
    ears = polygon(side, y, [(0.03, 0.16), (0.29, 0.02), (0.27, 0.47)])
    face = union(ellipse(x, y, 0.33, 0.27), ears)
    s.part(face, None, shade=1.08)
    s.part(polygon(side, y, [(0.10, 0.20), (0.25, 0.14), (0.24, 0.37)]), (0.95, 0.66, 0.66), shade=0.9)
    s.part(ellipse(side - 0.14, y - 0.02, 0.06, 0.075), (0.86, 0.92, 0.45))
    s.part(ellipse(side - 0.14, y - 0.02, 0.03, 0.07), _DARK)
    s.part(ellipse(x, y + 0.11, 0.06, 0.04), (0.85, 0.45, 0.50), shade=0.9)


def horse(s: Subject) -> None:
    """A tall horse: thick arched neck, long head pointing down, dark mane and long flowing tail, long legs with dark hooves. Hooves at v = -0.8."""
    u, v = s.u, s.v
    sway = torch.sin(2.8 * s.clock)
    far = union(_leg(s, u, v, (0.26, 0.0), _FRONT + math.pi, -0.8, 0.12, 0.20), _leg(s, u, v, (-0.44, 0.0), _HIND + math.pi, -0.8, 0.12, 0.20))
    s.part(far, None, shade=_deeper(s, 0.62))
    tail = union(_taper(u, v, -0.58, 0.24, -0.80, 0.05, 0.07, 0.12), _taper(u, v, -0.80, 0.05, -0.88 + 0.05 * sway, -0.42, 0.12, 0.05))
    s.part(tail, None, shade=_deeper(s, 0.45))
    nod = 0.03 * torch.sin(5.5 * s.clock)
    y = v - nod
    trunk = _taper(u, v, 0.26, 0.08, -0.42, 0.10, 0.24, 0.24)
    neck = _taper(u, y, 0.30, 0.16, 0.56, 0.68, 0.22, 0.13)
    head = _taper(u, y, 0.57, 0.73, 0.88, 0.37, 0.14, 0.09)
    ear = polygon(u, y, [(0.46, 0.78), (0.60, 0.78), (0.55, 1.00)])
    near = union(_leg(s, u, v, (0.34, 0.02), _FRONT, -0.8, 0.13, 0.20), _leg(s, u, v, (-0.50, 0.04), _HIND, -0.8, 0.14, 0.20))
    mane = union(_taper(u, y, 0.16, 0.34, 0.40, 0.76, 0.07, 0.11), _taper(u, y, 0.40, 0.76, 0.58, 0.88, 0.11, 0.06))
    body = union(_melt(_melt(_melt(trunk, neck, 0.18), head, 0.06), near, 0.08), ear)
    s.part(body, None, shade=1.0 + 0.20 * v)
    s.part(torch.maximum(near, v + 0.69), _DARK)
    s.part(mane, None, shade=_deeper(s, 0.45))
    s.part(circle(u - 0.63, y - 0.70, 0.045), _DARK)


def deer(s: Subject) -> None:
    """A slender deer: branching antlers, thin upright neck, small head, short white tail, very thin legs. Hooves at v = -0.8."""
    u, v = s.u, s.v
    far = union(_leg(s, u, v, (0.24, -0.06), _FRONT + math.pi, -0.8, 0.08, 0.16), _leg(s, u, v, (-0.42, -0.06), _HIND + math.pi, -0.8, 0.08, 0.16))
    s.part(far, None, shade=_deeper(s, 0.62))
    antlers = union(
        _arc(u, v, 0.60, 0.80, 0.30, math.pi + 0.25, 0.95, 0.045), segment(u, v, 0.31, 0.73, 0.16, 0.92, 0.04),
        _arc(u, v, 0.36, 0.84, 0.32, -0.45, 0.75, 0.045), segment(u, v, 0.62, 0.70, 0.82, 0.88, 0.04))
    s.part(antlers, (0.55, 0.41, 0.28))
    s.part(ellipse(*turn(u + 0.60, v - 0.14, 0.6), 0.15, 0.09), _quiet_white(s))
    nod = 0.02 * torch.sin(5.5 * s.clock)
    trunk = _taper(u, v, 0.24, -0.02, -0.40, 0.00, 0.19, 0.20)
    neck = _taper(u, v, 0.28, 0.06, 0.48, 0.46, 0.14, 0.085)
    head = _taper(u, v - nod, 0.48, 0.50, 0.72, 0.40, 0.115, 0.06)
    ear = ellipse(*turn(u - 0.36, v - 0.56, -0.5), 0.14, 0.06)
    near = union(_leg(s, u, v, (0.31, -0.04), _FRONT, -0.8, 0.085, 0.16), _leg(s, u, v, (-0.46, -0.02), _HIND, -0.8, 0.10, 0.16))
    s.part(union(_melt(_melt(_melt(trunk, neck, 0.14), head, 0.06), near, 0.08), ear), None, shade=1.02 + 0.20 * v)
    s.part(circle(u - 0.74, v - 0.40 - nod, 0.06), _DARK)


def lighthouse(s: Subject) -> None:
    """A tapered banded tower with a gallery, a glowing lamp room and a cap; a soft beam sweeps round. Stands on v = -1."""
    u, v = s.u, s.v
    lamp = v - 0.64
    sweep = torch.cos(1.6 * s.clock + s.random("sweep", 0.0, 2 * math.pi))
    cone = smoothstep(1.2 - lamp.abs() / (0.08 + 0.22 * u.abs()))
    lit = (sweep * torch.sign(u)).clamp_min(0)
    s.canvas.glow(0.55 * cone * lit * torch.exp(-u.abs() / (0.3 + 1.1 * sweep.abs())), _LAMP)
    s.halo(circle(u, lamp, 0.14), _LAMP, 0.14, 0.40)
    side = u / (0.29 - 0.12 * v)  # -1 … 1 across the tower
    round_shade = 1.06 - 0.28 * smoothstep(0.5 + 0.7 * side)
    tower = torch.maximum(half(u.abs(), v, 1.0, 0.12, 0.29), (v + 0.27).abs() - 0.73)
    s.part(tower, None, shade=round_shade)
    band = ((v + 0.27) / 0.292 + 0.05 * side ** 2).abs()
    s.part(torch.maximum(tower, 0.292 * ((band - 1.0).abs() - 0.5)), _quiet_white(s), shade=round_shade)
    s.part(torch.maximum(box(u, v + 0.92, 0.10, 0.22, 0.10), -1 - v), _DARK, shade=1.1)
    s.part(box(u, lamp, 0.18, 0.16), _LAMP, glow=1.0)
    s.part(box(u, v - 0.47, 0.33, 0.05, 0.03), _DARK, shade=1.1)
    s.part(meet(half(u.abs(), v, 0.75, 1.0, 0.98), 0.76 - v), None, shade=_deeper(s, 0.72))
    s.part(box(u, v - 0.77, 0.25, 0.035, 0.03), _DARK, shade=1.1)


def windmill(s: Subject) -> None:
    """A tapered mill with a rounded cap and four big blades that turn. Stands on v = -1."""
    u, v = s.u, s.v
    tower = torch.maximum(half(u.abs(), v, 1.0, 0.15, 0.31), (v + 0.40).abs() - 0.60)
    s.part(tower, None, shade=1.06 - 0.28 * smoothstep(0.5 + 0.7 * u / (0.31 - 0.15 * v)))
    s.part(torch.maximum(box(u, v + 0.90, 0.12, 0.26, 0.12), -1 - v), _WOOD, shade=0.8)
    s.part(ellipse(u, v + 0.28, 0.075, 0.10), _GLASS, shade=0.94, glow=0.35)
    s.part(torch.maximum(ellipse(u, v - 0.16, 0.35, 0.32), 0.14 - v), None, shade=_deeper(s, 0.62))
    # Every quarter turn looks alike: fold the four blades into one that points up.
    x, y = turn(u, v - 0.26, -0.9 * s.clock + s.random("blades", 0.0, 1.5))
    sideways = x.abs() > y.abs()
    along = torch.maximum(x.abs(), y.abs())
    across = torch.where(sideways, -y * torch.sign(x), x * torch.sign(y))
    s.part(box(across - 0.11, along - 0.44, 0.10, 0.28, 0.02), _quiet_white(s))
    s.part(segment(across, along, 0.0, 0.0, 0.0, 0.71, 0.035), _WOOD)
    s.part(circle(u, v - 0.26, 0.09), _WOOD, shade=0.8)


PAINTERS: dict[str, Callable[[Subject], None]] = {
    "sailboat": sailboat,
    "whale": whale,
    "fish": fish,
    "car": car,
    "train": train,
    "bicycle": bicycle,
    "dog": dog,
    "cat": cat,
    "horse": horse,
    "deer": deer,
    "lighthouse": lighthouse,
    "windmill": windmill,
}
