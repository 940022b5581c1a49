"""What a scene can be: the words of the world, the combinations that make sense, and the pairs held back for testing."""

import random
import zlib
from dataclasses import dataclass, field

COLOURS = {
    "red": (0.86, 0.13, 0.14),
    "orange": (0.96, 0.50, 0.09),
    "yellow": (0.98, 0.84, 0.16),
    "green": (0.17, 0.65, 0.28),
    "teal": (0.08, 0.62, 0.62),
    "blue": (0.15, 0.36, 0.90),
    "purple": (0.53, 0.22, 0.78),
    "pink": (0.97, 0.50, 0.70),
    "brown": (0.48, 0.29, 0.16),
    "white": (0.96, 0.96, 0.95),
    "grey": (0.55, 0.57, 0.60),
    "black": (0.10, 0.10, 0.12),
}


@dataclass(frozen=True)
class World:
    """A list of what is in a version of the world. The wide one is for a GPU; the core is what two CPU cores can learn well."""

    name: str
    skies: tuple[str, ...]
    lands: tuple[str, ...]
    weathers: tuple[str, ...]
    subjects: tuple[str, ...]
    colours: tuple[str, ...]
    motions: tuple[str, ...]
    cameras: tuple[str, ...]
    styles: tuple[str, ...]
    seasons: tuple[str, ...]
    speeds: tuple[str, ...]
    second_subject: float  # share of the scenes with two subjects
    stray: float           # how far a subject's place, size and clock differ from clip to clip: 1 freely, 0 not at all


WIDE = World(
    name="wide",
    skies=("day", "sunset", "dawn", "starry night", "moonlit", "aurora", "storm", "overcast"),
    lands=("mountains", "dunes", "ocean", "forest", "city", "snow hills", "meadow", "lake", "canyon", "islands"),
    weathers=("clear", "rain", "snow", "fog", "fireflies", "falling leaves"),
    subjects=("balloon", "sailboat", "car", "train", "bird", "flock", "whale", "fish", "rocket", "kite", "lantern", "planet",
              "moon", "butterfly", "dog", "cat", "horse", "deer", "bicycle", "aeroplane", "umbrella", "lighthouse", "windmill", "flower"),
    colours=tuple(COLOURS),
    motions=("still", "left", "right", "rise", "fall", "bounce", "circle", "sway", "approach", "recede"),
    cameras=("static", "pan left", "pan right", "zoom in", "zoom out", "tilt up", "tilt down"),
    styles=("flat", "watercolour", "35 mm grain", "neon", "noir", "pastel", "pixel art", "paper cut-out"),
    seasons=("summer", "spring", "autumn", "winter"),
    speeds=("normal", "slow", "fast"),
    second_subject=0.10,
    stray=1.0,
)

CORE = World(
    name="core",
    skies=("day", "sunset", "starry night", "aurora"),
    lands=("mountains", "dunes", "ocean", "snow hills", "meadow"),
    weathers=("clear", "fog", "fireflies"),
    subjects=("balloon", "sailboat", "car", "rocket", "kite", "planet", "bird", "butterfly"),
    colours=("red", "yellow", "green", "blue", "purple", "white"),
    motions=("still", "left", "right", "rise", "fall"),
    cameras=("static", "pan left", "pan right", "zoom in"),
    styles=("flat", "neon", "noir", "pastel"),
    seasons=("summer",),
    speeds=("normal",),
    second_subject=0.0,
    stray=0.35,
)

WORLDS = {world.name: world for world in (WIDE, CORE)}

_WATER = ("ocean", "lake", "islands")
_ON_WATER = ("sailboat", "whale", "fish")
_ON_GROUND = ("car", "train", "dog", "cat", "horse", "deer", "bicycle", "umbrella", "lighthouse", "windmill", "flower")
_ROOTED = ("lighthouse", "windmill", "flower")
CELESTIAL = ("planet", "moon")  # behind the land

# What each kind of subject does, "still" apart.
_MOTIONS = {
    "sailboat": ("left", "right", "sway", "approach", "recede"),
    "whale": ("left", "right", "bounce", "rise", "fall"),
    "fish": ("left", "right", "bounce", "circle"),
    "car": ("left", "right", "bounce", "approach", "recede"),
    "train": ("left", "right"),
    "bicycle": ("left", "right", "bounce"),
    "dog": ("left", "right", "bounce"),
    "cat": ("left", "right", "bounce"),
    "horse": ("left", "right", "bounce"),
    "deer": ("left", "right", "bounce"),
    "umbrella": ("left", "right", "rise", "fall", "sway", "bounce"),
    "lighthouse": (),
    "windmill": (),
    "flower": ("sway",),
    "rocket": ("rise", "fall", "left", "right", "circle", "recede"),
    "planet": ("rise", "fall", "left", "right", "approach", "recede"),
    "moon": ("rise", "fall", "left", "right", "approach", "recede"),
}
_ANY_MOTION = ("left", "right", "rise", "fall", "bounce", "circle", "sway", "approach", "recede")


