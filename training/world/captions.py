"""Captions: what a person might type for a scene, as keywords, as one sentence or as several, and the list of words they use.

What is not plain (a style, a weather, a camera move, a season, a speed) is always named, so that what is not named is absent.
Sky, land, colour and motion are left out now and then, and are then free. The first phrase of each list is the usual one
and is taken nearly half of the time: a small model learns it soundly and meets the others often enough.
A caption holds at most MAX_CAPTION_TOKENS tokens, which is what the text encoder reads.
"""

import random
import re
from collections.abc import Iterator

from .attributes import CELESTIAL, WORLDS, Actor, Scene, World, motions_of

MAX_CAPTION_TOKENS = 46  # the encoder reads 48, two of them its own
_USUAL = 0.45

SKY_PHRASES = {
    "day": ("a blue sky", "a sunny day", "daytime", "bright daylight", "a bright blue sky", "midday"),
    "sunset": ("sunset", "a red sky at sunset", "a sunset sky", "dusk", "an orange evening sky", "the golden hour", "a red sky"),
    "dawn": ("dawn", "sunrise", "a pink morning sky", "early morning", "daybreak", "a pink sky at dawn"),
    "starry night": ("a starry night", "a starry sky", "a sky full of stars", "a night sky", "stars", "midnight"),
    "moonlit": ("a moonlit night", "moonlight", "a moonlit sky", "pale moonlight"),
    "aurora": ("the northern lights", "an aurora", "the aurora borealis", "polar lights", "an aurora sky"),
    "storm": ("a stormy sky", "storm clouds", "a storm", "a thunderstorm", "dark storm clouds"),
    "overcast": ("an overcast sky", "a cloudy sky", "a grey sky", "a dull grey sky", "a gloomy sky"),
}
# The same as an adverbial.
_SKY_TIMES = {
    "day": ("under a blue sky", "on a sunny day", "in daylight", "at midday", "in the daytime"),
    "sunset": ("at sunset", "at dusk", "in the evening", "under a red sky", "at the golden hour"),
    "dawn": ("at dawn", "at sunrise", "in the early morning", "at daybreak", "under a pink morning sky"),
    "starry night": ("on a starry night", "under a starry sky", "at night", "under the stars", "beneath a sky full of stars", "at midnight"),
    "moonlit": ("on a moonlit night", "by moonlight", "in the moonlight", "under a moonlit sky"),
    "aurora": ("under the northern lights", "under an aurora", "beneath the aurora borealis", "under the polar lights"),
    "storm": ("under a stormy sky", "in a storm", "beneath storm clouds", "in a thunderstorm"),
    "overcast": ("under an overcast sky", "under a cloudy sky", "beneath a grey sky"),
}
_SKY_SENTENCES = {
    "day": ("the sky is blue", "it is a sunny day", "it is daytime"),
    "sunset": ("the sun is setting", "the sky is on fire with the last light of the day", "the sky glows red at sunset"),
    "dawn": ("it is early morning", "the morning sky turns pink", "dawn is breaking"),
    "starry night": ("it is a starry night", "stars fill the sky", "stars twinkle in the sky"),
    "moonlit": ("it is a moonlit night", "moonlight fills the sky"),
    "aurora": ("the northern lights dance in the sky", "an aurora glows in the sky"),
    "storm": ("storm clouds fill the sky", "a storm is brewing"),
    "overcast": ("the sky is overcast", "it is cloudy", "the sky is grey"),
}

