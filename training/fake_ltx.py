"""Write checkpoints of random weights that have the published files' exact tensors, names and sizes: what cannot be downloaded
here can still be loaded at its real size.

    python training/fake_ltx.py --out DIR [--only ltx t5] [--t5-dtype f8_e4m3|f16] [--scale 0.0625] [--seed 1] [--list]

ltx-video-2b-v0.9.5.safetensors: LTX-Video 2B as Lightricks publish it: transformer and autoencoder in one file, original key
names, bf16, and their configs in the metadata. t5xxl_<dtype>.safetensors: the encoder of T5 v1.1 XXL. --scale shrinks widths and
depths (1/16 is the least), --list prints what would be written. Tensors go to disk 64 MiB at a time.

The tensors are those of diffusers' and transformers' own classes; the original names are checked against diffusers' converter.
"""

import argparse
import json
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from pathlib import Path

import torch
from diffusers import AutoencoderKLLTXVideo, LTXVideoTransformer3DModel
from diffusers.loaders.single_file_utils import convert_ltx_transformer_checkpoint_to_diffusers, convert_ltx_vae_checkpoint_to_diffusers
from torch import Tensor
from transformers import T5Config, T5EncoderModel

CHUNK = 16 * 2**20  # values at once
DTYPES = {"bf16": ("BF16", torch.bfloat16, 2), "f16": ("F16", torch.float16, 2), "f8_e4m3": ("F8_E4M3", torch.float8_e4m3fn, 1)}
LATENT_CHANNELS = 128

TRANSFORMER_NAMES = {"proj_in": "patchify_proj", "time_embed": "adaln_single", "norm_q": "q_norm", "norm_k": "k_norm"}
# of 0.9.5: each of the original's blocks is a run of residual blocks or one step between two grids
AUTOENCODER_NAMES = {
    "decoder.mid_block": "decoder.up_blocks.0",
    **{f"decoder.up_blocks.{i}.upsamplers.0": f"decoder.up_blocks.{2 * i + 1}" for i in range(3)},
    **{f"decoder.up_blocks.{i}": f"decoder.up_blocks.{2 * i + 2}" for i in range(3)},
    **{f"encoder.down_blocks.{i}.downsamplers.0": f"encoder.down_blocks.{2 * i + 1}" for i in range(4)},
    **{f"encoder.down_blocks.{i}": f"encoder.down_blocks.{2 * i}" for i in range(4)},
    "encoder.mid_block": "encoder.down_blocks.8",
    "decoder.time_embedder": "decoder.last_time_embedder",
    "decoder.scale_shift_table": "decoder.last_scale_shift_table",
}
AUTOENCODER_PARTS = {"resnets": "res_blocks", "conv_shortcut.conv": "conv_shortcut", "norm3": "norm3.norm"}
STATISTICS = ["channel", "mean-of-means", "mean-of-stds", "mean-of-stds_over_std-of-means", "std-of-means"]

SCHEDULER = {"_class_name": "RectifiedFlowScheduler", "num_train_timesteps": 1000, "shifting": "SD3", "base_resolution": None,
             "target_shift_terminal": 0.1}


@dataclass
class Sizes:
    """What a scale makes of the models; 1 is the published size."""
    scale: float

    def of(self, full: int, step: int = 1) -> int:
        return max(step, round(full * self.scale / step) * step)


def transformer_config(sizes: Sizes) -> dict:
    heads = sizes.of(32)
    return {
        "_class_name": "Transformer3DModel", "activation_fn": "gelu-approximate", "attention_bias": True, "attention_head_dim": 64,
        "attention_type": "default", "caption_channels": sizes.of(4096, 64), "cross_attention_dim": heads * 64, "in_channels": LATENT_CHANNELS,
        "norm_elementwise_affine": False, "norm_eps": 1e-6, "num_attention_heads": heads, "num_embeds_ada_norm": 1000,
        "num_layers": sizes.of(28), "out_channels": LATENT_CHANNELS, "positional_embedding_max_pos": [20, 2048, 2048],
        "positional_embedding_theta": 10000.0, "positional_embedding_type": "rope", "project_to_2d_pos": True, "qk_norm": "rms_norm",
        "standardization_norm": "rms_norm", "timestep_scale_multiplier": 1000,
    }


