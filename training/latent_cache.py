"""Rendered clips, encoded once: shards of latents with their scenes.

    python training/latent_cache.py --work DIR --world core --size 128x128x17 --clips 16000

A shard is finished when it has its final name, so that training can start on the first while others are being made.
"""

import argparse
import random
import time
import zlib
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from autoencoder import KinoraAutoencoder
from compute import autocast
from train_autoencoder import to_tensor
from world.attributes import WORLDS, Scene, World, sample_scene
from world.captions import write_caption
from world.render import render

SHARD_CLIPS = 512


@dataclass
class Clips:
    """Some clips of one size. Dims: B clips, T latent frames, S latent pixels a frame, Z channels."""

    latents: Tensor         # f16 [B, T, S, Z], normalized
    stills: Tensor          # f16 [B, T - 1, S, Z]: pixel frame 4i (i = 1 … T - 1) encoded as if it were alone
    subject: Tensor         # f16 [B, T, S]: share of the latent pixel that shows a subject
    scenes: list[Scene]
    captions: list[str]
    grid: tuple[int, int]   # latent rows and columns


@torch.no_grad()
def encode_clips(model: KinoraAutoencoder, scenes: list[Scene], width: int, height: int, frames: int, device: str) -> dict[str, Tensor]:
    """Render and encode: `latents`, `stills`, `subject` as in Clips."""
    pixels, mask = render(scenes, width, height, frames, device=device)
    video = to_tensor(pixels)
    linear = not bool(model.encoder.conv_out.weight.any())                            # an untrained branch adds nothing
    half = autocast(device) if not linear else nullcontext()

    def encode(clips: Tensor) -> Tensor:                                                # -> [B, T, S, Z]
        with half:
            z = model.encoder(clips, linear_only=linear)
        return model.normalize(z.float()).permute(0, 2, 3, 4, 1).flatten(2, 3)

    latents = encode(video)
    alone = latents.new_zeros(len(scenes), 0, *latents.shape[2:])
    if frames > 1:
        later = video[:, :, 4::4].transpose(1, 2)                                       # [B, T-1, 3, H, W]
        alone = encode(later.reshape(-1, 3, 1, height, width)).view(len(scenes), -1, *latents.shape[2:])
    seen = torch.cat([mask[:, :1], mask[:, 1:].reshape(len(scenes), frames // 4, 4, height, width).mean(dim=2)], dim=1)   # [B, T, H, W]
    seen = torch.nn.functional.avg_pool2d(seen, 16).flatten(2)
    return {"latents": latents.half(), "stills": alone.half(), "subject": seen.half()}


def make_shard(model: KinoraAutoencoder, world: World, size: str, clips: int, seed: int, device: str, group: int) -> dict:
    width, height, frames = map(int, size.split("x"))
    source = random.Random(seed)
    scenes = [sample_scene(world, source) for _ in range(clips)]
    parts = [encode_clips(model, scenes[start:start + group], width, height, frames, device) for start in range(0, clips, group)]
    shard = {name: torch.cat([part[name] for part in parts]) for name in parts[0]}
    return {**shard, "scenes": scenes, "grid": (height // 16, width // 16)}


def shard_folder(work: Path, size: str) -> Path:
    return work / "latents" / size


class LatentCache:
    """The finished shards of one size, in memory; `refresh` picks up new ones."""

    def __init__(self, folder: Path, device: torch.device | str = "cpu"):
        self.folder, self.device, self.paths, self.shards = folder, device, set(), []
        self.refresh()
        if not self.shards:
            raise SystemExit(f"{folder} has no finished shards: make some with training/latent_cache.py first.")

    def refresh(self) -> None:
        for path in sorted(self.folder.glob("*.pt")):
            if path not in self.paths:
                self.paths.add(path)
                self.shards.append(torch.load(path, map_location=self.device, weights_only=False))

    def __len__(self) -> int:
        return sum(len(shard["scenes"]) for shard in self.shards)

    def sample(self, count: int, latent_frames: int, source: random.Random) -> Clips:
        """Random clips, each cut to its first latent frames (the autoencoder is causal: those are its latents)."""
        shard = source.choice(self.shards)
        chosen = [source.randrange(len(shard["scenes"])) for _ in range(count)]
        index = torch.tensor(chosen, device=shard["latents"].device)
        scenes = [shard["scenes"][number] for number in chosen]
        return Clips(
            latents=shard["latents"][index, :latent_frames], stills=shard["stills"][index, :latent_frames - 1],
            subject=shard["subject"][index, :latent_frames],
            scenes=scenes, captions=[write_caption(scene, source) for scene in scenes], grid=shard["grid"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--world", choices=sorted(WORLDS), default="core")
    parser.add_argument("--size", required=True, help="WIDTHxHEIGHTxFRAMES")
    parser.add_argument("--clips", type=int, required=True)
    parser.add_argument("--minutes", type=float, default=1e9, help="stop after the shard that is being made then")
    parser.add_argument("--first", type=int, default=0, help="number of the first shard: other clips than a run from 0")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--group", type=int, default=8, help="clips rendered together")
    options = parser.parse_args()
    folder = shard_folder(options.work, options.size)
    folder.mkdir(parents=True, exist_ok=True)
    model = KinoraAutoencoder.load(options.work / "autoencoder.pt").to(options.device)
    started = time.time()
    for number in range(options.first, options.first - (-options.clips // SHARD_CLIPS)):
        if time.time() - started > options.minutes * 60:
            break
        path = folder / f"{number:04d}.pt"
        if path.exists():
            continue
        # A seed of its own for every size and shard: no clip twice.
        seed = zlib.crc32(f"{options.size} {number}".encode())
        torch.save(make_shard(model, WORLDS[options.world], options.size, SHARD_CLIPS, seed, options.device, options.group), path.with_suffix(".tmp"))
        path.with_suffix(".tmp").rename(path)
        print(f"{path.name} after {time.time() - started:.0f}s", flush=True)


if __name__ == "__main__":
    main()