LAND_PHRASES = {
    "mountains": ("mountains", "the mountains", "mountain peaks", "a mountain range", "tall mountains", "alpine peaks"),
    "dunes": ("dunes", "sand dunes", "the desert", "a sandy desert", "desert dunes", "a desert"),
    "ocean": ("the ocean", "the sea", "ocean waves", "the open sea", "an ocean"),
    "forest": ("a forest", "the woods", "pine trees", "a pine forest", "woodland", "trees"),
    "city": ("a city", "a city skyline", "skyscrapers", "city buildings", "the city", "a cityscape", "downtown"),
    "snow hills": ("snowy hills", "white hills", "snow-covered hills", "hills of snow"),
    "meadow": ("a meadow", "a green meadow", "a grassy field", "green fields", "a field of grass"),
    "lake": ("a lake", "a calm lake", "the lake", "a lakeside", "a pond"),
    "canyon": ("a canyon", "a rocky canyon", "canyon cliffs", "a gorge", "a ravine"),
    "islands": ("islands", "tropical islands", "a chain of islands", "an archipelago", "islets"),
}
# Where a subject that does not fly is: on the ground, or afloat.
_LAND_PLACES = {
    "mountains": ("in the mountains", "in front of mountains", "below alpine peaks", "near the mountains"),
    "dunes": ("in the dunes", "in the desert", "in front of sand dunes", "on the sand dunes"),
    "ocean": ("on the ocean", "on the sea", "at sea", "on the open sea"),
    "forest": ("in a forest", "in the woods", "in front of pine trees", "near a pine forest"),
    "city": ("in a city", "in the city", "in front of skyscrapers", "in front of a city skyline"),
    "snow hills": ("in snowy hills", "on snow-covered hills", "in front of white hills", "on snowy hills"),
    "meadow": ("in a meadow", "in a green meadow", "in a grassy field", "in front of green fields"),
    "lake": ("on a lake", "on the lake", "on a calm lake"),
    "canyon": ("in a canyon", "in a rocky canyon", "in front of canyon cliffs", "in a gorge"),
    "islands": ("near islands", "in front of tropical islands", "near a chain of islands", "in an archipelago"),
}

WEATHER_PHRASES = {
    "clear": ("clear weather", "clear air"),
    "rain": ("rain", "rainfall", "rainy weather", "a rain shower", "drizzle", "raindrops"),
    "snow": ("snowfall", "falling snow", "snowflakes", "snow falling"),
    "fog": ("fog", "mist", "foggy", "misty", "haze"),
    "fireflies": ("fireflies", "glowing fireflies", "lightning bugs", "swarming fireflies"),
    "falling leaves": ("falling leaves", "leaves falling", "drifting leaves", "leaves in the wind"),
}
_WEATHER_MANNERS = {
    "clear": ("in clear weather", "in clear air"),
    "rain": ("in the rain", "in a rain shower", "in rainy weather"),
    "snow": ("in falling snow", "in the snowfall", "among snowflakes"),
    "fog": ("in the fog", "in the mist", "in haze", "in thick fog"),
    "fireflies": ("with fireflies", "among fireflies", "among glowing fireflies", "with lightning bugs"),
    "falling leaves": ("with falling leaves", "among falling leaves", "with leaves in the wind", "among drifting leaves"),
}
_WEATHER_SENTENCES = {
    "clear": ("the weather is clear", "the air is clear"),
    "rain": ("it is raining", "rain falls", "it rains"),
    "snow": ("it is snowing", "snow is falling", "snowflakes fall"),
    "fog": ("it is foggy", "fog hangs in the air", "everything is misty"),
    "fireflies": ("fireflies glow in the air", "glowing fireflies fill the air"),
    "falling leaves": ("leaves are falling", "leaves drift in the wind"),
}

