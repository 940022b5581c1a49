"""Assert that an exported folder says what the checkpoint knows: python training/check_export.py --work DIR --out public/models/starter

Also that its clips, made with int8 weights, are those of the f32 weights: PSNR of all frames for equal noise.
"""

import argparse
import hashlib
import json
from pathlib import Path

import numpy as np
import torch
from diffusers import FlowMatchEulerDiscreteScheduler
from transformers import PreTrainedTokenizerFast

from autoencoder import KinoraAutoencoder
from exported import Starter, load_transformer
from sample import make_sigmas, sample_clips
from text_encoder import encode_prompts, tokenize
from train_transformer import load_average
from transformer import run, token_coordinates

LEAST_DB = 28.0


@torch.no_grad()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    torch.set_num_threads(1)
    manifest = json.loads((options.out / "kinora.json").read_text())
    for entry in manifest["files"]:
        content = (options.out / entry["path"]).read_bytes()
        assert len(content) == entry["bytes"] and hashlib.sha256(content).hexdigest() == entry["sha256"], entry["path"]

    world = manifest["world"]
    tokenizer = PreTrainedTokenizerFast.from_pretrained(options.out / "tokenizer")
    for prompt in manifest["examples"] + ["", "A zebra, flying!"]:
        assert tokenizer(prompt)["input_ids"] == tokenize(world, prompt), prompt
    unknown = tokenizer.unk_token_id
    assert all(unknown not in tokenizer(prompt)["input_ids"] for prompt in manifest["examples"]), "an example uses an unknown word"

    scheduler = FlowMatchEulerDiscreteScheduler.from_pretrained(options.out / "scheduler")
    for steps in (1, 4, 8):
        scheduler.set_timesteps(sigmas=torch.linspace(1, 1 / steps, steps).tolist())
        assert torch.allclose(scheduler.sigmas, make_sigmas(steps), atol=1e-5)

    trained = load_average(options.work, world)
    exported = load_transformer(options.out / "transformer")
    latents = torch.randn(1, 5, 64, 64, generator=torch.Generator().manual_seed(0))
    sigma = torch.full((1, 5), 0.7)
    text, mask = encode_prompts(trained.text_encoder, world, [manifest["examples"][1]])
    coordinates = token_coordinates(5, 8, 8)
    want = run(trained.transformer, latents, sigma, text, mask, coordinates)
    got = exported(
        hidden_states=latents.flatten(1, 2), encoder_hidden_states=text, encoder_attention_mask=mask,
        timestep=sigma.repeat_interleave(64, dim=1) * 1000, video_coords=coordinates[None], return_dict=False)[0].view_as(want)
    error = ((got - want).norm() / want.norm()).item()
    print(f"int8 transformer against the checkpoint, relative error: {error:.4f}")
    assert error < 0.05

    prompts, size = manifest["examples"], manifest["sizes"][0]
    steps, guidance, shape = manifest["steps"]["default"], manifest["guidance"]["default"], (size["width"], size["height"], manifest["frames"]["default"])
    precise = sample_clips(trained, KinoraAutoencoder.load(options.work / "autoencoder.pt").eval(), prompts, "x".join(map(str, shape)), steps, guidance)
    small = Starter(options.out).generate(prompts, list(range(len(prompts))), steps, guidance, shape)
    decibels = [10 * np.log10(255**2 / np.square(a.astype(float) - b).mean()) for a, b in zip(small, precise)]
    print(f"int8 clips against f32 ones, {steps} steps, guidance {guidance:g}: {np.mean(decibels):.1f} dB on average, "
          + ", ".join(f"{value:.1f}" for value in decibels))
    assert np.mean(decibels) >= LEAST_DB


if __name__ == "__main__":
    main()
