"""Make clips with the trained model: python training/sample.py --work DIR --prompt "a starry night" --out sheet.png"""

import argparse
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from autoencoder import KinoraAutoencoder
from contact_sheet import save_sheet
from text_encoder import encode_prompts
from train_autoencoder import to_pixels
from train_transformer import Model, coordinates_for, load_average
from transformer import run

SHIFT = 2.0


def make_sigmas(steps: int, shift: float = SHIFT) -> Tensor:
    """diffusers' FlowMatchEulerDiscreteScheduler with a fixed shift: [steps + 1], 1 … 0."""
    sigmas = torch.linspace(1, 1 / steps, steps)
    return torch.cat([shift * sigmas / (1 + (shift - 1) * sigmas), torch.zeros(1)])


@torch.no_grad()
def sample_latents(model: Model, prompts: list[str], size: str, steps: int, guidance: float, seed: int,
                   first_frame: Tensor | None = None, shift: float = SHIFT) -> Tensor:
    """-> normalized latents [B, Z, T, h, w]. first_frame: known normalized latents [B, S, Z] of latent frame 0."""
    width, height, frames = map(int, size.split("x"))
    grid = ((frames - 1) // 4 + 1, height // 16, width // 16)
    coordinates = coordinates_for(size, grid)
    channels = model.transformer.config.in_channels
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(len(prompts), grid[0], grid[1] * grid[2], channels, generator=generator)
    text, text_mask = encode_prompts(model.text_encoder, prompts)
    empty, empty_mask = encode_prompts(model.text_encoder, [""])
    empty, empty_mask = (value.expand(len(prompts), *value.shape[1:]) for value in (empty, empty_mask))
    sigmas = make_sigmas(steps, shift)
    for now, after in zip(sigmas, sigmas[1:]):
        sigma = now.expand(len(prompts), grid[0]).clone()
        if first_frame is not None:
            x[:, 0], sigma[:, 0] = first_frame, 0
        velocity = run(model.transformer, x, sigma, text, text_mask, coordinates)
        if guidance != 1:
            plain = run(model.transformer, x, sigma, empty, empty_mask, coordinates)
            velocity = plain + guidance * (velocity - plain)
        x = x + (after - now) * velocity
    if first_frame is not None:
        x[:, 0] = first_frame
    return x.unflatten(2, grid[1:]).permute(0, 4, 1, 2, 3)


@torch.no_grad()
def sample_clips(model: Model, autoencoder: KinoraAutoencoder, prompts: list[str], size: str = "128x128x17",
                 steps: int = 8, guidance: float = 3.0, seed: int = 0, shift: float = SHIFT) -> list[np.ndarray]:
    """-> u8 [F, H, W, 3] a prompt."""
    latents = sample_latents(model, prompts, size, steps, guidance, seed, shift=shift)
    return [to_pixels(autoencoder.decode(autoencoder.denormalize(z[None]))[0]) for z in latents]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--prompt", action="append", required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--size", default="128x128x17")
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--guidance", type=float, default=3.0)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    autoencoder = KinoraAutoencoder.load(options.work / "autoencoder.pt").eval()
    clips = sample_clips(load_average(options.work), autoencoder, options.prompt, options.size, options.steps, options.guidance, options.seed)
    save_sheet(clips, options.prompt, options.out)


if __name__ == "__main__":
    main()
