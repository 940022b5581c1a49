"""Rendered clips, encoded once: shards of latents with their captions.

    python training/latent_cache.py --work DIR --size 64x64x17 --clips 16000

A shard is finished when it has its final name, so that training can start on the
first while others are still being made.
"""

import argparse
import time
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from autoencoder import KinoraAutoencoder
from text_encoder import MAX_TOKENS, make_tokenizer
from train_autoencoder import to_tensor
from world.attributes import sample_scene
from world.captions import write_caption
from world.render import render

SHARD_CLIPS = 1000
CAPTIONS_A_CLIP = 4


def shard_folder(work: Path, size: str) -> Path:
    return work / "latents" / size


@torch.no_grad()
def make_shard(model: KinoraAutoencoder, width: int, height: int, frames: int, seed: int, bare: bool = False) -> dict:
    rng = np.random.default_rng(seed)
    tokenizer = make_tokenizer()
    latents, captions = [], []
    for _ in range(SHARD_CLIPS):
        scene = sample_scene(rng, bare)
        pixels, _ = render(scene, rng, width, height, frames)
        z = model.encoder(to_tensor(pixels)[None], linear_only=True)
        latents.append(model.normalize(z)[0].half())                              # [Z, T, h, w]
        captions.append([tokenizer.encode(write_caption(scene, rng)).ids[:MAX_TOKENS] for _ in range(CAPTIONS_A_CLIP)])
    stacked = torch.stack(latents).permute(0, 2, 3, 4, 1).flatten(2, 3)           # [n, T, S, Z]
    return {"latents": stacked.contiguous(), "captions": captions, "grid": latents[0].shape[1:]}


class LatentCache:
    """All finished shards of one size; `refresh` picks up new ones."""

    def __init__(self, work: Path, size: str):
        self.folder = shard_folder(work, size)
        self.paths: set[Path] = set()
        self.shards: list[dict] = []
        self.refresh()

    def refresh(self) -> None:
        for path in sorted(self.folder.glob("*.pt")):
            if path not in self.paths:
                self.paths.add(path)
                self.shards.append(torch.load(path))

    def __len__(self) -> int:
        return len(self.shards) * SHARD_CLIPS

    def sample(self, count: int, rng: np.random.Generator) -> tuple[Tensor, list[list[int]], tuple[int, int, int]]:
        """latents f32 [B, T, S, Z], token lists, and the grid (T, h, w)."""
        latents, captions = [], []
        for _ in range(count):
            shard = self.shards[rng.integers(len(self.shards))]
            index = rng.integers(SHARD_CLIPS)
            latents.append(shard["latents"][index])
            captions.append(shard["captions"][index][rng.integers(CAPTIONS_A_CLIP)])
        return torch.stack(latents).float(), captions, tuple(self.shards[0]["grid"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--size", required=True, help="WIDTHxHEIGHTxFRAMES")
    parser.add_argument("--clips", type=int, required=True)
    parser.add_argument("--bare", action="store_true", help="clips without subject, camera move or style, in shards of their own")
    options = parser.parse_args()
    width, height, frames = map(int, options.size.split("x"))
    folder = shard_folder(options.work, options.size)
    folder.mkdir(parents=True, exist_ok=True)
    model = KinoraAutoencoder.load(options.work / "autoencoder.pt")
    started = time.time()
    for number in range(-(-options.clips // SHARD_CLIPS)):
        path = folder / f"{'bare' if options.bare else ''}{number:04d}.pt"
        if path.exists():
            continue
        # A seed of its own for every size and shard: no clip twice.
        torch.save(make_shard(model, width, height, frames, seed=hash((width, height, frames, number, options.bare)) & 0x7FFFFFFF, bare=options.bare), path.with_suffix(".tmp"))
        path.with_suffix(".tmp").rename(path)
        print(f"{path.name} after {time.time() - started:.0f}s", flush=True)


if __name__ == "__main__":
    main()
