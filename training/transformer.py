"""The starter's transformer: diffusers' LTXVideoTransformer3DModel, with a forward made for training on CPUs.

The weights live in the diffusers module, so that names and layout are its own. `run`
computes the same function (see check_transformer.py) two to three times faster:
timesteps are given per latent frame, not per token, so modulation is computed once a
frame; and the rotary pairs are gathered by permuting weights instead of activations.

Dims: B clips, T latent frames, S latent pixels a frame, N = T * S tokens, D width,
A heads, K head size, C latent channels, L text tokens, E text width.
"""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as functional
from diffusers import LTXVideoTransformer3DModel
from torch import Tensor

from text_encoder import SIZES


def make_config(heads: int, head_size: int, layers: int, text_width: int) -> dict:
    return dict(
        in_channels=64, out_channels=64, patch_size=1, patch_size_t=1,
        num_attention_heads=heads, attention_head_dim=head_size, cross_attention_dim=heads * head_size, num_layers=layers,
        activation_fn="gelu-approximate", qk_norm="rms_norm_across_heads",
        norm_elementwise_affine=False, norm_eps=1e-6, caption_channels=text_width,
        attention_bias=True, attention_out_bias=True,
    )


# World name -> the transformer that learns it: 3.9 M parameters for CPUs, 9 M for a GPU.
CONFIGS = {
    "core": make_config(heads=4, head_size=48, layers=6, text_width=SIZES["core"][0]),
    "wide": make_config(heads=4, head_size=64, layers=8, text_width=SIZES["wide"][0]),
}

# Coordinate of a token = latent index * scale, on each axis, the same for every size.
# diffusers divides by 20 (time) and 2048 (space): one latent pixel is then 0.002 of the
# rotary range, which puts the frequencies of the second and third head to use as
# positions and leaves the first head's nearly free of position.
TIME_SCALE = 0.02
SPACE_SCALE = 2.0
_BASE_FRAMES, _BASE_SPACE, _THETA = 20, 2048, 10000.0


def make_transformer(world: str) -> LTXVideoTransformer3DModel:
    model = LTXVideoTransformer3DModel(**CONFIGS[world])
    with torch.no_grad():
        for block in model.transformer_blocks:
            # Open gates and small outputs: every layer takes part from the first step.
            block.scale_shift_table.mul_(0.3)
            block.scale_shift_table[2] += 0.5
            block.scale_shift_table[5] += 0.5
            for layer in (block.attn1.to_out[0], block.attn2.to_out[0], block.ff.net[2]):
                layer.weight.mul_(0.4)
                layer.bias.zero_()
        model.time_embed.linear.weight.mul_(0.1)
        model.time_embed.linear.bias.zero_()
        model.proj_out.weight.mul_(0.05)
        model.proj_out.bias.zero_()
    return model


def token_coordinates(times: list[float] | int, height: int, width: int) -> Tensor:
    """[3, N] coordinates (time, y, x) in token order (f, h, w), as diffusers' `video_coords` expects.

    times: that of each latent frame (see known_frames.py), or how many there are, one after the other.
    """
    frames = torch.arange(times).float() if isinstance(times, int) else torch.tensor(times)
    grid = torch.meshgrid(frames, torch.arange(height).float(), torch.arange(width).float(), indexing="ij")
    scale = torch.tensor([TIME_SCALE, SPACE_SCALE, SPACE_SCALE])
    return torch.stack(grid).reshape(3, -1) * scale[:, None]


@dataclass(frozen=True)
class Rope:
    cos: Tensor  # [N, A, K/2]
    sin: Tensor


