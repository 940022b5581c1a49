"""What flies, floats and shines, and two tall things that stand: painters of twelve subjects, each filling about -1 … 1.

Every body is in the named colour, with one lighter and one darker piece of it: the lighter one is what gives a black thing
its volume, the darker one a white thing. The light comes from the upper left.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from .canvas import mix, smoothstep
from .subject import Subject, box, circle, ellipse, half, meet, polygon, segment, turn, union, without

_WOOD = (0.45, 0.30, 0.19)
_STEEL = (0.42, 0.45, 0.50)
_GLASS = (0.80, 0.92, 0.98)
_STEM = (0.22, 0.50, 0.26)
_LEAF = (0.30, 0.60, 0.30)


# --- pieces that only this file needs -----------------------------------------------------------------

def _leaf(x: Tensor, y: Tensor, length: float, width: float) -> Tensor:
    """Two arcs meeting in points at y = ±length; ±width at the middle."""
    radius = (length * length + width * width) / (2 * width)
    return circle(x.abs() + (radius - width), y, radius)


def _drop(x: Tensor, y: Tensor, low: float, low_radius: float, high: float, high_radius: float) -> Tensor:
    """The hull of two circles, one above the other: a balloon's outline."""
    height = high - low
    lean = (low_radius - high_radius) / height
    upright = math.sqrt(1 - lean * lean)
    x, y = x.abs(), y - low
    along = y * upright - x * lean
    side = x * upright + y * lean - low_radius
    return torch.where(along < 0, circle(x, y, low_radius), torch.where(along > upright * height, circle(x, y - height, high_radius), side))


def _taper(x: Tensor, y: Tensor, ax: Tensor | float, ay: Tensor | float, bx: Tensor | float, by: Tensor | float,
           start: float, end: float) -> Tensor:
    """A line from a to b, `start` thick (to each side) at a and `end` at b. The points may move: a wing's bone."""
    px, py, dx, dy = x - ax, y - ay, bx - ax, by - ay
    square = dx * dx + dy * dy + 1e-6
    along = (px * (dx / square) + py * (dy / square)).clamp(0, 1)
    return torch.hypot(px - dx * along, py - dy * along) - (start + (end - start) * along)


def _fan(x: Tensor, y: Tensor, count: int, offset: float = 0.0) -> tuple[Tensor, Tensor]:
    """Coordinates in which `count` things around the centre all lie on the positive y axis."""
    sector = 2 * math.pi / count
    angle = torch.remainder(torch.atan2(x, y) + sector * (0.5 + offset), sector) - sector / 2
    radius = circle(x, y, 0.0)
    return radius * torch.sin(angle), radius * torch.cos(angle)


def _wave(s: Subject, hertz: float, later: float = 0.0) -> Tensor:
    """[B, F, 1, 1] -1 … 1, a smooth to and fro; `later` in turns. Each clip starts at its own point."""
    return torch.sin(2 * math.pi * (s.clock * hertz + s.random("phase") - later))


# --- painters ---------------------------------------------------------------------------------------------

def balloon(s: Subject) -> None:
    """A hot-air balloon: a drop of five gores, light and dark by turns, a skirt, two ropes and a basket, swinging a little."""
    u, v = turn(s.u, s.v, 0.045 * _wave(s, 0.3))

    def envelope(share: float) -> Tensor:
        return _drop(u / share, v, -0.40, 0.17, 0.26, 0.66) * (0.4 + 0.6 * share)

    whole = envelope(1.0)
    ropes = segment(u.abs(), v, 0.16, -0.48, 0.12, -0.78, 0.035)
    s.part(ropes, _WOOD, shade=0.7)
    s.part(box(u, v + 0.82, 0.17, 0.11, 0.05), _WOOD)
    s.part(box(u, v + 0.73, 0.19, 0.04, 0.03), _WOOD, shade=1.3)
    s.part(whole, shade=0.80)
    s.part(envelope(0.72), shade=1.24)
    s.part(envelope(0.34), shade=0.92)
    s.part(without(whole, circle(u + 0.26, v - 0.32, 0.80)), (0.05, 0.05, 0.15), opacity=0.20)
    s.part(meet(whole, v + 0.42), shade=0.55)