def autoencoder_config(sizes: Sizes) -> dict:
    base = sizes.of(128, 8)
    up = ["compress_all", {"residual": True, "multiplier": 2}]
    return {
        "_class_name": "CausalVideoAutoencoder", "dims": 3, "in_channels": 3, "out_channels": 3, "latent_channels": LATENT_CHANNELS,
        "encoder_blocks": [
            ["res_x", {"num_layers": 4}], ["compress_space_res", {"multiplier": 2}],
            ["res_x", {"num_layers": 6}], ["compress_time_res", {"multiplier": 2}],
            ["res_x", {"num_layers": 6}], ["compress_all_res", {"multiplier": 2}],
            ["res_x", {"num_layers": 2}], ["compress_all_res", {"multiplier": 2}], ["res_x", {"num_layers": 2}]],
        "decoder_blocks": [["res_x", {"num_layers": 5, "inject_noise": False}], up, ["res_x", {"num_layers": 5, "inject_noise": False}], up,
                           ["res_x", {"num_layers": 5, "inject_noise": False}], up, ["res_x", {"num_layers": 5, "inject_noise": False}]],
        "encoder_base_channels": base, "decoder_base_channels": base,
        "scaling_factor": 1.0, "norm_layer": "pixel_norm", "patch_size": 4, "latent_log_var": "uniform", "use_quant_conv": False,
        "causal_decoder": False, "timestep_conditioning": True, "normalize_latent_channels": False, "spatial_padding_mode": "zeros",
    }


def ltx_shapes(transformer: dict, autoencoder: dict) -> dict[str, tuple[int, ...]]:
    """Original name → shape of every tensor of the single-file checkpoint."""
    base = autoencoder["encoder_base_channels"]
    with torch.device("meta"):
        network = LTXVideoTransformer3DModel(
            num_attention_heads=transformer["num_attention_heads"], attention_head_dim=64, num_layers=transformer["num_layers"],
            cross_attention_dim=transformer["cross_attention_dim"], caption_channels=transformer["caption_channels"])
        codec = AutoencoderKLLTXVideo(
            block_out_channels=tuple(base * 2**i for i in range(5)), layers_per_block=(4, 6, 6, 2, 2), spatio_temporal_scaling=(True,) * 4,
            down_block_types=("LTXVideo095DownBlock3D",) * 4, downsample_type=("spatial", "temporal", "spatiotemporal", "spatiotemporal"),
            decoder_block_out_channels=tuple(base * 2**i for i in (1, 2, 3)), decoder_layers_per_block=(5, 5, 5, 5),
            decoder_spatio_temporal_scaling=(True,) * 3, decoder_inject_noise=(False,) * 4, upsample_residual=(True,) * 3,
            upsample_factor=(2,) * 3, timestep_conditioning=True, encoder_causal=True, decoder_causal=False)
    original: dict[str, Tensor] = {}
    for key, value in network.state_dict().items():
        for ours, theirs in TRANSFORMER_NAMES.items():
            key = key.replace(ours, theirs)
        original["model.diffusion_model." + key] = value
    weights = {key: value for key, value in codec.state_dict().items() if not key.startswith("latents_")}
    for key, value in weights.items():
        block = max((name for name in AUTOENCODER_NAMES if key == name or key.startswith(name + ".")), key=len, default=None)
        key = AUTOENCODER_NAMES[block] + key[len(block):] if block else key
        for ours, theirs in AUTOENCODER_PARTS.items():
            key = key.replace(ours, theirs)
        original["vae." + key] = value
    check_names(original, network.state_dict(), weights)
    for statistic in STATISTICS:
        original[f"vae.per_channel_statistics.{statistic}"] = torch.empty(LATENT_CHANNELS, device="meta")
    return {key: tuple(value.shape) for key, value in original.items()}


def check_names(original: dict[str, Tensor], network: dict[str, Tensor], codec: dict[str, Tensor]) -> None:
    """diffusers' converters give back its own names, each with its shape."""
    # the converter tells the release by the encoder's last width, which a scale changes
    marked = {**original, "vae.encoder.conv_out.conv.weight": torch.empty(1, 2048, device="meta")}
    back = convert_ltx_vae_checkpoint_to_diffusers(dict(marked))
    assert {key: back[key].shape for key in back if key != "encoder.conv_out.conv.weight"} == {
        key: value.shape for key, value in codec.items() if key != "encoder.conv_out.conv.weight"}
    back = convert_ltx_transformer_checkpoint_to_diffusers(dict(original))
    assert {key: value.shape for key, value in back.items()} == {key: value.shape for key, value in network.items()}


def t5_config(sizes: Sizes) -> T5Config:
    return T5Config(vocab_size=32128, d_model=sizes.of(4096, 64), d_kv=64, d_ff=sizes.of(10240, 64), num_layers=sizes.of(24), num_heads=sizes.of(64),
                    feed_forward_proj="gated-gelu", tie_word_embeddings=False)


