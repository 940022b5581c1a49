"""Muon for matrices, Adam for the rest: the pair that learned fastest per sample on a CPU."""

import torch
from torch import Tensor, nn

from compute import has_fast_bfloat16

COEFFICIENTS = (3.4445, -4.7750, 2.0315)
ITERATIONS = 4


def orthogonalize(gradient: Tensor) -> Tensor:
    """Newton-Schulz iteration: a matrix with the same singular vectors and singular values near 1."""
    x = gradient / (gradient.norm() + 1e-7)
    tall = x.shape[0] > x.shape[1]
    x = x.T if tall else x
    x = _iterate_small(x) if x.shape[1] >= 3 * x.shape[0] and x.dtype == torch.float32 else _iterate(x)
    return (x.T if tall else x).to(gradient.dtype)


def _iterate(x: Tensor) -> Tensor:
    a, b, c = COEFFICIENTS
    x = x.bfloat16() if has_fast_bfloat16(x.device) else x
    for _ in range(ITERATIONS):
        gram = x @ x.T
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x


def _iterate_small(x: Tensor) -> Tensor:
    """The same for a matrix much wider than high, on its small gram matrix: x is multiplied twice, not twice an iteration."""
    a, b, c = COEFFICIENTS
    gram = x @ x.T
    identity = torch.eye(len(gram), dtype=gram.dtype, device=gram.device)
    product = identity
    for iteration in range(ITERATIONS):
        factor = a * identity + b * gram + c * gram @ gram   # all of these commute
        product = factor @ product
        if iteration < ITERATIONS - 1:
            gram = factor @ gram @ factor
    return product @ x


class MuonAdam:
    """matrices: parameters for Muon (convolution kernels are flattened to [O, rest]).

    groups: (parameters, rate factor) for Adam.
    """

    def __init__(self, matrices: list[nn.Parameter], groups: list[tuple[list[nn.Parameter], float]],
                 muon_rate: float, adam_rate: float, momentum: float = 0.95, decay: float = 0.01):
        self.matrices, self.momentum, self.decay = matrices, momentum, decay
        self.muon_rate, self.adam_rate, self.scale = muon_rate, adam_rate, 1.0
        self.buffers = [torch.zeros_like(parameter) for parameter in matrices]
        self.groups = groups
        self.adam = torch.optim.Adam(
            [{"params": parameters, "factor": factor} for parameters, factor in groups], lr=adam_rate, betas=(0.9, 0.98), foreach=True)

    def parameters(self) -> list[nn.Parameter]:
        return self.matrices + [parameter for parameters, _ in self.groups for parameter in parameters]

    def set_scale(self, scale: float) -> None:
        self.scale = scale
        for group in self.adam.param_groups:
            group["lr"] = self.adam_rate * scale * group["factor"]

    def zero_grad(self) -> None:
        for parameter in self.parameters():
            parameter.grad = None

    @torch.no_grad()
    def step(self) -> float:
        """Returns the norm of the gradient before clipping to 1."""
        norm = torch.nn.utils.clip_grad_norm_(self.parameters(), 1.0, foreach=True).item()
        self.adam.step()
        rate = self.muon_rate * self.scale
        for parameter, buffer in zip(self.matrices, self.buffers):
            if parameter.grad is None:
                continue
            buffer.lerp_(parameter.grad, 1 - self.momentum)
            update = parameter.grad.lerp(buffer, self.momentum).flatten(1)
            # 0.2 sqrt(longest side) makes an update as large as Adam's, so one rate suits both.
            update = orthogonalize(update) * (0.2 * max(update.shape) ** 0.5)
            parameter.mul_(1 - rate * self.decay).add_(update.view_as(parameter), alpha=-rate)
        return norm

    def state_dict(self) -> dict:
        return {"adam": self.adam.state_dict(), "buffers": self.buffers}

    def load_state_dict(self, state: dict) -> None:
        self.adam.load_state_dict(state["adam"])
        for buffer, stored in zip(self.buffers, state["buffers"]):
            buffer.copy_(stored)
