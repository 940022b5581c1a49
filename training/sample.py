"""Make clips with the model being trained:

    python training/sample.py --work DIR --world core --prompt "a starry night" --out sheet.png
    python training/sample.py --work DIR --world core --scenes 16 --out sheet.png     prompts of random scenes
"""

import argparse
import random
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from autoencoder import KinoraAutoencoder
from contact_sheet import save_sheet
from philox import clip_noise
from text_encoder import encode_prompts
from train_autoencoder import to_pixels
from train_transformer import Model, load_average
from transformer import run, token_coordinates
from world.attributes import WORLDS, sample_scene
from world.captions import write_prompt

SHIFT = 2.0


def make_sigmas(steps: int, shift: float = SHIFT) -> Tensor:
    """diffusers' FlowMatchEulerDiscreteScheduler with a fixed shift: [steps + 1], 1 … 0."""
    sigmas = torch.linspace(1, 1 / steps, steps)
    return torch.cat([shift * sigmas / (1 + (shift - 1) * sigmas), torch.zeros(1)])


@torch.no_grad()
def sample_latents(model: Model, prompts: list[str], size: str, steps: int, guidance: float, seeds: list[int],
                   first_frame: Tensor | None = None, shift: float = SHIFT, dtype: torch.dtype = torch.float32) -> Tensor:
    """-> normalized latents [B, Z, T, h, w]. first_frame: known normalized latents [B, S, Z] of latent frame 0."""
    width, height, frames = map(int, size.split("x"))
    grid = ((frames - 1) // 4 + 1, height // 16, width // 16)
    coordinates = token_coordinates(*grid)
    device, count = model.text_encoder.device, len(prompts)
    noise = np.stack([clip_noise(seed, model.transformer.config.in_channels, *grid) for seed in seeds])
    x = torch.from_numpy(noise).to(device).permute(0, 2, 3, 4, 1).flatten(2, 3)                  # [B, T, S, Z]
    # The unconditional half rides in the same batch.
    text, mask = encode_prompts(model.text_encoder, model.world, prompts + ([""] * count if guidance != 1 else []))
    sigmas = make_sigmas(steps, shift)
    for now, after in zip(sigmas, sigmas[1:]):
        sigma = now.expand(count, grid[0]).clone().to(device)
        if first_frame is not None:
            x[:, 0], sigma[:, 0] = first_frame, 0
        if guidance == 1:
            velocity = run(model.transformer, x, sigma, text, mask, coordinates, dtype).float()
        else:
            both = run(model.transformer, x.repeat(2, 1, 1, 1), sigma.repeat(2, 1), text, mask, coordinates, dtype).float()
            named, plain = both.chunk(2)
            velocity = plain + guidance * (named - plain)
        x = x + (after - now) * velocity
    if first_frame is not None:
        x[:, 0] = first_frame
    return x.unflatten(2, grid[1:]).permute(0, 4, 1, 2, 3)


@torch.no_grad()
def sample_clips(model: Model, autoencoder: KinoraAutoencoder, prompts: list[str], size: str = "128x128x17", steps: int = 8,
                 guidance: float = 3.0, seed: int = 0, shift: float = SHIFT, dtype: torch.dtype = torch.float32) -> list[np.ndarray]:
    """-> u8 [F, H, W, 3] a prompt; the n-th has seed + n."""
    latents = sample_latents(model, prompts, size, steps, guidance, [seed + n for n in range(len(prompts))], shift=shift, dtype=dtype)
    return [to_pixels(autoencoder.decode(autoencoder.denormalize(z[None]))[0]) for z in latents]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--world", choices=sorted(WORLDS), default="core")
    parser.add_argument("--prompt", action="append", default=[])
    parser.add_argument("--scenes", type=int, default=0)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--size", default="128x128x17")
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--guidance", type=float, default=3.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    source = random.Random(options.seed + 7)
    prompts = options.prompt + [write_prompt(sample_scene(WORLDS[options.world], source, bare=0), source) for _ in range(options.scenes)]
    autoencoder = KinoraAutoencoder.load(options.work / "autoencoder.pt").eval()
    model = load_average(options.work, options.world)
    clips = sample_clips(model, autoencoder, prompts, options.size, options.steps, options.guidance, options.seed)
    save_sheet(clips, prompts, options.out, frames_shown=4)


if __name__ == "__main__":
    main()