SUBJECT_PHRASES = {
    "balloon": ("balloon", "hot-air balloon", "hot air balloon", "air balloon"),
    "sailboat": ("sailboat", "boat", "sailing boat", "yacht", "sailing ship"),
    "car": ("car", "automobile", "motor car"),
    "train": ("train", "locomotive", "railway train", "passenger train"),
    "bird": ("bird", "songbird", "feathered bird"),
    "flock": ("flock of birds", "flock", "group of birds"),
    "whale": ("whale", "humpback whale", "humpback"),
    "fish": ("fish", "trout", "finned fish"),
    "rocket": ("rocket", "space rocket", "spaceship", "spacecraft"),
    "kite": ("kite", "toy kite", "diamond kite"),
    "lantern": ("lantern", "sky lantern", "glowing lantern", "lamp"),
    "planet": ("planet", "alien planet", "distant planet", "alien world"),
    "moon": ("moon", "full moon", "round moon"),
    "butterfly": ("butterfly", "winged butterfly", "garden butterfly"),
    "dog": ("dog", "puppy", "doggy", "hound"),
    "cat": ("cat", "kitten", "kitty"),
    "horse": ("horse", "pony", "stallion"),
    "deer": ("deer", "stag", "wild deer"),
    "bicycle": ("bicycle", "bike", "cycle", "push-bike"),
    "aeroplane": ("aeroplane", "plane", "jet", "aircraft", "airliner"),
    "umbrella": ("umbrella", "parasol", "sunshade"),
    "lighthouse": ("lighthouse", "lighthouse tower", "beacon"),
    "windmill": ("windmill", "old windmill", "mill"),
    "flower": ("flower", "blossom", "wildflower"),
}
COLOUR_PHRASES = {
    "red": ("red", "crimson", "scarlet", "bright red", "cherry-red", "ruby"),
    "orange": ("orange", "tangerine", "bright orange", "amber", "apricot"),
    "yellow": ("yellow", "golden", "bright yellow", "lemon-yellow"),
    "green": ("green", "emerald", "bright green", "jade-green"),
    "teal": ("teal", "turquoise", "cyan", "aqua"),
    "blue": ("blue", "azure", "bright blue", "sapphire", "cobalt-blue"),
    "purple": ("purple", "violet", "lilac", "bright purple"),
    "pink": ("pink", "rose-pink", "bright pink", "magenta", "fuchsia", "salmon-pink"),
    "brown": ("brown", "chestnut", "chocolate-brown", "coffee-brown", "bronze", "tan"),
    "white": ("white", "ivory", "milk-white", "pure white"),
    "grey": ("grey", "silver", "ash-grey", "slate-grey"),
    "black": ("black", "ebony", "ink-black", "coal-black"),
}
# The same, said after the noun.
_COLOUR_TAILS = {
    "red": ("the colour of cherries", "as red as a ruby"),
    "orange": ("the colour of tangerines", "as orange as a pumpkin"),
    "yellow": ("the colour of honey", "as yellow as a lemon"),
    "green": ("the colour of emeralds", "as green as jade"),
    "teal": ("the colour of turquoise",),
    "blue": ("the colour of sapphires", "as blue as cobalt"),
    "purple": ("the colour of plums", "the colour of violets"),
    "pink": ("the colour of roses", "as pink as a rose"),
    "brown": ("the colour of chocolate", "as brown as coffee"),
    "white": ("as white as milk", "the colour of milk"),
    "grey": ("the colour of ash", "as grey as ash"),
    "black": ("as black as ink", "the colour of ink"),
}

# {go} is how the subject gets about. "Still" is told by what the subject does when it does nothing: see _RESTS.
MOTION_PHRASES = {
    "still": ("stays still", "{rest}"),
    "left": ("{go} left", "{go} to the left", "moves left", "heads left", "{go} leftwards", "moves to the left"),
    "right": ("{go} right", "{go} to the right", "moves right", "heads right", "{go} rightwards", "moves to the right"),
    "rise": ("rises", "goes up", "{go} upwards", "moves up", "climbs", "ascends"),
    "fall": ("falls", "goes down", "{go} downwards", "moves down", "sinks", "descends"),
    "bounce": ("bounces", "hops", "bobs", "jumps"),
    "circle": ("circles", "{go} in circles", "loops around", "moves in a circle"),
    "sway": ("sways", "swings from side to side", "swings", "sways from side to side"),
    "approach": ("approaches", "comes closer", "{go} towards us", "comes nearer", "{go} towards the viewer"),
    "recede": ("{go} away", "recedes", "moves away", "{go} into the distance"),
}
_GOES = {
    "balloon": ("drifts", "flies"), "sailboat": ("sails", "glides"), "car": ("drives", "rolls"), "train": ("rolls", "runs"),
    "bird": ("flies", "glides"), "flock": ("flies", "glides"), "whale": ("swims", "glides"), "fish": ("swims", "darts"),
    "rocket": ("flies", "shoots"), "kite": ("flies", "glides"), "lantern": ("drifts", "glides"), "planet": ("drifts", "glides"),
    "moon": ("drifts", "glides"), "butterfly": ("flutters", "flies"), "dog": ("runs", "trots", "walks"), "cat": ("walks", "runs"),
    "horse": ("trots", "walks", "runs"), "deer": ("walks", "runs"), "bicycle": ("rolls", "rides"), "aeroplane": ("flies", "cruises"),
    "umbrella": ("drifts", "glides"),
}
# What hovers is all that is not in _RESTS.
_HOVERS = ("hovers", "hangs in the air")
_STANDS = ("stands still", "stands")
_RESTS = {
    "sailboat": ("lies at anchor", "rests"), "car": ("is parked", *_STANDS), "train": _STANDS, "whale": ("rests",), "fish": ("rests",),
    "planet": ("hangs still",), "moon": ("hangs still",), "dog": _STANDS, "cat": _STANDS, "horse": _STANDS, "deer": _STANDS,
    "bicycle": ("is parked", *_STANDS), "umbrella": ("rests",), "lighthouse": _STANDS, "windmill": _STANDS, "flower": _STANDS,
}
_PARTICIPLES = {
    "approaches": "approaching", "ascends": "ascending", "bobs": "bobbing", "bounces": "bouncing", "circles": "circling", "climbs": "climbing",
    "comes": "coming", "cruises": "cruising", "darts": "darting", "descends": "descending", "drifts": "drifting", "drives": "driving",
    "falls": "falling", "flies": "flying", "flutters": "fluttering", "glides": "gliding", "goes": "going", "hangs": "hanging",
    "heads": "heading", "hops": "hopping", "hovers": "hovering", "is": "", "jumps": "jumping", "lies": "lying", "loops": "looping",
    "moves": "moving", "recedes": "receding", "rests": "resting", "rides": "riding", "rises": "rising",
    "rolls": "rolling", "runs": "running", "sails": "sailing", "shoots": "shooting", "sinks": "sinking", "stands": "standing",
    "stays": "staying", "sways": "swaying", "swims": "swimming", "swings": "swinging", "trots": "trotting", "walks": "walking",
}

