"""The starter's transformer: diffusers' LTXVideoTransformer3DModel, with a forward made for training on CPUs.

The weights live in the diffusers module, so that names and layout are its own. `run`
computes the same function (see check_transformer.py) several times faster:
timesteps are given per latent frame, not per token, so modulation is computed once a
frame; the rotary pairs are gathered by permuting weights instead of activations; and
on CPUs what lies between the matrix products runs in cpu_kernels.cpp.

Dims: B clips, T latent frames, S latent pixels a frame, N = T * S tokens, D width,
A heads, K head size, C latent channels, L text tokens, E text width.
"""

import math

import torch
import torch.nn.functional as functional
from diffusers import LTXVideoTransformer3DModel
from torch import Tensor

import cpu_kernels
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


def rope_tables(coordinates: Tensor, heads: int, width: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Cosines and sines [N, A, K/2]."""
    base = torch.tensor([_BASE_FRAMES, _BASE_SPACE, _BASE_SPACE], dtype=torch.float32)
    position = coordinates.T / base                                              # [N, 3]
    frequencies = _THETA ** torch.linspace(0, 1, width // 6) * math.pi / 2       # [D/6]
    angles = frequencies * (position[:, :, None] * 2 - 1)                        # [N, 3, D/6]
    angles = angles.transpose(1, 2).flatten(1)                                   # [N, D/2 less what 6 leaves over]
    left = width // 2 - angles.shape[1]
    angles = torch.nn.functional.pad(angles, (left, 0))                          # diffusers: pairs left over do not turn, and come first
    angles = angles.reshape(len(position), heads, -1).to(device)                 # [N, A, K/2]
    return angles.cos(), angles.sin()


def _pair_order(heads: int, size: int) -> Tensor:
    """Channel order that turns interleaved (real, imaginary) pairs into halves, head by head."""
    inside = torch.cat([torch.arange(0, size, 2), torch.arange(1, size, 2)])
    return (torch.arange(heads)[:, None] * size + inside).reshape(-1)


class _PlainSteps:
    """What happens between the matrix products, in PyTorch's operations; cpu_kernels has the same for bf16 on CPUs."""

    @staticmethod
    def modulate(x: Tensor, scale: Tensor, shift: Tensor, eps: float) -> Tensor:
        by_frame = functional.rms_norm(x, x.shape[-1:], None, eps).unflatten(1, (scale.shape[1], -1))
        return torch.addcmul(shift[:, :, None], by_frame, 1 + scale[:, :, None]).flatten(1, 2)

    @staticmethod
    def add_gated(x: Tensor, y: Tensor, gate: Tensor) -> Tensor:
        return x + (y.unflatten(1, (gate.shape[1], -1)) * gate[:, :, None]).flatten(1, 2)

    @staticmethod
    def norm_rotate(x: Tensor, gain: Tensor, turn: tuple[Tensor, Tensor] | None, heads: int, eps: float) -> Tensor:
        x = functional.rms_norm(x, gain.shape, gain.to(x.dtype), eps).unflatten(2, (heads, -1))  # [B, N, A, K]
        if turn is not None:
            cos, sin = (part.to(x.dtype) for part in turn)
            real, imaginary = x.chunk(2, dim=-1)
            x = torch.cat([real * cos - imaginary * sin, imaginary * cos + real * sin], dim=-1)
        return x.transpose(1, 2)

    @staticmethod
    def attention(q: Tensor, k: Tensor, v: Tensor, bias: Tensor | None) -> Tensor:
        return functional.scaled_dot_product_attention(q, k, v, None if bias is None else bias.to(q.dtype)[:, None, None])

    @staticmethod
    def gelu(x: Tensor) -> Tensor:
        return functional.gelu(x, approximate="tanh")


def _attention(steps, attention, x: Tensor, context: Tensor, turn: tuple[Tensor, Tensor] | None, bias: Tensor | None) -> Tensor:
    """x [B, N, D], context [B, M, D], bias [B, M] -> [B, N, D]."""
    dtype, heads, eps = x.dtype, attention.heads, attention.norm_q.eps
    query, key = attention.to_q, attention.to_k
    parts = [query.weight, query.bias, attention.norm_q.weight, key.weight, key.bias, attention.norm_k.weight]
    if turn is not None:
        order = _pair_order(heads, x.shape[-1] // heads)
        parts = [part[order] for part in parts]
    q_weight, q_bias, q_gain, k_weight, k_bias, k_gain = parts
    q = steps.norm_rotate(functional.linear(x, q_weight.to(dtype), q_bias.to(dtype)), q_gain, turn, heads, eps)
    k = steps.norm_rotate(functional.linear(context, k_weight.to(dtype), k_bias.to(dtype)), k_gain, turn, heads, eps)
    v = _linear(attention.to_v, context).unflatten(2, (heads, -1)).transpose(1, 2)               # [B, A, M, K]
    y = steps.attention(q, k, v, bias)
    return _linear(attention.to_out[0], y.transpose(1, 2).flatten(2))                            # [B, N, D]


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
    steps = cpu_kernels if dtype == torch.bfloat16 and not latents.is_cuda else _PlainSteps
    turn = rope_tables(coordinates, model.config.num_attention_heads, model.config.cross_attention_dim, latents.device)
    bias = (1 - text_mask.float()) * -10000.0                                    # [B, L]

    embedder = model.time_embed.emb.timestep_embedder
    time = _linear(embedder.linear_2, functional.silu(_linear(embedder.linear_1, _timestep_features(sigma).to(dtype))))
    modulation = _linear(model.time_embed.linear, functional.silu(time))         # [B, T, 6D]
    modulation = modulation.view(batch, frames, 6, -1)
    projection = model.caption_projection
    context = _linear(projection.linear_2, steps.gelu(_linear(projection.linear_1, text.to(dtype))))

    x = _linear(model.proj_in, latents.to(dtype)).flatten(1, 2)                  # [B, N, D]
    for block in model.transformer_blocks:
        table = block.scale_shift_table.to(dtype) + modulation
        shift_a, scale_a, gate_a, shift_f, scale_f, gate_f = table.unbind(2)     # [B, T, D]
        y = steps.modulate(x, scale_a, shift_a, 1e-6)
        x = steps.add_gated(x, _attention(steps, block.attn1, y, y, turn, None), gate_a)
        x = x + _attention(steps, block.attn2, x, context, None, bias)
        y = steps.modulate(x, scale_f, shift_f, 1e-6)
        x = steps.add_gated(x, _linear(block.ff.net[2], steps.gelu(_linear(block.ff.net[0].proj, y))), gate_f)
    shift, scale = (model.scale_shift_table.to(dtype) + time[:, :, None])[:, :, :, None].unbind(2)
    x = functional.layer_norm(x, x.shape[-1:], eps=1e-6).view(batch, frames, pixels, -1) * (1 + scale) + shift
    return _linear(model.proj_out, x)                                            # [B, T, S, C]