def kite(s: Subject) -> None:
    """A diamond kite of four panels, leaning, with a ribbon tail that waves and carries two bows."""
    x, y = turn(s.u, s.v, -0.42 + 0.07 * _wave(s, 0.4))
    knot = -0.28

    def sway(height: Tensor) -> Tensor:
        # The wave grows along the tail from nothing at the knot.
        return 0.13 * smoothstep((knot - height) / 0.5) * torch.sin(2 * math.pi * (1.15 * height + 0.7 * s.clock + s.random("tail")))

    ribbon = (x - sway(y)).abs() * 0.8 - 0.045
    s.part(meet(ribbon, y + 0.20, -1.08 - y), shade=0.70)
    for height in (-0.64, -0.96):
        centre = sway(torch.full_like(s.clock, height))
        s.part(_leaf(y - height, x - centre, 0.18, 0.085), shade=1.30)
    top, bottom, side, cross = (0.0, 0.95), (0.0, -0.34), 0.66, 0.40
    s.part(polygon(x, y, [top, (-side, cross), bottom, (side, cross)]))
    s.part(polygon(x, y, [top, (-side, cross), (0.0, cross)]), shade=1.32)
    s.part(polygon(x, y, [(0.0, cross), bottom, (side, cross)]), shade=0.70)


def lantern(s: Subject) -> None:
    """A sky lantern: a paper bag of three panels, round at the top, brightest where the flame is; light all around it."""
    u, v = turn(s.u, s.v, 0.05 * _wave(s, 0.3))
    across = u / (0.98 + 0.24 * v)
    body = meet(box(across, v + 0.20, 0.60, 1.10, 0.36), -0.80 - v)
    warm = mix(s.colour, s.canvas.colour((1.0, 0.62, 0.25)), 0.45)
    s.halo(body, warm, 0.24, 0.36)
    s.part(body, shade=0.82, glow=0.85)
    s.part(meet(body, across.abs() - 0.32), shade=1.10, glow=0.85)
    s.part(meet(body, half(u, v, -1.0, 0.12, -0.36)), shade=0.68, glow=0.85)
    heart = torch.exp(-((u / 0.30) ** 2 + ((v + 0.50) / 0.36) ** 2)) * (1 + 0.08 * _wave(s, 0.35))
    s.part(body, (1.0, 0.88, 0.55), opacity=heart.clamp(0, 1) * 0.95, glow=1.0)
    s.part(box(u, v + 0.83, 0.46, 0.065, 0.05), shade=0.48)


def rocket(s: Subject) -> None:
    """A plump rocket pointing up: nose cone, round window, three fins and a steady flame."""
    u, v = s.u, s.v
    x = u.abs()
    reach = 1 + 0.06 * _wave(s, 0.6)
    s.part(_leaf(u, (v + 0.55) / reach, 0.42, 0.21), (1.0, 0.52, 0.12), glow=1.0)
    s.part(_leaf(u, (v + 0.55) / reach, 0.30, 0.12), (1.0, 0.90, 0.45), glow=1.0)
    s.part(polygon(x, v, [(0.22, 0.02), (0.22, -0.46), (0.62, -0.70), (0.60, -0.34)]), shade=0.62)
    s.part(box(u, v + 0.53, 0.19, 0.08, 0.03), _STEEL, shade=0.8)
    hull = meet(_leaf(u, v - 0.02, 0.94, 0.40), -0.50 - v)
    s.part(hull)
    s.part(meet(hull, _leaf(u + 0.23, v - 0.02, 0.86, 0.19)), shade=1.28)
    s.part(without(hull, _leaf(u + 0.16, v - 0.02, 1.00, 0.42)), shade=0.72)
    s.part(meet(hull, 0.50 - v - 0.12 * u * u), shade=0.58)
    s.part(circle(u, v - 0.17, 0.185), (0.93, 0.94, 0.95))
    s.part(circle(u, v - 0.17, 0.12), (0.30, 0.55, 0.78))
    s.part(polygon(u, v, [(-0.05, -0.22), (-0.05, -0.60), (0.0, -0.66), (0.05, -0.60), (0.05, -0.22)]), shade=0.55)


