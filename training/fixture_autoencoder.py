"""Parity cases of AutoencoderKLLTXVideo, both directions, in the shapes of its three released generations.

Dims used in the comments
    B  batch   Z  latent channels   F, H, W  frames and pixels, or their latents
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import torch
from diffusers import AutoencoderKLLTXVideo
from diffusers.models.autoencoders.autoencoder_kl_ltx import LTXVideoResnetBlock3d
from torch import Tensor

from fixture_case import reference_config, relative_change, write_case

F16_LIMIT = 1e-2

# Three stages where the released models have four, and a few channels.
FIRST = {
    "latent_channels": 6,
    "block_out_channels": (4, 8, 12), "down_block_types": ("LTXVideoDownBlock3D",) * 3,
    "layers_per_block": (1, 1, 1, 1), "spatio_temporal_scaling": (True, True, False), "downsample_type": ("conv",) * 3,
    "decoder_block_out_channels": (4, 8, 12), "decoder_layers_per_block": (1, 1, 1, 1),
    "decoder_spatio_temporal_scaling": (True, True, False), "decoder_inject_noise": (False,) * 4,
    "upsample_residual": (False,) * 3, "upsample_factor": (1, 1, 1),
}
# All four stages, as the converter of original checkpoints expects them.
FIRST_WHOLE = {
    **FIRST, "block_out_channels": (2, 4, 8, 8), "decoder_block_out_channels": (2, 4, 8, 8),
    "down_block_types": ("LTXVideoDownBlock3D",) * 4, "downsample_type": ("conv",) * 4,
    "layers_per_block": (1,) * 5, "decoder_layers_per_block": (1,) * 5, "decoder_inject_noise": (False,) * 5,
    "spatio_temporal_scaling": (True, True, True, False), "decoder_spatio_temporal_scaling": (True, True, True, False),
    "upsample_residual": (False,) * 4, "upsample_factor": (1,) * 4,
}
# Timesteps, residual upsampling and noise inside the decoder.
SECOND = {
    **FIRST, "timestep_conditioning": True,
    "decoder_block_out_channels": (8, 16), "decoder_layers_per_block": (1, 1, 1),
    "decoder_spatio_temporal_scaling": (True, True), "decoder_inject_noise": (True, True, False),
    "upsample_residual": (True, True), "upsample_factor": (2, 2),
}
# Space, time and both are reduced one by one.
THIRD = {
    "latent_channels": 6,
    "block_out_channels": (4, 8, 8, 16), "down_block_types": ("LTXVideo095DownBlock3D",) * 3,
    "layers_per_block": (1, 2, 1, 1), "spatio_temporal_scaling": (True, True, True),
    "downsample_type": ("spatial", "temporal", "spatiotemporal"),
    "decoder_block_out_channels": (8, 16), "decoder_layers_per_block": (1, 2, 1),
    "decoder_spatio_temporal_scaling": (True, True), "decoder_inject_noise": (False,) * 3,
    "upsample_residual": (True, True), "upsample_factor": (2, 2), "timestep_conditioning": True,
    "spatial_compression_ratio": 16, "temporal_compression_ratio": 4,
}
# The direction that a case does not run is kept small.
SMALL_ENCODER = {"block_out_channels": (4, 4, 4)}
SMALL_DECODER = {"decoder_block_out_channels": (4, 4, 4)}


@dataclass
class Spec:
    call: str
    seed: int
    config: dict
    batch: int
    latent: tuple[int, int, int]
    note: str
    dtype: torch.dtype = torch.float32
    original_keys: bool = False


CASES = {
    "ltx_autoencoder_090_decode": Spec(
        "decode", 1, {**FIRST_WHOLE, "decoder_causal": True}, 1, (2, 1, 1),
        "causal decoder, channels change between stages; the original checkpoint's key names, BF16 weights",
        torch.bfloat16, original_keys=True),
    "ltx_autoencoder_090_encode": Spec(
        "encode", 2, {**FIRST, **SMALL_DECODER}, 2, (2, 1, 3),
        "strided convolutions, batch 2, BF16 weights", torch.bfloat16),
    "ltx_autoencoder_091_decode": Spec(
        "decode", 3, {**SECOND, **SMALL_ENCODER}, 1, (2, 3, 2),
        "timestep conditioning, residual upsampling; noise drawn inside is recorded as in.noise.<parameter>; F16 weights",
        torch.float16),
    "ltx_autoencoder_095_decode": Spec(
        "decode", 4, {**THIRD, "block_out_channels": (4, 4, 4, 8)}, 2, (2, 1, 2),
        "non-causal decoder with a timestep for each clip, batch 2, BF16 weights", torch.bfloat16),
    "ltx_autoencoder_095_encode": Spec(
        "encode", 5, {**THIRD, "decoder_block_out_channels": (4, 8)}, 1, (3, 2, 1),
        "downsampling by space, time and both; BF16 weights", torch.bfloat16),
}


def make_model(spec: Spec) -> AutoencoderKLLTXVideo:
    model = AutoencoderKLLTXVideo(**spec.config).eval()
    generator = torch.Generator().manual_seed(spec.seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            if name.endswith("timestep_scale_multiplier"):
                continue
            if "norm3.weight" in name:
                parameter.copy_(1 + 0.3 * noise)
            elif "scale_shift_table" in name or "per_channel_scale" in name:
                parameter.copy_(0.4 * noise)
            elif parameter.ndim == 1:
                parameter.copy_(0.15 * noise)
            else:
                gain = 0.5 if "time_embedder" in name else 1.3
                parameter.copy_(noise * gain / parameter[0].numel() ** 0.5)
        model.latents_mean.copy_(0.2 * torch.randn(model.latents_mean.shape, generator=generator))
        model.latents_std.copy_(1 + 0.2 * torch.rand(model.latents_std.shape, generator=generator))
    return model.to(spec.dtype).float()  # the values that will be stored


@contextmanager
def recorded_noise(model: AutoencoderKLLTXVideo, seed: int) -> Iterator[dict[str, Tensor]]:
    """Every field of noise a residual block draws, [H, W], by the parameter that scales it; the same for the same seed."""
    drawn: dict[str, Tensor] = {}
    generator = torch.Generator().manual_seed(seed)
    current: list[str] = []
    hooks = [module.register_forward_pre_hook(lambda _module, _inputs, name=name: current.append(name))
             for name, module in model.named_modules() if isinstance(module, LTXVideoResnetBlock3d)]
    plain = torch.randn

    def draw(shape: torch.Size, **_others: object) -> Tensor:
        first = f"{current[-1]}.per_channel_scale1"
        name = f"{current[-1]}.per_channel_scale2" if first in drawn else first
        drawn[name] = plain(shape, generator=generator)
        return drawn[name]

    try:
        with mock.patch("torch.randn", draw):
            yield drawn
    finally:
        for hook in hooks:
            hook.remove()


def make_inputs(spec: Spec, model: AutoencoderKLLTXVideo) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(100 + spec.seed)
    frames, height, width = spec.latent
    if spec.call == "encode":
        space, time = model.spatial_compression_ratio, model.temporal_compression_ratio
        size = (spec.batch, 3, (frames - 1) * time + 1, height * space, width * space)
        return {"x": torch.rand(size, generator=generator) * 2 - 1}
    inputs = {"z": torch.randn(spec.batch, spec.config["latent_channels"], frames, height, width, generator=generator)}
    if spec.config.get("timestep_conditioning"):
        inputs["temb"] = torch.tensor([0.05, 0.31])[:spec.batch]
    return inputs


def run(spec: Spec, model: AutoencoderKLLTXVideo, inputs: dict[str, Tensor]) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """The outputs, and the noise that went in."""
    with recorded_noise(model, 300 + spec.seed) as noise:
        if spec.call == "decode":
            return {"sample": model.decode(**inputs).sample}, noise
        posterior = model.encode(**inputs).latent_dist
        return {"mean": posterior.mean, "logvar": posterior.logvar}, noise


def assert_weights_matter(name: str, spec: Spec, model: AutoencoderKLLTXVideo, inputs: dict[str, Tensor]) -> None:
    whole = lambda: torch.cat([value.flatten() for value in run(spec, model, inputs)[0].values()])  # noqa: E731
    reference = whole()
    least = (float("inf"), "")
    for key, parameter in model.named_parameters():
        if not key.startswith("encoder" if spec.call == "encode" else "decoder"):
            continue
        kept = parameter.clone()
        parameter.zero_()
        change = relative_change(reference, whole())
        parameter.copy_(kept)
        convolution = parameter.ndim == 5
        if convolution:
            least = min(least, (change, key))
        limit = 10 * F16_LIMIT if convolution else 2e-3
        assert change > limit, f"{name}: {key} changes the output by only {change:.4f}"
    print(f"  {name}: no convolution changes the output by less than {least[0]:.2f} ({least[1]})")


ORIGINAL_BLOCKS = {
    "decoder.mid_block": "decoder.up_blocks.0", "decoder.up_blocks.0": "decoder.up_blocks.1",
    "decoder.up_blocks.1.upsamplers.0": "decoder.up_blocks.2", "decoder.up_blocks.1": "decoder.up_blocks.3",
    "decoder.up_blocks.2.conv_in": "decoder.up_blocks.4", "decoder.up_blocks.2.upsamplers.0": "decoder.up_blocks.5",
    "decoder.up_blocks.2": "decoder.up_blocks.6", "decoder.up_blocks.3.conv_in": "decoder.up_blocks.7",
    "decoder.up_blocks.3.upsamplers.0": "decoder.up_blocks.8", "decoder.up_blocks.3": "decoder.up_blocks.9",
    "encoder.down_blocks.0.downsamplers.0": "encoder.down_blocks.1", "encoder.down_blocks.0.conv_out": "encoder.down_blocks.2",
    "encoder.down_blocks.1.downsamplers.0": "encoder.down_blocks.4", "encoder.down_blocks.1.conv_out": "encoder.down_blocks.5",
    "encoder.down_blocks.1": "encoder.down_blocks.3", "encoder.down_blocks.2.downsamplers.0": "encoder.down_blocks.7",
    "encoder.down_blocks.2": "encoder.down_blocks.6", "encoder.down_blocks.3": "encoder.down_blocks.8",
    "encoder.mid_block": "encoder.down_blocks.9",
}
ORIGINAL_PARTS = {"resnets": "res_blocks", "conv_shortcut.conv": "conv_shortcut", "norm3": "norm3.norm"}


def original_names(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """The inverse of diffusers' convert_ltx_vae_checkpoint_to_diffusers for the first release, checked against it."""
    from diffusers.loaders.single_file_utils import convert_ltx_vae_checkpoint_to_diffusers as convert

    renamed = {}
    for key, value in weights.items():
        block = max((name for name in ORIGINAL_BLOCKS if key.startswith(name + ".")), key=len, default=None)
        key = ORIGINAL_BLOCKS[block] + key[len(block):] if block else key
        for ours, theirs in ORIGINAL_PARTS.items():
            key = key.replace(ours, theirs)
        renamed[f"vae.{key}"] = value
    back = convert(dict(renamed))
    assert all(torch.equal(back[key], value) for key, value in weights.items() if not key.startswith("latents_"))
    for statistic, name in (("mean", "mean-of-means"), ("std", "std-of-means")):
        renamed[f"vae.per_channel_statistics.{name}"] = renamed.pop(f"vae.latents_{statistic}")
    return renamed


@torch.no_grad()
def write_autoencoder_cases(out: Path) -> None:
    for name, spec in CASES.items():
        model = make_model(spec)
        inputs = make_inputs(spec, model)
        assert_weights_matter(name, spec, model, inputs)
        outputs, noise = run(spec, model, inputs)
        argument = {"x": "sample", "z": "z", "temb": "temb"}
        io = ({f"in.{argument[key]}": value for key, value in inputs.items()}
              | {f"in.noise.{key}": value for key, value in noise.items()}
              | {f"out.{key}": value for key, value in outputs.items()})
        weights = {key: value.to(spec.dtype) for key, value in model.state_dict().items()}
        write_case(out / name, reference_config(model), original_names(weights) if spec.original_keys else weights,
                   spec.call, {}, io, spec.note)
