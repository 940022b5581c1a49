"""Two processes that train the same weights, each at its own pace.

Each publishes the sum of all the steps that it made, and adds what the other has made since it last looked. So the
weights of both are always the common start plus the steps of both, a few steps late. Neither waits for the other; one
that stops, or goes back to an older state, takes away or adds just its own steps.
"""

from pathlib import Path

import torch
from torch import Tensor, nn


class Partner:
    def __init__(self, parameters: list[nn.Parameter], own: Path, other: Path):
        self.parameters, self.own, self.other = parameters, own, other
        self.before = self._flat()            # the weights as they were after the last exchange
        self.made = torch.zeros_like(self.before)
        self.seen = torch.zeros_like(self.before)
        self.stamp = 0.0

    def _flat(self) -> Tensor:
        return torch.cat([parameter.detach().reshape(-1) for parameter in self.parameters])

    @torch.no_grad()
    def exchange(self) -> None:
        now = self._flat()
        self.made += now - self.before
        temporary = self.own.with_suffix(".tmp")
        torch.save(self.made, temporary)
        temporary.rename(self.own)
        if self.other.exists() and (stamp := self.other.stat().st_mtime) != self.stamp:
            others, self.stamp = torch.load(self.other), stamp
            now += others - self.seen
            self.seen = others
            start = 0
            for parameter in self.parameters:
                parameter.copy_(now[start:start + parameter.numel()].view(parameter.shape))
                start += parameter.numel()
        self.before = now

    def state_dict(self) -> dict[str, Tensor]:
        """Call it right after an exchange."""
        return {"made": self.made, "seen": self.seen}

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        self.made.copy_(state["made"])
        self.seen.copy_(state["seen"])