CAMERA_PHRASES = {
    "static": ("static camera", "fixed camera", "static shot"),
    "pan left": ("pan left", "camera pans left", "panning left", "camera panning to the left"),
    "pan right": ("pan right", "camera pans right", "panning right", "camera panning to the right"),
    "zoom in": ("zoom in", "camera zooms in", "zooming in", "push in"),
    "zoom out": ("zoom out", "camera zooms out", "zooming out", "pull back"),
    "tilt up": ("tilt up", "camera tilts up", "tilting up", "camera tilting upwards"),
    "tilt down": ("tilt down", "camera tilts down", "tilting down", "camera tilting downwards"),
}
# "the camera ..."
_CAMERA_VERBS = {
    "static": ("is static", "stays fixed"),
    "pan left": ("pans left", "pans to the left"),
    "pan right": ("pans right", "pans to the right"),
    "zoom in": ("zooms in", "pushes in"),
    "zoom out": ("zooms out", "pulls back"),
    "tilt up": ("tilts up", "tilts upwards"),
    "tilt down": ("tilts down", "tilts downwards"),
}
STYLE_PHRASES = {
    "flat": ("flat style", "flat illustration", "flat vector art", "flat design"),
    "watercolour": ("watercolour style", "watercolour", "watercolour painting", "in watercolours", "aquarelle"),
    "35 mm grain": ("35 mm film grain", "film grain", "35 mm film", "grainy film", "35mm film"),
    "neon": ("neon style", "neon", "neon colours", "in neon colours", "neon lights", "glowing neon"),
    "noir": ("noir style", "noir", "black and white", "in black and white", "monochrome"),
    "pastel": ("pastel style", "pastel", "pastel colours", "in soft pastel colours", "soft pastel tones"),
    "pixel art": ("pixel art", "pixel art style", "8-bit style", "pixelated", "retro pixels"),
    "paper cut-out": ("paper cut-out", "paper cut-out style", "cut paper", "layered paper", "papercraft"),
}
# "... a red balloon"
_STYLE_OPENINGS = {
    "flat": ("a flat illustration of",), "watercolour": ("a watercolour of", "a watercolour painting of"), "35 mm grain": ("a grainy film of",),
    "neon": ("a neon scene of",), "noir": ("a black and white video of", "a noir scene of"), "pastel": ("a pastel scene of",),
    "pixel art": ("pixel art of",), "paper cut-out": ("a paper cut-out of",),
}
SEASON_PHRASES = {
    "summer": ("summer", "summertime"), "spring": ("spring", "springtime"), "autumn": ("autumn", "late autumn"), "winter": ("winter", "wintertime"),
}
SPEED_PHRASES = {
    "normal": ("normal speed", "at normal speed"),
    "slow": ("slow motion", "slow", "in slow motion", "at a slow pace"),
    "fast": ("fast", "fast motion", "at high speed", "very fast"),
}
_SPEED_ADVERBS = {"slow": ("slowly", "lazily"), "fast": ("quickly", "swiftly", "rapidly")}

