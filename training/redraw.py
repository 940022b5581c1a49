"""Clips as the transformer draws them, for the decoder to learn from.

    python training/redraw.py --work DIR --world core --size 128x128x17 --redrawn 512 --drawn 384

The decoder must show what the transformer makes, whose latents differ from encoded ones: what stands still differs a little
from latent frame to latent frame. Two kinds teach it:

- *redrawn*: encoded clips, partly drowned in noise and denoised again. Their scene stays what was rendered, so the render is the target.
- *drawn*: from noise alone, as in use. Nobody knows how they should look; the decoder's present output is their target,
  but for the steps between latent frames (see `step_excess` in steadiness.py).

Half of either begin with a known picture, as in image to video.
"""

import argparse
import random
import time
from pathlib import Path

import torch
from torch import Tensor

from autoencoder import KinoraAutoencoder
from compute import compute_dtype
from distil import STUDENT
from latent_cache import LatentCache, shard_folder
from distil import STUDENT
from sample import make_sigmas
from text_encoder import encode_prompts
from train_transformer import CHECKPOINT, Model, load_average
from transformer import run, token_coordinates
from world.attributes import WORLDS
from world.render import render

GROUP = 32         # clips a file
DEEPEST = 0.6      # of the noise that clips are redrawn from: from more, the scene does not come back


def redraw_folder(work: Path) -> Path:
    return work / "redrawn"


@torch.no_grad()
def denoise(model: Model, x: Tensor, sigmas: Tensor, first: Tensor | None, captions: list[str], grid: tuple[int, int], guidance: float) -> Tensor:
    """x [B, T, S, Z] at noise level sigmas[0] -> denoised along `sigmas`; `first` [B, S, Z] is the known latent frame 0."""
    times = 1 if guidance == 1 else 2                       # the unconditional half rides in the same batch
    text, mask = encode_prompts(model.text_encoder, model.world, captions + [""] * (len(captions) * (times - 1)))
    coordinates, dtype = token_coordinates(x.shape[1], *grid), compute_dtype(x.device)
    for now, after in zip(sigmas, sigmas[1:]):
        sigma = now.repeat(len(x), x.shape[1])
        if first is not None:
            x[:, 0], sigma[:, 0] = first, 0
        named, *plain = run(model.transformer, x.repeat(times, 1, 1, 1), sigma.repeat(times, 1), text, mask, coordinates, dtype).float().chunk(times)
        x = x + (after - now) * (plain[0] + guidance * (named - plain[0]) if plain else named)
    if first is not None:
        x[:, 0] = first
    return x


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--world", choices=sorted(WORLDS), default="core")
    parser.add_argument("--size", default="128x128x17")
    parser.add_argument("--redrawn", type=int, default=512)
    parser.add_argument("--drawn", type=int, default=384)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--guidance", type=float, default=4.0)
    parser.add_argument("--student", action="store_true", help="draw with the few-step weights of distil.py")
    parser.add_argument("--minutes", type=float, default=1e9, help="stop after the file that is being made then")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    folder = redraw_folder(options.work)
    folder.mkdir(parents=True, exist_ok=True)
    model = load_average(options.work, options.world, STUDENT if options.student else CHECKPOINT).to(options.device)
    autoencoder = KinoraAutoencoder.load(options.work / "autoencoder.pt").to(options.device).eval()
    cache = LatentCache(shard_folder(options.work, options.size), options.device)
    width, height, frames = map(int, options.size.split("x"))
    schedule, started = make_sigmas(options.steps).to(options.device), time.time()
    # The kinds in turn, so that whatever time there is gives some of both.
    plan = [(number, kind) for number in range(max(options.redrawn, options.drawn) // GROUP)
            for kind, wanted in (("redrawn", options.redrawn), ("drawn", options.drawn)) if number < wanted // GROUP]
    for number, kind in plan:
        if time.time() - started > options.minutes * 60 and number > 1:
            break
        path = folder / f"{kind}{number:04d}.pt"
        if path.exists():
            continue
        source = random.Random(path.name)
        torch.manual_seed(source.randrange(2**31))
        clips = cache.sample(GROUP, (frames - 1) // 4 + 1, source)
        clean = clips.latents.float()
        begin = source.choice([step for step, sigma in enumerate(schedule[:-1].tolist()) if sigma <= DEEPEST]) if kind == "redrawn" else 0
        level = schedule[begin]
        noisy = (1 - level) * clean + level * torch.randn_like(clean)
        known = clean[:, 0] if number % 2 else None
        z = denoise(model, noisy, schedule[begin:], known, clips.captions, clips.grid, options.guidance)
        pixels, mask = render(clips.scenes, width, height, frames, device=options.device)
        if kind == "drawn":
            raw = autoencoder.denormalize(z.unflatten(2, clips.grid).permute(0, 4, 1, 2, 3))
            with torch.no_grad():
                pixels = torch.cat([((autoencoder.decode(part) + 1) * 127.5).round().byte() for part in raw.split(4)]).movedim(1, -1)
            mask = torch.zeros_like(mask)
        temporary = path.with_suffix(".tmp")
        torch.save({"latents": z.half().cpu(), "grid": clips.grid, "pixels": pixels.cpu(), "mask": mask.half().cpu()}, temporary)
        temporary.rename(path)
        print(f"{path.name} from {level.item():.2f} after {time.time() - started:.0f} s", flush=True)


if __name__ == "__main__":
    main()
