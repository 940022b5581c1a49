"""Whether a clip jerks between latent frames, or shows edges between latent pixels."""

import torch
import torch.nn.functional as functional
from torch import Tensor


def step_sizes(video: Tensor) -> Tensor:
    """[B, 3, F, H, W] -> [B, F - 1, H/8, W/8]: mean absolute difference of neighbouring frames, in blocks small enough to tell
    what moves from what stands, and large enough that a moving edge stays inside."""
    return functional.avg_pool2d((video[:, :, 1:] - video[:, :, :-1]).abs().mean(dim=1), 8)


def step_excess(video: Tensor) -> Tensor:
    """By how much the steps from latent frame to latent frame (0 -> 1, 4 -> 5, ...) are larger than the steps beside them."""
    steps = step_sizes(video)
    across, after = steps[:, 0::4], steps[:, 1::4]
    before = torch.cat([after[:, :1], steps[:, 3::4][:, :across.shape[1] - 1]], dim=1)      # nothing is before frame 0
    return (across - (before + after) / 2).clamp_min(0).mean()


def edge_excess(video: Tensor) -> Tensor:
    """By how much the differences across the edges of latent pixels are larger than those beside them, along rows and columns."""
    total = video.new_zeros(())
    for turned in (video, video.transpose(-1, -2)):
        differences = functional.avg_pool2d((turned[..., 1:] - turned[..., :-1]).abs().mean(dim=1), (8, 1))   # [B, F, H/8, W - 1]
        across, before, after = differences[..., 15::16], differences[..., 14:-1:16], differences[..., 16::16]
        total = total + (across - (before + after) / 2).clamp_min(0).mean()
    return total


def first_step_ratio(video: Tensor) -> Tensor:
    """[B]: the step from frame 0 to 1 over the clip's median step."""
    steps = (video[:, :, 1:] - video[:, :, :-1]).abs().mean(dim=(1, 3, 4))
    return steps[:, 0] / steps.median(dim=1).values