@dataclass(frozen=True)
class Actor:
    """A subject: what it is, its colour, what it does."""

    subject: str
    colour: str
    motion: str


@dataclass(frozen=True)
class Scene:
    """The true attributes of a clip. `seed` decides everything that no word names (where, how large, which hill)."""

    sky: str
    land: str
    weather: str
    camera: str
    style: str
    season: str
    speed: str
    actors: tuple[Actor, ...] = ()
    seed: int = 0
    world: str = field(default="wide", compare=False)

    @property
    def attributes(self) -> dict[str, str]:
        """Flat, of the first subject, as the evaluation names them."""
        first = self.actors[0] if self.actors else Actor("none", "none", "none")
        return {"sky": self.sky, "land": self.land, "weather": self.weather, "subject": first.subject,
                "colour": first.colour, "motion": first.motion, "camera": self.camera, "style": self.style}


def classes_of(world: World) -> dict[str, list[str]]:
    """The values of each attribute of a scene, as `Scene.attributes` names them. An empty scene has "none" for a subject."""
    return {"sky": list(world.skies), "land": list(world.lands), "weather": list(world.weathers), "subject": [*world.subjects, "none"],
            "colour": [*world.colours, "none"], "motion": [*world.motions, "none"], "camera": list(world.cameras), "style": list(world.styles)}


def held_back(kind: str, first: str, second: str) -> bool:
    """Whether a (subject, colour), (sky, land) or (subject, motion) pair is one of the 5 % that training never sees.

    A fixed hash of the words: the same pairs in every version of the world, for ever.
    """
    return zlib.crc32(f"{kind}:{first}|{second}:902".encode()) % 1000 < 50


def is_held_back(scene: Scene) -> bool:
    return held_back("sky land", scene.sky, scene.land) or any(
        held_back("subject colour", actor.subject, actor.colour) or held_back("subject motion", actor.subject, actor.motion)
        for actor in scene.actors)


def fits(subject: str, land: str) -> bool:
    """Whether a subject can be in that land: no cars on the sea, no whales in the desert."""
    if subject in _ON_WATER:
        return land in _WATER
    return not (subject in _ON_GROUND and land in _WATER)


def motions_of(world: World, subject: str) -> list[str]:
    return ["still", *(motion for motion in _MOTIONS.get(subject, _ANY_MOTION) if motion in world.motions)]


def _weathers_of(world: World, sky: str) -> list[str]:
    dark = ("starry night", "moonlit", "aurora", "sunset")
    return [weather for weather in world.weathers if weather != "clear" and (weather != "fireflies" or sky in dark)]


def _draw(world: World, source: random.Random, bare: float) -> Scene:
    land, sky = source.choice(world.lands), source.choice(world.skies)
    plain = source.random() < bare
    actors: list[Actor] = []
    if not plain:
        afloat = [subject for subject in world.subjects if subject in _ON_WATER]
        choices = [subject for subject in world.subjects if fits(subject, land)]
        if land in _WATER:
            choices += afloat * 3  # they have three lands only, and would be rare
        count = 2 if source.random() < world.second_subject else 1
        if source.random() < 0.08:
            count = 0
        for subject in source.sample(choices, count):
            motions = motions_of(world, subject)
            weights = [2.0 if motion == "still" else 5.0 / len(motions) + 1 for motion in motions]
            motion = source.choices(motions, weights)[0]
            if any(subject == actor.subject for actor in actors):
                continue
            actors.append(Actor(subject, source.choice(world.colours), motion))
    weather = "clear"
    if not plain and source.random() < 0.3:
        weather = source.choice(_weathers_of(world, sky))
    season = source.choice(world.seasons) if source.random() < 0.4 else world.seasons[0]
    if land == "snow hills":
        season = "winter" if "winter" in world.seasons else world.seasons[0]
    return Scene(
        sky=sky, land=land, weather=weather,
        camera="static" if plain or source.random() < 0.45 else source.choice(world.cameras[1:]),
        style="flat" if plain or source.random() < 0.5 else source.choice(world.styles[1:]),
        season=season,
        speed=source.choice(world.speeds) if source.random() < 0.3 else "normal",
        actors=tuple(actors), seed=source.getrandbits(31), world=world.name)


def sample_scene(world: World, source: random.Random, held: bool = False, bare: float = 0.14) -> Scene:
    """A random scene that training may see, or (`held`) one with a pair that it never sees.

    `bare` is the share of scenes of sky and land alone, seen plainly: what the shortest prompts mean.
    """
    while True:
        scene = _draw(world, source, bare)
        if is_held_back(scene) == held:
            return scene
