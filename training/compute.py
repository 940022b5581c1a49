"""Which precision is fast here."""

import torch


def has_fast_bfloat16(device: str | torch.device) -> bool:
    """GPUs have it, and CPUs with AVX-512's or AMX's bf16 products. Elsewhere a bf16 product takes fifty times an f32 one's time."""
    return torch.device(device).type != "cpu" or torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()


def autocast(device: str | torch.device) -> torch.autocast:
    """bf16 where that is fast, else f32."""
    return torch.autocast(torch.device(device).type, torch.bfloat16, enabled=has_fast_bfloat16(device))


def compute_dtype(device: str | torch.device, bfloat16: bool | None = None) -> torch.dtype:
    """`bfloat16`: what was asked for, if anything was."""
    return torch.bfloat16 if (has_fast_bfloat16(device) if bfloat16 is None else bfloat16) else torch.float32