def t5_shapes(config: T5Config) -> dict[str, tuple[int, ...]]:
    with torch.device("meta"):
        model = T5EncoderModel(config)
    return {key: tuple(value.shape) for key, value in model.state_dict().items() if key != "encoder.embed_tokens.weight"}


def write_file(path: Path, shapes: dict[str, tuple[int, ...]], dtype: str, metadata: dict[str, str], seed: int) -> None:
    """By name, as the reference writer orders tensors of one dtype."""
    stored, torch_dtype, width = DTYPES[dtype]
    header: dict[str, object] = {"__metadata__": metadata} if metadata else {}
    at = 0
    for name in sorted(shapes):
        end = at + prod(shapes[name]) * width
        header[name] = {"dtype": stored, "shape": list(shapes[name]), "data_offsets": [at, end]}
        at = end
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    generator = torch.Generator().manual_seed(seed)
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for name in sorted(shapes):
            for values in random_values(name, shapes[name], generator):
                file.write(values.to(torch_dtype).view(torch.uint8).numpy().tobytes())
    print(f"{path}: {len(shapes)} tensors, {sum(map(prod, shapes.values())):,} weights, {path.stat().st_size:,} bytes", flush=True)


def random_values(name: str, shape: tuple[int, ...], generator: torch.Generator) -> Iterator[Tensor]:
    """Values that keep a forward pass in ordinary numbers: gains near one, matrices by their inputs."""
    if name.endswith("timestep_scale_multiplier"):
        yield torch.tensor([1000.0])
        return
    middle, spread = 0.0, 0.02
    if "norm" in name or name.endswith("std-of-means"):
        middle, spread = 1.0, 0.1
    elif name.endswith("scale_shift_table"):
        spread = 0.2
    elif name == "shared.weight":
        spread = 1.0
    elif name.endswith("relative_attention_bias.weight"):
        spread = 0.5
    elif len(shape) > 1:
        spread = prod(shape[1:]) ** -0.5
        if name.endswith(("SelfAttention.q.weight", "SelfAttention.k.weight")):
            spread *= 0.35  # T5 does not scale its scores by 1 / √64
    count = prod(shape)
    for first in range(0, count, CHUNK):
        yield torch.randn(min(CHUNK, count - first), generator=generator).mul_(spread).add_(middle)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--only", nargs="+", choices=["ltx", "t5"], default=["ltx", "t5"])
    parser.add_argument("--t5-dtype", choices=["f8_e4m3", "f16"], default="f8_e4m3")
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--list", action="store_true", help="print names and shapes, write nothing")
    arguments = parser.parse_args()
    sizes = Sizes(arguments.scale)
    files: dict[str, tuple[dict[str, tuple[int, ...]], str, dict[str, str]]] = {}
    if "ltx" in arguments.only:
        transformer, autoencoder = transformer_config(sizes), autoencoder_config(sizes)
        config = json.dumps({"transformer": transformer, "vae": autoencoder, "scheduler": SCHEDULER})
        files["ltx-video-2b-v0.9.5.safetensors"] = ltx_shapes(transformer, autoencoder), "bf16", {"config": config}
    if "t5" in arguments.only:
        name = {"f8_e4m3": "t5xxl_fp8_e4m3fn", "f16": "t5xxl_fp16"}[arguments.t5_dtype]
        files[f"{name}.safetensors"] = t5_shapes(t5_config(sizes)), arguments.t5_dtype, {}
    if not arguments.list:
        arguments.out.mkdir(parents=True, exist_ok=True)
    for number, (file, (shapes, dtype, metadata)) in enumerate(files.items()):
        if arguments.list:
            for name in sorted(shapes):
                print(file, name, list(shapes[name]))
            print(f"{file}: {len(shapes)} tensors, {sum(map(prod, shapes.values())):,} weights")
        else:
            write_file(arguments.out / file, shapes, dtype, metadata, arguments.seed + number)
    if "t5" in arguments.only and not arguments.list:
        kept = ("vocab_size", "d_model", "d_kv", "d_ff", "num_layers", "num_heads", "relative_attention_num_buckets",
                "relative_attention_max_distance", "layer_norm_epsilon", "feed_forward_proj")
        config = t5_config(sizes).to_dict()
        (arguments.out / "t5_config.json").write_text(json.dumps({key: config[key] for key in kept}, indent=2) + "\n")


if __name__ == "__main__":
    main()
