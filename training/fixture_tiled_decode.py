"""What diffusers' tiled_decode makes of a latent, for tests/gpu/ltx-autoencoder-tiled.test.ts.

    python training/fixture_tiled_decode.py

The model is the parity case ltx_autoencoder_095_decode. Tiles are 3 latent pixels wide and share one: [0, 3) and [2, 4).
Writes `z` [F, h, w, Z] and `frames` [F, H, W, 3], channels last.
"""

import json
from pathlib import Path

import torch
from diffusers import AutoencoderKLLTXVideo
from safetensors.torch import load_file, save_file

ROOT = Path(__file__).parent.parent
CASE = ROOT / "tests/parity/ltx_autoencoder_095_decode"
OUT = ROOT / "tests/gpu/fixtures/ltx-tiled-decode.safetensors"
LARGE = 512  # no tiles along this axis


@torch.no_grad()
def main() -> None:
    config = json.loads((CASE / "config.json").read_text())
    config.pop("_class_name")
    model = AutoencoderKLLTXVideo(**config).eval()
    model.load_state_dict({name: value.float() for name, value in load_file(CASE / "weights.safetensors").items()})
    z = torch.randn(1, config["latent_channels"], 2, 1, 4, generator=torch.Generator().manual_seed(9))
    timestep = torch.tensor([0.05])
    whole = model.decode(z, timestep).sample
    model.enable_tiling(tile_sample_min_height=LARGE, tile_sample_min_width=48,
                        tile_sample_stride_height=LARGE, tile_sample_stride_width=32)
    tiled = model.decode(z, timestep).sample
    assert (tiled - whole).abs().max() > 0.5, "the tiles make no difference"
    OUT.parent.mkdir(exist_ok=True)
    save_file({"z": z[0].permute(1, 2, 3, 0).contiguous(), "frames": tiled[0].permute(1, 2, 3, 0).contiguous()}, OUT)
    print(f"{OUT.relative_to(ROOT)}: {OUT.stat().st_size // 1024} KiB")


if __name__ == "__main__":
    main()