def aeroplane(s: Subject) -> None:
    """An airliner from the side: a thick fuselage, a swept wing towards us and one beyond, a tall fin, a row of light."""
    u, v = s.u, s.v + 0.02
    s.part(polygon(u, v, [(0.24, 0.10), (-0.16, 0.52), (-0.34, 0.52), (-0.14, 0.10)]), shade=0.62)
    s.part(polygon(u, v, [(-0.40, 0.08), (-0.74, 0.66), (-0.95, 0.66), (-0.84, 0.08)]), shade=0.78)
    # The belly rises towards the tail.
    fuselage = meet(_taper(u, v, 0.64, 0.0, -0.82, 0.11, 0.28, 0.13), half(u, v, 0.9, 1.0, 0.95))
    s.part(fuselage)
    s.part(meet(fuselage, v + 0.07 - 0.08 * (0.66 - u)), shade=0.72)
    s.part(meet(fuselage, 0.17 - v), shade=1.28)
    s.part(segment(u, v, -0.56, 0.09, 0.38, 0.07, 0.048), _GLASS)
    s.part(meet(polygon(u, v, [(0.58, 0.04), (0.92, 0.04), (0.74, 0.20), (0.58, 0.20)]), fuselage), _GLASS, shade=0.75)
    s.part(segment(u, v, 0.06, -0.30, 0.26, -0.30, 0.10), _STEEL)
    s.part(polygon(u, v, [(0.30, -0.06), (-0.14, -0.06), (-0.58, -0.62), (-0.36, -0.62)]), shade=0.56)
    s.part(polygon(u, v, [(0.30, -0.06), (0.16, -0.06), (-0.46, -0.62), (-0.36, -0.62)]), shade=1.18)
    s.part(polygon(u, v, [(-0.62, 0.10), (-0.80, 0.10), (-1.0, -0.12), (-0.88, -0.12)]), shade=0.56)


def _wing(s: Subject, x: float, y: float, later: float, span: float, near: bool) -> Tensor:
    """A bird's wing from the side, its shoulder at (x, y): up and down, swept back between, the tip a little later than the wrist."""
    wrist, tip = _wave(s, 1.2, later), _wave(s, 1.2, later + 0.05)
    wrist_x, wrist_y = x - 0.12 + 0.06 * wrist * wrist, y + 0.03 + 0.42 * span * wrist
    tip_x, tip_y = x - 0.80 + 0.36 * tip * tip, y + 0.06 + 0.88 * span * tip
    bones = union(_taper(s.u, s.v, x - 0.04, y, wrist_x, wrist_y, 0.22, 0.15), _taper(s.u, s.v, wrist_x, wrist_y, tip_x, tip_y, 0.15, 0.035))
    if not near:
        return bones
    # The feathers behind the bones make a broad sail of it.
    return union(bones, _taper(s.u, s.v, x - 0.26, y, (wrist_x + tip_x) / 2 - 0.04, (wrist_y + tip_y) / 2 - 0.05 * tip, 0.17, 0.10))


def bird(s: Subject) -> None:
    """A songbird in flight seen from the side: pointed body, round head, yellow beak, forked tail, two wings that flap."""
    u, v = s.u, s.v + 0.05 * _wave(s, 1.2, 0.25) + 0.04
    s.part(_wing(s, 0.18, 0.06, 0.03, 0.92, near=False), shade=0.56)
    s.part(_taper(u, v, -0.40, 0.0, -0.88, 0.14, 0.12, 0.08), shade=0.62)
    s.part(_taper(u, v, -0.40, 0.0, -0.86, -0.13, 0.12, 0.07), shade=0.72)
    s.part(polygon(u, v, [(0.72, 0.31), (0.72, 0.07), (0.98, 0.15)]), (0.96, 0.66, 0.16))
    whole = union(_taper(u, v, 0.20, -0.02, -0.46, 0.0, 0.29, 0.12), _taper(u, v, 0.22, 0.0, 0.58, 0.19, 0.28, 0.23))
    s.part(whole)
    s.part(meet(whole, ellipse(u - 0.24, v + 0.34, 0.66, 0.28)), shade=1.38)
    s.part(circle(u - 0.64, v - 0.25, 0.065), (0.08, 0.07, 0.09))
    # Lightest at the shoulder, dark towards the tip.
    s.part(_wing(s, 0.06, 0.04, 0.0, 1.0, near=True), shade=1.22 - 0.58 * smoothstep(circle(s.u - 0.10, s.v - 0.04, 0.0) / 0.75))


