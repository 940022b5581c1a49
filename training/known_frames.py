"""Training samples with known frames, laid out as the engine lays them out in use (LTX's conditioning, as in diffusers'
LTXConditionPipeline): frame 0 and prefixes are written in place; a later picture is encoded alone and appended as an extra
frame at its time; of a later clip, the first two latents are appended and the rest go in place.

A latent frame i covers the pixel frames from 4i - 3 on and stands at time i; so pixel frame f stands at time (f + 3) / 4,
and frame 0 at time 0.
"""

import random
from dataclasses import dataclass, field

import torch
from torch import Tensor

# Share of the samples for each layout: a third has known frames.
LAYOUTS = {
    "nothing": 0.66,
    "first": 0.13,            # image to video
    "prefix": 0.06,           # going on from a clip
    "last": 0.03,             # ending in a picture
    "first and last": 0.04,   # filling between two
    "keyframes": 0.04,        # pictures on the way
    "suffix": 0.04,           # going backwards from a clip
}
SOFT = 0.2  # of the known frames, how many are only partly known (strength below 1)


@dataclass
class Layout:
    """Which frames are known: `placed` latent frames of the clip; `appended` (kind, index, time), where kind "still" is
    the picture of pixel frame 4 * index, and "latent" the clip's own latent frame `index`."""

    placed: list[int] = field(default_factory=list)
    appended: list[tuple[str, int, float]] = field(default_factory=list)


def still_time(index: int) -> float:
    """Time, in latent frames, of pixel frame 4 * index."""
    return (4 * index + 3) / 4 if index else 0.0


def draw_layout(latent_frames: int, source: random.Random) -> Layout:
    if latent_frames < 2:
        return Layout()
    last = latent_frames - 1
    kind = source.choices(list(LAYOUTS), list(LAYOUTS.values()))[0]
    if kind == "first":
        return Layout(placed=[0])
    if kind == "prefix":
        return Layout(placed=list(range(source.randint(min(2, last), last))))
    if kind == "last":
        return Layout(appended=[("still", last, still_time(last))])
    if kind == "first and last":
        return Layout(placed=[0], appended=[("still", last, still_time(last))])
    if kind == "keyframes":
        times = source.sample(range(1, last + 1), min(source.randint(1, 2), last))
        return Layout(placed=[0] * (source.random() < 0.3), appended=[("still", index, still_time(index)) for index in sorted(times)])
    if kind == "suffix" and last >= 2:
        start = source.randint(1, last - 1)                       # the clip begins at pixel frame 4 * start
        return Layout(placed=list(range(start + 2, latent_frames)),
                      appended=[("still", start, still_time(start)), ("latent", start + 1, float(start + 1))])
    return Layout()


def lay_out(latents: Tensor, stills: Tensor, layout: Layout) -> tuple[Tensor, list[float], list[bool]]:
    """latents [B, T, S, Z], stills [B, T - 1, S, Z] -> clean frames [B, T', S, Z], the time of each, and which are known."""
    count = latents.shape[1]
    times = [float(index) for index in range(count)]
    known = [index in layout.placed for index in range(count)]
    extra = []
    for kind, index, time in layout.appended:
        extra.append(stills[:, index - 1] if kind == "still" else latents[:, index])
        times.append(time)
        known.append(True)
    return torch.cat([latents, *(part[:, None] for part in extra)], dim=1), times, known