_SWIMMERS = ("whale", "fish")
_PLAIN = {"style": "flat", "weather": "clear", "camera": "static", "season": "summer", "speed": "normal"}
_PLAIN_NAMED = {"style": 0.15, "weather": 0.10, "camera": 0.15, "season": 0.12, "speed": 0.10}
_PLAIN_NAMED_THOROUGHLY = {"style": 0.4, "weather": 0.4, "camera": 0.4}

_OVER = ("over", "above")
_OVER_OR_BEHIND = ("over", "above", "behind")
_OPENINGS = ("a video of", "a view of", "a picture of", "a scene with")
_AS = ("while", "as")
_GLUE = (*_OVER_OR_BEHIND, *_OPENINGS, *_AS, "and a an the in it is of with under camera , .")
_AMERICAN = {"aeroplane": "airplane", "colour": "color", "colours": "colors", "grey": "gray", "watercolour": "watercolor",
             "watercolours": "watercolors", "towards": "toward", "upwards": "upward", "downwards": "downward",
             "leftwards": "leftward", "rightwards": "rightward"}
_AMERICANS = 0.4  # share of the captions in American spelling

_TOKEN = re.compile(r"\w+|[^\w\s]")


def _pick(source: random.Random, phrases: tuple[str, ...]) -> str:
    """The usual phrase nearly half of the time, else one of the others."""
    return phrases[0] if len(phrases) == 1 or source.random() < _USUAL else source.choice(phrases[1:])


def _with_article(words: str) -> str:
    return ("an " if words[0] in "aeiou" else "a ") + words


def _bare(phrase: str) -> str:
    """A phrase as a keyword: "a starry night" -> "starry night"."""
    return re.sub(r"^(an?|the) ", "", phrase)


def _participle(phrase: str) -> str:
    """"drifts left" -> "drifting left"."""
    verb, _, rest = phrase.partition(" ")
    return f"{_PARTICIPLES[verb]} {rest}".strip()


def _capitalised(text: str) -> str:
    return text[0].upper() + text[1:]