def flock(s: Subject) -> None:
    """Five gulls in a V, flying towards u > 0: wings of two bones each, thick at the body, beating a little out of step."""
    u, v = s.u, s.v
    below = torch.sign(v)
    for row, (column, away) in enumerate(((0.52, 0.0), (0.0, 0.42), (-0.50, 0.78))):
        # Both birds of a row at once: the upper half of the picture belongs to one, the lower to the other.
        late = 0.13 * row + (0.06 * below if row else 0.0)
        beat = torch.sin(2 * math.pi * (s.clock * 1.1 + s.random("phase") - late))
        x, y = (u - column).abs(), v - below * away + 0.03 * beat
        wrist_y, tip_y = 0.07 + 0.09 * beat, 0.16 * beat
        arm, hand = _taper(x, y, 0.0, -0.02, 0.20, wrist_y, 0.125, 0.105), _taper(x, y, 0.20, wrist_y, 0.46, tip_y, 0.105, 0.03)
        s.part(union(arm, hand))
        s.part(arm + 0.055, shade=1.28)
        s.part(circle(x, 0.65 * (y + 0.04), 0.085), shade=0.70)


def butterfly(s: Subject) -> None:
    """A butterfly from above: four big wings with a dark rim and pale spots, opening and closing slowly."""
    x, y = turn(s.u, s.v, -0.16)
    opening = 0.82 + 0.18 * _wave(s, 0.55)
    across = x.abs() / opening
    upper_x, upper_y = turn(across - 0.46, y - 0.34, -0.85)
    lower_x, lower_y = turn(across - 0.36, y + 0.40, 0.55)
    upper = ellipse(upper_x, upper_y, 0.33, 0.56) * (0.3 + 0.7 * opening)
    lower = ellipse(lower_x, lower_y, 0.40, 0.30) * (0.3 + 0.7 * opening)
    s.part(lower, shade=0.36)
    s.part(lower + 0.085, shade=0.84)
    s.part(upper, shade=0.36)
    s.part(upper + 0.085)
    s.part(circle(across - 0.58, y - 0.46, 0.13) * opening, shade=1.5)
    s.part(circle(across - 0.42, y + 0.44, 0.10) * opening, shade=1.4)
    s.part(_taper(x.abs(), y, 0.03, 0.38, 0.20, 0.74, 0.035, 0.045), (0.18, 0.14, 0.16))
    s.part(_taper(x, y, 0.0, 0.34, 0.0, -0.46, 0.095, 0.05), (0.18, 0.14, 0.16))


def planet(s: Subject) -> None:
    """A banded ball lit from the upper left, in a wide tilted ring that passes behind it and in front."""
    x, y = turn(s.u, s.v, 0.36)
    outer, middle, inner = ellipse(x, y, 1.0, 0.33), ellipse(x, y, 0.87, 0.255), ellipse(x, y, 0.73, 0.17)
    ring, groove = without(outer, inner), without(middle, inner)
    s.part(ring, shade=1.42, glow=0.3)
    s.part(groove, shade=0.70, glow=0.3)
    ball = circle(x, y, 0.64)
    s.part(ball, glow=0.3)
    curve = y + 0.30 * x * x
    s.part(meet(ball, (curve - 0.36).abs() - 0.08), shade=1.28, glow=0.3)
    s.part(meet(ball, (curve - 0.11).abs() - 0.07), shade=0.76, glow=0.3)
    s.part(meet(ball, (curve + 0.34).abs() - 0.09), shade=1.2, glow=0.3)
    night = smoothstep((circle(s.u + 0.26, s.v - 0.26, 0.42) + 0.05) / 0.50)
    s.part(ball, (0.04, 0.03, 0.12), opacity=0.55 * night)
    front = half(x, y, 0.0, 1.0, 0.0)
    s.part(meet(ring, front), shade=1.42, glow=0.3)
    s.part(meet(groove, front), shade=0.70, glow=0.3)


