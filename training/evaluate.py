"""Measure the trained starter: python training/evaluate.py --work DIR [--seeds 8]

Writes DIR/quality.json (which export.py puts into kinora.json) and contact sheets.

- psnr: the autoencoder on clips that were never trained on, the linear skip alone and in full
- steer: do `a red sky at sunset` and `a starry night` differ by the mean colour of the upper third?
- skies: how often the sky that was asked for is the nearest of all skies by that colour
"""

import argparse
import json
from pathlib import Path

import numpy as np
import torch

from autoencoder import KinoraAutoencoder
from contact_sheet import save_sheet
from export import EXAMPLES
from sample import sample_clips
from train_autoencoder import evaluate_decoder, held_out_clips
from train_transformer import CHECKPOINT, load_average
from world.attributes import Scene
from world.render import render

SKY_PROMPTS = {
    "day": "a clear blue sky", "dawn": "a pink sky at dawn", "sunset": "a red sky at sunset",
    "night": "a starry night", "aurora": "the northern lights", "storm": "a stormy sky",
}


def upper_third(clip: np.ndarray) -> np.ndarray:
    """u8 [F, H, W, 3] -> mean colour [3], 0 … 1."""
    return clip[:, : clip.shape[1] // 3].reshape(-1, 3).mean(axis=0) / 255


def sky_colours() -> dict[str, np.ndarray]:
    """What the upper third of each sky looks like in the rendered world."""
    rng = np.random.default_rng(5)
    colours = {}
    for sky in SKY_PROMPTS:
        scene = Scene(sky, "meadow", "clear", "none", "red", "still", "static", "plain")
        colours[sky] = np.mean([upper_third(render(scene, rng, 64, 64, 1)[0]) for _ in range(16)], axis=0)
    return colours


def steer(model, autoencoder, seeds: int) -> dict:
    """Red minus blue of the upper third, for every seed, at 4 steps and guidance 3."""
    sunset, night = [], []
    for seed in range(seeds):
        pair = sample_clips(model, autoencoder, [SKY_PROMPTS["sunset"], SKY_PROMPTS["night"]], steps=4, guidance=3, seed=seed)
        for values, clip in zip((sunset, night), pair):
            red, _, blue = upper_third(clip)
            values.append(float(red - blue))
    told_apart = min(sunset) > max(night)
    return {"seeds": seeds, "toldApart": told_apart, "sunsetRedMinusBlueLeast": round(min(sunset), 3), "nightRedMinusBlueMost": round(max(night), 3)}


def skies_followed(model, autoencoder, seeds: int) -> float:
    known = sky_colours()
    right = total = 0
    for seed in range(seeds):
        clips = sample_clips(model, autoencoder, list(SKY_PROMPTS.values()), steps=8, guidance=3, seed=100 + seed)
        for sky, clip in zip(SKY_PROMPTS, clips):
            nearest = min(known, key=lambda name: np.linalg.norm(known[name] - upper_third(clip)))
            right, total = right + (nearest == sky), total + 1
    return right / total


@torch.no_grad()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=8)
    options = parser.parse_args()
    torch.set_num_threads(1)
    autoencoder = KinoraAutoencoder.load(options.work / "autoencoder.pt").eval()
    model = load_average(options.work)
    linear, full = evaluate_decoder(autoencoder, held_out_clips(16))
    quality = {
        "psnrLinearDb": round(linear, 2), "psnrDb": round(full, 2),
        "samplesSeen": torch.load(options.work / CHECKPOINT, map_location="cpu")["seen"],
        "steer": steer(model, autoencoder, options.seeds),
        "skiesFollowed": round(skies_followed(model, autoencoder, max(2, options.seeds // 4)), 2),
    }
    (options.work / "quality.json").write_text(json.dumps(quality, indent=2) + "\n")
    print(json.dumps(quality, indent=2))
    save_sheet(sample_clips(model, autoencoder, EXAMPLES), EXAMPLES, options.work / "examples.png", frames_shown=4)
    for size, name in (("176x96x17", "wide"), ("96x176x17", "tall")):
        save_sheet(sample_clips(model, autoencoder, EXAMPLES[:4], size), EXAMPLES[:4], options.work / f"{name}.png", frames_shown=4)


if __name__ == "__main__":
    main()