class _Writer:
    """One attempt at a caption: what it names is settled first, then each form draws the words."""

    def __init__(self, scene: Scene, source: random.Random, named: set[str], thorough: bool):
        self.scene, self.source, self.named, self.thorough = scene, source, named, thorough

    def chance(self, share: float) -> bool:
        return self.source.random() < share

    def pick(self, phrases: tuple[str, ...]) -> str:
        return _pick(self.source, phrases)

    def take(self, attribute: str, phrases: dict[str, tuple[str, ...]]) -> list[str]:
        """A phrase for an attribute that is still to be named, which it then no longer is; else nothing."""
        if attribute not in self.named:
            return []
        self.named.discard(attribute)
        return [self.pick(phrases[getattr(self.scene, attribute)])]

    def hurried(self, verb: str) -> str:
        """Sometimes tells the speed of the whole clip by the verb: "slowly drifts left"."""
        if "speed" in self.named and self.scene.speed in _SPEED_ADVERBS and self.chance(0.6):
            return f"{self.take('speed', _SPEED_ADVERBS)[0]} {verb}"
        return verb

    def noun(self, actor: Actor) -> str:
        """"red balloon", now and then "balloon the colour of cherries" or just "balloon"."""
        noun = self.pick(SUBJECT_PHRASES[actor.subject])
        if not self.thorough and self.chance(0.07):
            return noun
        if self.chance(0.08):
            return f"{noun} {self.pick(_COLOUR_TAILS[actor.colour])}"
        return f"{self.pick(COLOUR_PHRASES[actor.colour])} {noun}"

    def action(self, actor: Actor) -> str:
        """"drifts left", or nothing. What stands still is often not said to, and a house least of all."""
        unsaid = 0.1 if actor.motion != "still" else 0.25 if actor.subject in _GOES else 0.5
        if not self.thorough and self.chance(unsaid):
            return ""
        phrase = self.pick(MOTION_PHRASES[actor.motion])
        if "{rest}" in phrase:
            return self.pick(_RESTS.get(actor.subject, _HOVERS))
        if "{go}" in phrase:
            phrase = phrase.replace("{go}", self.pick(_GOES[actor.subject]))
        return phrase if actor.motion == "still" else self.hurried(phrase)

    def doing(self, action: str) -> str:
        """The same as a participle, an adverb left in front."""
        first, _, rest = action.partition(" ")
        return _participle(action) if first in _PARTICIPLES else f"{first} {_participle(rest)}" if rest else action

    def place(self, actor: Actor, action: str) -> list[str]:
        """Where the first subject is: "over mountains", "in a meadow"."""
        if "land" not in self.named:
            return []
        if actor.subject in _RESTS and actor.subject not in CELESTIAL:
            place = self.take("land", _LAND_PLACES)[0]
            return [re.sub("^on ", "in ", place) if actor.subject in _SWIMMERS else place]
        over = self.pick(_OVER_OR_BEHIND if actor.subject in CELESTIAL else _OVER)
        if action.endswith(" right"):
            over = _OVER[0]  # "right above" and "right behind" are other words
        return [f"{over} {self.take('land', LAND_PHRASES)[0]}"]

    def scenery(self) -> list[str]:
        """Sky and land in one: "sunset over the sea", "mountains at dawn"."""
        if "sky" not in self.named or "land" not in self.named:
            return self.take("sky", SKY_PHRASES) + self.take("land", LAND_PHRASES)
        land = self.take("land", LAND_PHRASES)[0]
        if self.chance(0.5):
            return [f"{self.take('sky', SKY_PHRASES)[0]} {self.pick(_OVER)} {land}"]
        return [f"{land} {self.take('sky', _SKY_TIMES)[0]}"]

    def scenery_sentence(self) -> list[str]:
        """"The sun is setting over the sea", or just "sunset over the sea"."""
        if "sky" not in self.named or self.chance(0.6):
            return self.scenery()
        sky = self.take("sky", _SKY_SENTENCES)[0]
        return [" ".join([sky, *(f"{self.pick(_OVER)} {land}" for land in self.take("land", LAND_PHRASES))])]

    def camera_sentence(self) -> list[str]:
        if "camera" not in self.named:
            return []
        verb = self.take("camera", _CAMERA_VERBS)[0]
        return [f"the camera {verb if self.scene.camera == 'static' else self.hurried(verb)}"]

    def extras(self) -> list[str]:
        """What is still to be named, as keywords in free order."""
        extras = (self.take("weather", WEATHER_PHRASES) + self.take("camera", CAMERA_PHRASES) + self.take("style", STYLE_PHRASES)
                  + self.take("season", SEASON_PHRASES) + self.take("speed", SPEED_PHRASES))
        self.source.shuffle(extras)
        return extras

    def keywords(self) -> str:
        """"red balloon, mountains, sunset, neon"."""
        actors = []
        for actor in self.scene.actors:
            action = self.action(actor)
            noun, doing = self.noun(actor), self.doing(action) if action else ""
            actors.append(f"{noun}, {doing}" if doing and len(self.scene.actors) == 1 and self.chance(0.4) else f"{noun} {doing}".strip())
        places = self.take("sky", SKY_PHRASES) + self.take("land", LAND_PHRASES)
        self.source.shuffle(places)
        parts = actors + [_bare(place) if self.chance(0.7) else place for place in places] + self.extras()
        if self.chance(0.4):
            self.source.shuffle(parts)
        return ", ".join(parts)

    def actors(self, finite: bool) -> str:
        """"a red balloon drifts left over mountains", and the second subject."""
        told = [(actor, self.action(actor)) for actor in self.scene.actors]
        finite = finite and all(action for _, action in told)
        clauses: list[str] = []
        for actor, action in told:
            doing = [action if finite else self.doing(action)] if action else []
            place = self.place(actor, action) if not clauses and self.chance(0.8) else []
            clauses.append(" ".join([_with_article(self.noun(actor)), *doing, *place]))
        return " and ".join(clauses)

    def sentence(self) -> str:
        """One sentence, or one long noun phrase: "at dusk a crimson balloon drifts upwards over mountains while the camera pans right"."""
        finite = bool(self.scene.actors) and self.chance(0.5)
        opening = ""
        if not finite and "style" in self.named and self.chance(0.25):
            opening = self.take("style", _STYLE_OPENINGS)[0] + " "
        elif not finite and self.chance(0.08):
            opening = self.pick(_OPENINGS) + " "
        if self.scene.actors:
            text = self.actors(finite)
        else:
            text = self.scenery()[0]
        manners = self.take("sky", _SKY_TIMES) if self.chance(0.75) else []
        if self.chance(0.6):
            manners += self.take("weather", _WEATHER_MANNERS)
        if self.chance(0.5):
            manners += [f"in {season}" for season in self.take("season", SEASON_PHRASES)]
        self.source.shuffle(manners)
        if manners and not opening and self.chance(0.3):
            text = f"{manners.pop()}{',' if self.chance(0.5) else ''} {text}"
        elif not opening and self.chance(0.15):
            text = _bare(text)
        text = " ".join([opening + text, *manners])
        if finite and self.chance(0.6):
            text = f" {self.pick(_AS)} ".join([text, *self.camera_sentence()])
        tail = self.scenery() + self.extras()
        if tail and self.chance(0.12):
            text = f"{tail.pop()}, {text}"
        return ", ".join([text, *tail])

    def sentences(self) -> str:
        """"Sunset over the sea. A white sailboat glides to the left. The camera zooms in. Neon style." """
        scenery_first = not self.scene.actors or self.chance(0.5)
        parts = self.scenery_sentence() if scenery_first else []
        if self.scene.actors:
            parts.append(self.actors(finite=self.chance(0.8)))
        parts += self.scenery_sentence()
        rest = self.take("weather", _WEATHER_SENTENCES) if self.chance(0.7) else []
        rest += self.camera_sentence() if self.chance(0.7) else []
        rest += [f"it is {season}" for season in self.take("season", SEASON_PHRASES)] if self.chance(0.5) else []
        rest += self.extras()
        self.source.shuffle(rest)
        return " ".join(f"{_capitalised(part)}." for part in parts + rest)

    def write(self) -> str:
        form = self.source.random()
        if form < 0.3:
            return self.sentences()
        text = self.keywords() if form < 0.55 else self.sentence()
        return f"{_capitalised(text)}." if self.chance(0.15) else text

    def write_short(self) -> str:
        """"a starry night", "mountains", "sunset over the sea"."""
        form = self.source.random()
        if form < 0.6:
            phrase = self.pick(SKY_PHRASES[self.scene.sky] if form < 0.35 else LAND_PHRASES[self.scene.land])
            return phrase if self.chance(0.75) else _bare(phrase)
        self.named |= {"sky", "land"}
        return self.scenery()[0]


