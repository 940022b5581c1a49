"""Write the parity cases of KinoraAutoencoder: one small decode, one small encode, random weights.

    python training/parity_starter.py --out tests/parity

The format is the one every parity case uses: config.json, weights.safetensors,
io.safetensors (in.*, out.*) and case.json.
"""

import argparse
import json
from pathlib import Path

import torch
from safetensors.torch import save_file

from autoencoder import DEFAULT_CONFIG, KinoraAutoencoder

SMALL = {
    **DEFAULT_CONFIG,
    "latent_channels": 8,
    "channels": [8, 12, 16],
    "blocks": [1, 1, 1],
    "latents_mean": [0.0] * 8,
    "latents_std": [1.0] * 8,
}
FRAMES, HEIGHT, WIDTH = 5, 32, 48


def make_model(seed: int) -> KinoraAutoencoder:
    """Random everywhere: a zero-initialised layer or a gain of one would hide a missing term."""
    generator = torch.Generator().manual_seed(seed)
    model = KinoraAutoencoder(SMALL).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            if "norm" in name:
                parameter.copy_(1 + 0.3 * noise)
            elif parameter.ndim == 1:
                parameter.copy_(0.1 * noise)
            else:
                parameter.copy_(noise / parameter[0].numel() ** 0.5)
        # Keep the picture inside [-1, 1] so that the final clamp hides nothing,
        # and the linear skip from drowning the convolutional branch.
        model.decoder.skip.weight.mul_(0.12)
        model.decoder.skip.bias.mul_(0.5)
        model.decoder.conv_out.weight.mul_(0.15)
        model.decoder.conv_out.bias.mul_(0.5)
    return model


def write_case(folder: Path, model: KinoraAutoencoder, call: str, tensors: dict, note: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(model.config_json())
    weights = {name: value.contiguous() for name, value in model.state_dict().items()}
    save_file(weights, folder / "weights.safetensors")
    save_file({name: value.contiguous().float() for name, value in tensors.items()}, folder / "io.safetensors")
    case = {"call": call, "scalars": {}, "made_with": f"training/parity_starter.py, torch {torch.__version__}", "note": note}
    (folder / "case.json").write_text(json.dumps(case, indent=2) + "\n")


def relative_change(reference: torch.Tensor, other: torch.Tensor) -> float:
    return ((other - reference).norm() / reference.norm()).item()


@torch.no_grad()
def assert_every_weight_matters(model: KinoraAutoencoder, part: str, run) -> None:
    reference = run()
    for name, parameter in model.named_parameters():
        if not name.startswith(part) or parameter.ndim < 4:
            continue
        kept = parameter.clone()
        parameter.zero_()
        change = relative_change(reference, run())
        parameter.copy_(kept)
        assert change > 0.01, f"{name} changes the output by only {change:.4f}"


@torch.no_grad()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    out = parser.parse_args().out

    model = make_model(seed=7)
    generator = torch.Generator().manual_seed(11)
    latent_frames = (FRAMES - 1) // 4 + 1
    z = torch.randn(1, 8, latent_frames, HEIGHT // 16, WIDTH // 16, generator=generator)
    sample = torch.rand(1, 3, FRAMES, HEIGHT, WIDTH, generator=generator) * 2 - 1

    assert model.decoder(z).abs().max() < 1, "the clamp would hide errors"
    assert_every_weight_matters(model, "decoder", lambda: model.decode(z))
    assert_every_weight_matters(model, "encoder", lambda: model.encode(sample))

    write_case(out / "kinora_autoencoder_decode", model, "decode",
               {"in.z": z, "out.sample": model.decode(z)},
               "raw latents (no whitening) to 5 frames of 32 x 48; 2 latent frames, so the causal kernel is used")
    write_case(out / "kinora_autoencoder_encode", model, "encode",
               {"in.sample": sample, "out.mean": model.encode(sample)},
               "5 frames of 32 x 48 to raw latents; the first frame is repeated three times in front")


if __name__ == "__main__":
    main()