def moon(s: Subject) -> None:
    """A big full moon that shines in the named colour, with a few wide soft craters."""
    u, v = s.u, s.v
    disc = circle(u, v, 0.86)
    s.halo(disc, mix(s.colour, torch.ones_like(s.colour), 0.25), 0.22, 0.27)
    s.part(disc, shade=1.22 - 0.34 * smoothstep((u - v + 1.2) / 2.4), glow=0.75)
    for x, y, radius in ((-0.28, 0.30, 0.25), (0.34, 0.38, 0.16), (0.22, -0.20, 0.22), (-0.40, -0.28, 0.14), (-0.02, -0.60, 0.13)):
        s.part(circle(u - x - 0.035, v - y + 0.035, radius), shade=1.28, opacity=0.7, glow=0.75, softness=2.0)
        s.part(circle(u - x, v - y, radius), shade=0.78, opacity=0.85, glow=0.75, softness=2.0)


def umbrella(s: Subject) -> None:
    """An open umbrella: a dome of five gores with a scalloped hem, its dark inside showing, a wooden crook handle."""
    u, v = turn(s.u, s.v, -0.14 + 0.05 * _wave(s, 0.4))
    hem = 0.02
    whole = meet(ellipse(u, v - hem, 0.90, 0.82), hem - v)
    s.part(union(whole, ellipse(u, v - hem, 0.88, 0.12)), shade=0.42)
    crook = meet((circle(u - 0.15, v + 0.72, 0.15)).abs() - 0.05, v + 0.72)
    s.part(union(segment(u, v, 0.0, 0.0, 0.0, -0.74, 0.05), crook), _WOOD)
    s.part(segment(u, v, 0.0, 0.80, 0.0, 0.91, 0.05), _WOOD)
    x = u.abs()
    scallops = union(ellipse(x, v - hem, 0.27, 0.11), ellipse(x - 0.45, v - hem, 0.18, 0.11), ellipse(x - 0.76, v - hem, 0.13, 0.09))
    dome = without(whole, scallops)

    def gore(share: float) -> Tensor:
        return meet(dome, ellipse(u, v - hem, 0.90 * share, 0.82))

    s.part(dome, shade=0.78)
    s.part(gore(0.70), shade=1.24)
    s.part(gore(0.30), shade=0.96)


def flower(s: Subject) -> None:
    """One tall flower: two rounds of petals, a yellow centre, a green stem with two leaves; it leans to and fro."""
    height = ((s.v + 1) / 2).clamp(0, 1)
    lean = 0.09 * _wave(s, 0.35) * height * height
    u, v = s.u - lean, s.v
    s.part(segment(u, v, 0.0, -1.0, 0.0, 0.3, 0.055), _STEM)
    for side, shade in ((1.0, 1.0), (-1.0, 0.82)):
        x, y = turn(u - side * 0.25, v + 0.62, -side * 0.85)
        s.part(_leaf(x, y, 0.35, 0.13), _LEAF, shade=shade)
    y = v - 0.34
    back_x, back_y = _fan(u, y, 7, 0.5)
    s.part(ellipse(back_x, back_y - 0.35, 0.18, 0.27), shade=0.70)
    front_x, front_y = _fan(u, y, 7)
    petals = ellipse(front_x, front_y - 0.33, 0.175, 0.29)
    s.part(petals)
    s.part(ellipse(front_x, front_y - 0.42, 0.09, 0.15), shade=1.25)
    s.part(circle(u, y, 0.21), (0.70, 0.42, 0.10))
    s.part(circle(u + 0.02, y - 0.02, 0.165), (0.99, 0.80, 0.18))


PAINTERS: dict[str, Callable[[Subject], None]] = {
    "balloon": balloon, "kite": kite, "lantern": lantern, "rocket": rocket, "aeroplane": aeroplane, "bird": bird,
    "flock": flock, "butterfly": butterfly, "planet": planet, "moon": moon, "umbrella": umbrella, "flower": flower,
}