def _values(world: World) -> dict[str, tuple[str, ...]]:
    """What each attribute can be; one that is always the same is not spoken of."""
    values = {"sky": world.skies, "land": world.lands, "weather": world.weathers, "camera": world.cameras, "style": world.styles,
              "season": world.seasons, "speed": world.speeds}
    return {attribute: names for attribute, names in values.items() if len(names) > 1}


def _named(scene: Scene, source: random.Random, thorough: bool) -> set[str]:
    """Which attributes a caption names."""
    spoken = _values(WORLDS[scene.world])
    plain_named = _PLAIN_NAMED | (_PLAIN_NAMED_THOROUGHLY if thorough else {})
    named = {"sky", "land"}
    if not thorough:
        left_out = source.random()
        named -= {"sky"} if left_out < 0.12 else {"land"} if left_out < 0.24 else set()
    for attribute, plain in _PLAIN.items():
        value = getattr(scene, attribute)
        share = 1.0 if value != plain else plain_named[attribute]
        if attribute == "season" and scene.land == "snow hills":
            share = 0.0 if value == plain else 0.3 if "land" in named else 1.0  # snowy hills say "winter" themselves
        if attribute in spoken and source.random() < share:
            named.add(attribute)
    return named


def _americanised(text: str) -> str:
    """"grey" -> "gray"."""
    def spell(match: re.Match[str]) -> str:
        word = match.group()
        american = _AMERICAN.get(word.lower(), word)
        return _capitalised(american) if word[0].isupper() else american
    return re.sub(r"\w+", spell, text)


