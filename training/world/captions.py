"""Captions: what a person might type for a scene, short or long, in any order.

A style, a subject, a camera move or fog that is in the picture is always named,
so that what is not named means "none"; sky and land are often left out, and then vary.
"""

from numpy.random import Generator

from .attributes import Scene

SKY_PHRASES = {
    "day": ("a clear blue sky", "a blue sky", "a sunny day", "a bright day", "daytime", "day"),
    "dawn": ("dawn", "sunrise", "a pink sky at dawn", "a soft pink sky", "early morning", "a pink morning sky"),
    "sunset": ("a red sky at sunset", "a red sky", "sunset", "an orange sky", "a sunset sky", "dusk", "evening"),
    "night": ("a starry night", "a night sky", "a dark night", "a sky full of stars", "night", "midnight"),
    "aurora": ("the northern lights", "an aurora", "a green aurora", "aurora", "northern lights"),
    "storm": ("a storm", "dark clouds", "a stormy sky", "a grey sky", "storm clouds", "a cloudy sky"),
}
LAND_PHRASES = {
    "mountains": ("mountains", "snowy peaks", "the mountains", "tall mountains"),
    "dunes": ("sand dunes", "the desert", "desert dunes", "a desert"),
    "ocean": ("the ocean", "the sea", "ocean waves", "a calm sea", "water"),
    "forest": ("a forest", "pine trees", "the woods", "a green forest"),
    "snow": ("snowy hills", "snow", "a snowy field", "white hills", "a winter landscape"),
    "meadow": ("a meadow", "green hills", "a green field", "grass hills", "a meadow landscape"),
}
SUBJECT_PHRASES = {
    "balloon": ("hot air balloon", "balloon", "air balloon"),
    "boat": ("sailboat", "boat", "sailing boat", "ship"),
    "bird": ("bird", "flying bird"),
    "rocket": ("rocket", "space rocket", "spaceship"),
    "kite": ("kite",),
    "moon": ("moon", "full moon", "big moon"),
    "planet": ("planet", "ringed planet", "planet with rings"),
}
COLOUR_PHRASES = {
    "red": ("red",), "orange": ("orange",), "yellow": ("yellow", "golden"), "green": ("green",),
    "blue": ("blue",), "purple": ("purple", "violet"), "white": ("white",),
}
MOTION_PHRASES = {
    "still": ("", "", "standing still", "floating"),
    "left": ("moving left", "flying left", "drifting left", "going to the left"),
    "right": ("moving right", "flying right", "drifting right", "going to the right"),
    "rise": ("rising", "going up", "flying up", "moving up"),
    "fall": ("falling", "going down", "sinking", "moving down"),
}
# A boat does not fly.
BOAT_MOTION_PHRASES = {
    "still": ("", "standing still", "floating"),
    "left": ("sailing left", "moving left", "drifting left", "going to the left"),
    "right": ("sailing right", "moving right", "drifting right", "going to the right"),
}
CAMERA_PHRASES = {
    "static": ("", "", "", "", "static camera"),
    "pan left": ("camera pans left", "pan left", "panning left"),
    "pan right": ("camera pans right", "pan right", "panning right"),
    "zoom in": ("camera zooms in", "zoom in", "zooming in"),
    "zoom out": ("camera zooms out", "zoom out", "zooming out"),
}
STYLE_PHRASES = {
    "plain": ("",),
    "pastel": ("pastel style", "in pastel colors", "soft pastel"),
    "noir": ("black and white", "noir style", "noir"),
    "neon": ("neon style", "neon colors", "neon"),
}
FOG_PHRASES = ("fog", "mist", "in the fog", "misty")
_OVER = ("over", "above", "in front of", "and")
_UNDER = ("under", "with", "at", "and", "in")
_OPENINGS = ("a video of", "a picture of", "a view of", "a scene with", "a clip of")


def _pick(rng: Generator, phrases) -> str:
    return str(phrases[rng.integers(len(phrases))])


def _article(words: str) -> str:
    return ("an " if words[0] in "aeiou" else "a ") + words


def _subject_phrase(scene: Scene, rng: Generator) -> str:
    noun = _pick(rng, SUBJECT_PHRASES[scene.subject])
    if rng.random() < 0.93:
        noun = f"{_pick(rng, COLOUR_PHRASES[scene.colour])} {noun}"
    if rng.random() < 0.85:
        noun = _article(noun) if rng.random() < 0.9 else f"the {noun}"
    motions = BOAT_MOTION_PHRASES if scene.subject == "boat" else MOTION_PHRASES
    # Unnamed motion is allowed but rare: a prompt that names none gets any.
    motion = _pick(rng, motions[scene.motion]) if rng.random() < 0.85 else ""
    return f"{noun} {motion}".strip()


def write_caption(scene: Scene, rng: Generator) -> str:
    sky = _pick(rng, SKY_PHRASES[scene.sky])
    land = _pick(rng, LAND_PHRASES[scene.land])
    named = rng.random()
    has_subject = scene.subject != "none"
    # Without a subject the shortest prompts are likely ones: "a starry night" and no more.
    only_sky, only_land = (0.16, 0.16) if has_subject else (0.45, 0.15)
    show_sky = named < 1 - only_land
    show_land = named > only_sky if not (has_subject and rng.random() < 0.06) else False
    if not has_subject and not show_sky and not show_land:
        show_sky = True

    parts = [_subject_phrase(scene, rng)] if has_subject else []
    scenery = []
    if show_land:
        scenery.append(land)
    if show_sky:
        scenery.append(sky)
    if rng.random() < 0.35:
        scenery.reverse()
    text = " ".join(parts)
    for phrase in scenery:
        if not text:
            text = phrase
        elif rng.random() < 0.25:
            text = f"{text}, {phrase}" if rng.random() < 0.5 else f"{phrase}, {text}"
        else:
            link = _pick(rng, _OVER if phrase == land else _UNDER)
            text = f"{text} {link} {phrase}"

    extras = [_pick(rng, CAMERA_PHRASES[scene.camera]), _pick(rng, STYLE_PHRASES[scene.style])]
    if scene.weather == "fog":
        extras.append(_pick(rng, FOG_PHRASES))
    extras = [extra for extra in extras if extra]
    rng.shuffle(extras)
    for extra in extras:
        text = f"{extra}, {text}" if rng.random() < 0.25 else f"{text}, {extra}"
    if rng.random() < 0.08:
        text = f"{_pick(rng, _OPENINGS)} {text}"
    if rng.random() < 0.15:
        text = text[0].upper() + text[1:] + "."
    return text


def known_words() -> list[str]:
    """Every word and sign that a caption can hold, sorted."""
    text = list(_OVER) + list(_UNDER) + list(_OPENINGS) + list(FOG_PHRASES) + ["a", "an", "the", ",", "."]
    for table in (SKY_PHRASES, LAND_PHRASES, SUBJECT_PHRASES, COLOUR_PHRASES, MOTION_PHRASES, BOAT_MOTION_PHRASES, CAMERA_PHRASES, STYLE_PHRASES):
        for phrases in table.values():
            text.extend(phrases)
    return sorted({word for phrase in text for word in phrase.lower().split()})
