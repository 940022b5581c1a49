"""What a clip costs to make: python training/cost.py --model public/models/starter

Counts the multiplications and additions (2 a pair) of every matrix product and convolution of the transformer and the
decoder, from the configurations of an exported folder.
"""

import argparse
import json
from pathlib import Path


def transformer_flops(config: dict, tokens: int, text_tokens: int = 24) -> float:
    """Of one forward pass for one clip and one prompt."""
    width, text_width = config["num_attention_heads"] * config["attention_head_dim"], config["caption_channels"]
    projections = 4 * width * width * tokens + 2 * width * width * tokens + 2 * width * width * text_tokens   # self; cross
    attention = 2 * width * tokens * (tokens + text_tokens)                                                   # scores and sums
    feed_forward = 8 * width * width * tokens
    ends = tokens * width * (config["in_channels"] + config["out_channels"]) + text_tokens * width * (text_width + width)
    return 2.0 * (config["num_layers"] * (projections + attention + feed_forward) + ends)


def decoder_flops(config: dict, latent_frames: int, rows: int, columns: int) -> float:
    """Of a whole clip."""
    low, mid, high = config["channels"]
    low_blocks, mid_blocks, high_blocks = config["blocks"]
    z, stem, patch, time = config["latent_channels"], config["stem_patch"], config["patch_size"], config["patch_size_t"]
    a_latent_pixel = (
        z * high * 18 + high_blocks * high * high * (18 + 9) + high * 4 * mid            # 1/16, conv1 looks back one frame
        + 4 * (mid_blocks * mid * mid * 18 + mid * 4 * low)                               # 1/8
        + 16 * (low_blocks * low * low * 18 + low * 3 * time * stem**2 * 9)               # 1/4
        + z * 3 * time * patch**2)                                                        # the linear skip
    return 2.0 * a_latent_pixel * latent_frames * rows * columns


def clip_cost(folder: Path, width: int, height: int, frames: int, steps: int, guided: bool) -> dict[str, float]:
    """GFLOP of the transformer and the decoder for one clip; the decoder's for a 256x256 frame too."""
    transformer = json.loads((folder / "transformer" / "config.json").read_text())
    autoencoder = json.loads((folder / "vae" / "config.json").read_text())
    latent_frames, rows, columns = (frames - 1) // 4 + 1, height // 16, width // 16
    forward = transformer_flops(transformer, latent_frames * rows * columns)
    denoising, decoding = forward * steps * (2 if guided else 1), decoder_flops(autoencoder, latent_frames, rows, columns)
    return {"transformer": denoising / 1e9, "decoder": decoding / 1e9, "clip": (denoising + decoding) / 1e9,
            "decoder a 256x256 frame": decoder_flops(autoencoder, 1, 16, 16) / 4 / 1e9}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=Path("public/models/starter"))
    options = parser.parse_args()
    manifest = json.loads((options.model / "kinora.json").read_text())
    width, height, frames = manifest["sizes"][0]["width"], manifest["sizes"][0]["height"], manifest["frames"]["default"]
    for steps, guided in ((4, False), (4, True), (manifest["steps"]["default"], manifest["guidance"]["default"] != 1)):
        cost = clip_cost(options.model, width, height, frames, steps, guided)
        parts = ", ".join(f"{name} {value:.1f}" for name, value in cost.items())
        print(f"{width}x{height}x{frames}, {steps} steps{' with guidance' if guided else ''}, GFLOP: {parts}")


if __name__ == "__main__":
    main()