def _tokens(text: str) -> list[str]:
    return _TOKEN.findall(text.lower())


def _write(scene: Scene, source: random.Random, thorough: bool) -> str:
    while True:
        writer = _Writer(scene, source, _named(scene, source, thorough), thorough)
        plain = not scene.actors and all(getattr(scene, attribute) == _PLAIN[attribute] for attribute in ("weather", "camera", "style"))
        short = plain and not thorough and not {"season", "speed"} & writer.named and source.random() < 0.5
        text = writer.write_short() if short else writer.write()
        if source.random() < _AMERICANS:
            text = _americanised(text)
        if len(_tokens(text)) <= MAX_CAPTION_TOKENS:
            return text


def write_caption(scene: Scene, source: random.Random) -> str:
    """What a person might type for the scene."""
    return _write(scene, source, thorough=False)


def write_prompt(scene: Scene, source: random.Random) -> str:
    """A prompt for the evaluation: it names everything in the scene, and what is plain (static, clear, flat) in some."""
    return _write(scene, source, thorough=True)


def _motions(world: World) -> dict[str, list[str]]:
    """How each motion of the world is told, of any subject that can make it: "drifts left", "sails left"."""
    told: dict[str, list[str]] = {motion: [] for motion in world.motions}
    for subject in world.subjects:
        for motion in motions_of(world, subject):
            for phrase in MOTION_PHRASES[motion]:
                verbs = _RESTS.get(subject, _HOVERS) if "{rest}" in phrase else _GOES.get(subject, ())
                told[motion] += [phrase.format(go=verb, rest=verb) for verb in verbs] if "{" in phrase else [phrase]
    return {motion: list(dict.fromkeys(phrases)) for motion, phrases in told.items()}


def known_phrases(world: World) -> dict[str, list[str]]:
    """The phrases for each kind of thing that a caption of the world can name, for people to read."""
    tables = (("skies", SKY_PHRASES, world.skies), ("lands", LAND_PHRASES, world.lands), ("weather", WEATHER_PHRASES, world.weathers),
              ("subjects", SUBJECT_PHRASES, world.subjects), ("colours", COLOUR_PHRASES, world.colours),
              ("motion", {motion: [_participle(phrase) for phrase in phrases] for motion, phrases in _motions(world).items()}, world.motions),
              ("camera", CAMERA_PHRASES, world.cameras), ("styles", STYLE_PHRASES, world.styles),
              ("seasons", SEASON_PHRASES, world.seasons), ("speeds", SPEED_PHRASES, world.speeds))
    return {title: [phrase for value in values for phrase in table[value]] for title, table, values in tables if len(values) > 1}


def _phrases(world: World) -> Iterator[str]:
    """Everything that a caption of the world is put together from."""
    tables = {"sky": (SKY_PHRASES, _SKY_TIMES, _SKY_SENTENCES), "land": (LAND_PHRASES, _LAND_PLACES),
              "weather": (WEATHER_PHRASES, _WEATHER_MANNERS, _WEATHER_SENTENCES), "camera": (CAMERA_PHRASES, _CAMERA_VERBS),
              "style": (STYLE_PHRASES, _STYLE_OPENINGS), "season": (SEASON_PHRASES,), "speed": (SPEED_PHRASES, _SPEED_ADVERBS)}
    yield from _GLUE
    for attribute, values in _values(world).items():
        for table in tables[attribute]:
            for value in values:
                yield from table.get(value, ())
    for subject in world.subjects:
        yield from SUBJECT_PHRASES[subject]
    for colour in world.colours:
        yield from (*COLOUR_PHRASES[colour], *_COLOUR_TAILS[colour])
    for phrases in _motions(world).values():
        for phrase in phrases:
            yield from (phrase, _participle(phrase))


def known_words(world: World) -> list[str]:
    """Every word and sign that a caption of the world can hold, sorted."""
    words = {token for phrase in _phrases(world) for token in _tokens(phrase)}
    return sorted(words | {_AMERICAN[word] for word in words & _AMERICAN.keys()})