def rope_tables(coordinates: Tensor, heads: int, width: int, dtype: torch.dtype, device: torch.device) -> Rope:
    base = torch.tensor([_BASE_FRAMES, _BASE_SPACE, _BASE_SPACE], dtype=torch.float32)
    position = coordinates.T / base                                              # [N, 3]
    frequencies = _THETA ** torch.linspace(0, 1, width // 6) * math.pi / 2       # [D/6]
    angles = frequencies * (position[:, :, None] * 2 - 1)                        # [N, 3, D/6]
    angles = angles.transpose(1, 2).flatten(1)                                   # [N, D/2 less what 6 leaves over]
    left = width // 2 - angles.shape[1]
    angles = torch.nn.functional.pad(angles, (left, 0))                          # diffusers: pairs left over do not turn, and come first
    angles = angles.reshape(len(position), heads, -1).to(device)                 # [N, A, K/2]
    return Rope(angles.cos().to(dtype), angles.sin().to(dtype))


def _rotate(x: Tensor, rope: Rope) -> Tensor:
    """x: [B, N, A, K], the first half of K real, the second imaginary."""
    real, imaginary = x.chunk(2, dim=-1)
    return torch.cat([real * rope.cos - imaginary * rope.sin, imaginary * rope.cos + real * rope.sin], dim=-1)


def _pair_order(heads: int, size: int) -> Tensor:
    """Channel order that turns interleaved (real, imaginary) pairs into halves, head by head."""
    inside = torch.cat([torch.arange(0, size, 2), torch.arange(1, size, 2)])
    return (torch.arange(heads)[:, None] * size + inside).reshape(-1)


def _attention(attention, x: Tensor, context: Tensor, rope: Rope | None, bias: Tensor | None) -> Tensor:
    """x [B, N, D], context [B, M, D] -> [B, N, D]."""
    dtype, heads = x.dtype, attention.heads
    query, key = attention.to_q, attention.to_k
    q_gain, k_gain = attention.norm_q.weight, attention.norm_k.weight
    parts = [query.weight, query.bias, q_gain, key.weight, key.bias, k_gain]
    if rope is not None:
        order = _pair_order(heads, x.shape[-1] // heads)
        parts = [part[order] for part in parts]
    q_weight, q_bias, q_gain, k_weight, k_bias, k_gain = (part.to(dtype) for part in parts)
    eps = attention.norm_q.eps
    q = functional.rms_norm(functional.linear(x, q_weight, q_bias), q_gain.shape, q_gain, eps)
    k = functional.rms_norm(functional.linear(context, k_weight, k_bias), k_gain.shape, k_gain, eps)
    v = functional.linear(context, attention.to_v.weight.to(dtype), attention.to_v.bias.to(dtype))
    q, k, v = (part.unflatten(2, (heads, -1)) for part in (q, k, v))             # [B, ·, A, K]
    if rope is not None:
        q, k = _rotate(q, rope), _rotate(k, rope)
    q, k, v = (part.transpose(1, 2) for part in (q, k, v))                       # [B, A, ·, K]
    if x.is_cuda:
        y = functional.scaled_dot_product_attention(q, k, v, bias)
    else:  # written out: PyTorch's fused attention has a slow backward on CPUs at these sizes
        scores = (q * q.shape[-1] ** -0.5) @ k.transpose(-1, -2)                 # [B, A, N, M]
        y = (scores if bias is None else scores + bias).softmax(dim=-1) @ v
    return _linear(attention.to_out[0], y.transpose(1, 2).flatten(2))            # [B, N, D]


def _linear(layer, x: Tensor) -> Tensor:
    return functional.linear(x, layer.weight.to(x.dtype), layer.bias.to(x.dtype))


def _timestep_features(sigma: Tensor) -> Tensor:
    """sigma [B, T] -> [B, T, 256]: cosines then sines of sigma * 1000 * 10000^(-i/128)."""
    rates = torch.exp(-math.log(10000) * torch.arange(128, dtype=torch.float32, device=sigma.device) / 128)
    angles = sigma[..., None].float() * 1000 * rates
    return torch.cat([angles.cos(), angles.sin()], dim=-1)


def run(model: LTXVideoTransformer3DModel, latents: Tensor, sigma: Tensor, text: Tensor,
        text_mask: Tensor, coordinates: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
    """latents [B, T, S, C], sigma [B, T] (1 is noise), text [B, L, E], text_mask [B, L] -> velocity [B, T, S, C]."""
    batch, frames, pixels, _ = latents.shape
    heads = model.config.num_attention_heads
    rope = rope_tables(coordinates, heads, model.config.cross_attention_dim, dtype, latents.device)
    bias = ((1 - text_mask.to(dtype)) * -10000.0)[:, None, None, :]              # [B, 1, 1, L]

    embedder = model.time_embed.emb.timestep_embedder
    time = _linear(embedder.linear_2, functional.silu(_linear(embedder.linear_1, _timestep_features(sigma).to(dtype))))
    modulation = _linear(model.time_embed.linear, functional.silu(time))         # [B, T, 6D]
    modulation = modulation.view(batch, frames, 6, -1)
    projection = model.caption_projection
    context = _linear(projection.linear_2, functional.gelu(_linear(projection.linear_1, text.to(dtype)), approximate="tanh"))

    def by_frame(x: Tensor) -> Tensor:                                           # [B, N, D] -> [B, T, S, D]
        return x.view(batch, frames, pixels, -1)

    x = _linear(model.proj_in, latents.to(dtype)).flatten(1, 2)                  # [B, N, D]
    width = x.shape[-1:]
    for block in model.transformer_blocks:
        table = block.scale_shift_table.to(dtype) + modulation
        shift_a, scale_a, gate_a, shift_f, scale_f, gate_f = table[:, :, :, None].unbind(2)  # [B, T, 1, D]
        y = torch.addcmul(shift_a, by_frame(functional.rms_norm(x, width, None, 1e-6)), 1 + scale_a).flatten(1, 2)
        y = _attention(block.attn1, y, y, rope, None)
        x = torch.addcmul(by_frame(x), by_frame(y), gate_a).flatten(1, 2)
        x = x + _attention(block.attn2, x, context, None, bias)
        y = torch.addcmul(shift_f, by_frame(functional.rms_norm(x, width, None, 1e-6)), 1 + scale_f).flatten(1, 2)
        y = _linear(block.ff.net[2], functional.gelu(_linear(block.ff.net[0].proj, y), approximate="tanh"))
        x = torch.addcmul(by_frame(x), by_frame(y), gate_f).flatten(1, 2)
    shift, scale = (model.scale_shift_table.to(dtype) + time[:, :, None])[:, :, :, None].unbind(2)
    x = by_frame(functional.layer_norm(x, width, eps=1e-6)) * (1 + scale) + shift
    return _linear(model.proj_out, x)                                            # [B, T, S, C]
