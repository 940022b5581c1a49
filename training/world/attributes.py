"""What a scene can be. Few things, each easy to tell apart, so that a small model can learn all of them."""

from dataclasses import dataclass

from numpy.random import Generator

SKIES = ("day", "dawn", "sunset", "night", "aurora", "storm")
LANDS = ("mountains", "dunes", "ocean", "forest", "snow", "meadow")
WEATHERS = ("clear", "fog")
SUBJECTS = ("none", "balloon", "boat", "bird", "rocket", "kite", "moon", "planet")
COLOURS = {
    "red": (0.88, 0.13, 0.13),
    "orange": (0.97, 0.52, 0.08),
    "yellow": (0.98, 0.86, 0.16),
    "green": (0.16, 0.68, 0.28),
    "blue": (0.16, 0.36, 0.92),
    "purple": (0.56, 0.22, 0.80),
    "white": (0.97, 0.97, 0.97),
}
MOTIONS = ("still", "left", "right", "rise", "fall")
CAMERAS = ("static", "pan left", "pan right", "zoom in", "zoom out")
STYLES = ("plain", "pastel", "noir", "neon")

_SUBJECT_SHARE = {"none": 0.20, "balloon": 0.16, "bird": 0.14, "rocket": 0.13, "kite": 0.12, "moon": 0.13, "planet": 0.12}
_MOTION_SHARE = {
    "boat": (0.20, 0.40, 0.40, 0.0, 0.0),
    "rocket": (0.15, 0.10, 0.10, 0.50, 0.15),
    "bird": (0.10, 0.35, 0.35, 0.10, 0.10),
    "moon": (0.30, 0.10, 0.10, 0.30, 0.20),
    "planet": (0.30, 0.10, 0.10, 0.30, 0.20),
}
_ANY_MOTION = (0.20, 0.22, 0.22, 0.20, 0.16)


@dataclass(frozen=True)
class Scene:
    sky: str
    land: str
    weather: str
    subject: str
    colour: str
    motion: str
    camera: str
    style: str


def sample_scene(rng: Generator, bare: bool = False) -> Scene:
    """A random scene; a bare one is sky and land alone, seen plainly, which is what the shortest prompts mean."""
    def pick(values, shares=None) -> str:
        return str(rng.choice(list(values), p=shares))

    land = pick(LANDS)
    if bare:
        return Scene(pick(SKIES), land, "clear", "none", "red", "still", "static", "plain")
    if land == "ocean" and rng.random() < 0.45:
        subject = "boat"
    else:
        subject = pick(_SUBJECT_SHARE.keys(), list(_SUBJECT_SHARE.values()))
    return Scene(
        sky=pick(SKIES),
        land=land,
        weather=pick(WEATHERS, (0.88, 0.12)),
        subject=subject,
        colour=pick(COLOURS.keys()),
        motion=pick(MOTIONS, _MOTION_SHARE.get(subject, _ANY_MOTION)) if subject != "none" else "still",
        camera=pick(CAMERAS, (0.52, 0.12, 0.12, 0.12, 0.12)),
        style=pick(STYLES, (0.73, 0.09, 0.09, 0.09)),
    )
