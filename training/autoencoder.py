"""KinoraAutoencoder: 16x16 pixels by 4 frames become one latent pixel of 64 channels.

Both directions are a linear map (fitted by PCA, so a fresh model already
reconstructs well) plus a convolutional branch that adds what a linear map cannot.
Everything above the latent resolution works frame by frame, so that a decoder
can stream: only the 1/16 level looks back, and by one latent frame.

Dims used in the shape comments
    B  clips             F  pixel frames (4k + 1)      H, W  pixels
    T  latent frames (k + 1)                            h, w  latent pixels (H/16, W/16)
    Z  latent channels   C  feature channels
Inside the network time is folded into the batch: N = B * T.
"""

import json
from pathlib import Path

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

DEFAULT_CONFIG = {
    "_class_name": "KinoraAutoencoder",
    "latent_channels": 64,
    "patch_size": 16,
    "patch_size_t": 4,
    "stem_patch": 4,
    "channels": [48, 96, 128],
    "blocks": [2, 2, 3],
    "eps": 1e-6,
    "latents_mean": [0.0] * 64,
    "latents_std": [1.0] * 64,
}


def patchify(video: Tensor, time: int, patch: int) -> Tensor:
    """[B, 3, time*T, H, W] -> [B*T, 3*time*patch*patch, H/patch, W/patch], channel order (c, t, y, x)."""
    batch, colours, frames, height, width = video.shape
    x = video.reshape(batch, colours, frames // time, time, height // patch, patch, width // patch, patch)
    x = x.permute(0, 2, 1, 3, 5, 7, 4, 6)  # B, T, c, t, y, x, H/p, W/p
    return x.reshape(-1, colours * time * patch * patch, height // patch, width // patch)


def unpatchify(patches: Tensor, batch: int, time: int, patch: int) -> Tensor:
    """Inverse of patchify."""
    n, channels, rows, columns = patches.shape
    colours = channels // (time * patch * patch)
    x = patches.reshape(batch, n // batch, colours, time, patch, patch, rows, columns)
    x = x.permute(0, 2, 1, 3, 6, 4, 7, 5)  # B, c, T, t, rows, y, columns, x
    return x.reshape(batch, colours, n // batch * time, rows * patch, columns * patch)


def pad_first_frame(video: Tensor, time: int) -> Tensor:
    """Repeat frame 0 so that 4k + 1 frames fill whole groups of 4: [B, 3, F, H, W] -> [B, 3, F+3, H, W]."""
    return torch.cat([video[:, :, :1]] * (time - 1) + [video], dim=2)


class ChannelRMSNorm(nn.Module):
    """x / rms over channels, times a learned gain."""

    def __init__(self, channels: int, eps: float):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        scale = torch.rsqrt(x.float().square().mean(dim=1, keepdim=True) + self.eps)
        return (x * scale).to(x.dtype) * self.weight.to(x.dtype).view(1, -1, 1, 1)


class CausalConv(nn.Module):
    """Kernel (2, 3, 3) over latent frames f-1 and f; the frame before the first is the first.

    Stored as a 3-D kernel [O, I, 2, 3, 3], run as a 2-D convolution over the
    concatenated channels of both frames, which is faster on CPUs.
    """

    def __init__(self, inputs: int, outputs: int):
        super().__init__()
        reference = nn.Conv2d(2 * inputs, outputs, 3, padding=1)
        weight = reference.weight.detach()  # [O, 2I, 3, 3]
        self.weight = nn.Parameter(torch.stack(weight.chunk(2, dim=1), dim=2))  # [O, I, 2, 3, 3]
        self.bias = nn.Parameter(reference.bias.detach().clone())

    def forward(self, x: Tensor, batch: int) -> Tensor:
        frames = x.reshape(batch, -1, *x.shape[1:])                         # [B, T, C, h, w]
        before = torch.cat([frames[:, :1], frames[:, :-1]], dim=1)
        both = torch.cat([before, frames], dim=2).reshape(-1, 2 * x.shape[1], *x.shape[2:])
        weight = torch.cat([self.weight[:, :, 0], self.weight[:, :, 1]], dim=1)
        return functional.conv2d(both, weight, self.bias, padding=1)        # [N, O, h, w]


class FrameConv(nn.Conv2d):
    """A 3x3 convolution inside one latent frame, with CausalConv's signature."""

    def __init__(self, inputs: int, outputs: int):
        super().__init__(inputs, outputs, 3, padding=1)

    def forward(self, x: Tensor, batch: int) -> Tensor:
        return super().forward(x)


class ResidualBlock(nn.Module):
    """x + conv2(silu(norm2(conv1(silu(norm1(x)))))); conv1 is causal in time at the 1/16 level."""

    def __init__(self, channels: int, eps: float, causal: bool):
        super().__init__()
        self.norm1 = ChannelRMSNorm(channels, eps)
        self.conv1 = (CausalConv if causal else FrameConv)(channels, channels)
        self.norm2 = ChannelRMSNorm(channels, eps)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)
        with torch.no_grad():  # start near the identity
            self.conv2.weight.mul_(0.3)
            self.conv2.bias.zero_()

    def forward(self, x: Tensor, batch: int) -> Tensor:
        y = self.conv1(functional.silu(self.norm1(x)), batch)
        return x + self.conv2(functional.silu(self.norm2(y)))


def make_stage(channels: int, count: int, eps: float, causal: bool) -> nn.ModuleList:
    return nn.ModuleList([ResidualBlock(channels, eps, causal) for _ in range(count)])


class Encoder(nn.Module):
    def __init__(self, config: dict):
        super().__init__()
        low, mid, high = config["channels"]
        blocks, eps, z = config["blocks"], config["eps"], config["latent_channels"]
        self.time, self.patch, self.stem = config["patch_size_t"], config["patch_size"], config["stem_patch"]
        self.conv_in = nn.Conv2d(3 * self.time * self.stem**2, low, 3, padding=1)
        self.stages = nn.ModuleList([
            make_stage(low, blocks[0], eps, causal=False),
            make_stage(mid, blocks[1], eps, causal=False),
            make_stage(high, blocks[2], eps, causal=True),
        ])
        self.downs = nn.ModuleList([nn.Conv2d(4 * low, mid, 1), nn.Conv2d(4 * mid, high, 1)])
        self.norm_out = ChannelRMSNorm(high, eps)
        self.conv_out = nn.Conv2d(high, z, 1)
        self.skip = nn.Conv2d(3 * self.time * self.patch**2, z, 1)
        nn.init.zeros_(self.conv_out.weight)
        nn.init.zeros_(self.conv_out.bias)

    def convolve(self, video: Tensor) -> Tensor:
        batch = video.shape[0]
        x = self.conv_in(patchify(video, self.time, self.stem))             # [N, c0, H/4, W/4]
        for level, stage in enumerate(self.stages):
            for block in stage:
                x = block(x, batch)
            if level < 2:
                x = self.downs[level](functional.pixel_unshuffle(x, 2))     # [N, c(level+1), /2, /2]
        return self.conv_out(functional.silu(self.norm_out(x)))             # [N, Z, h, w]

    def forward(self, video: Tensor, linear_only: bool = False) -> Tensor:
        padded = pad_first_frame(video, self.time)                          # [B, 3, 4T, H, W]
        z = self.skip(patchify(padded, self.time, self.patch))              # [N, Z, h, w]
        if not linear_only:
            z = z + self.convolve(padded)
        return z.reshape(video.shape[0], -1, *z.shape[1:]).transpose(1, 2)  # [B, Z, T, h, w]


class Decoder(nn.Module):
    def __init__(self, config: dict):
        super().__init__()
        low, mid, high = config["channels"]
        blocks, eps, z = config["blocks"], config["eps"], config["latent_channels"]
        self.time, self.patch, self.stem = config["patch_size_t"], config["patch_size"], config["stem_patch"]
        self.conv_in = CausalConv(z, high)
        self.stages = nn.ModuleList([
            make_stage(high, blocks[2], eps, causal=True),
            make_stage(mid, blocks[1], eps, causal=False),
            make_stage(low, blocks[0], eps, causal=False),
        ])
        self.ups = nn.ModuleList([nn.Conv2d(high, 4 * mid, 1), nn.Conv2d(mid, 4 * low, 1)])
        self.norm_out = ChannelRMSNorm(low, eps)
        self.conv_out = nn.Conv2d(low, 3 * self.time * self.stem**2, 3, padding=1)
        self.skip = nn.Conv2d(z, 3 * self.time * self.patch**2, 1)
        nn.init.zeros_(self.conv_out.weight)
        nn.init.zeros_(self.conv_out.bias)

    def forward(self, z: Tensor, linear_only: bool = False) -> Tensor:
        batch = z.shape[0]
        z = z.transpose(1, 2).flatten(0, 1)                                 # [N, Z, h, w]
        video = unpatchify(self.skip(z), batch, self.time, self.patch)      # [B, 3, 4T, H, W]
        if not linear_only:
            x = self.conv_in(z, batch)                                      # [N, c2, h, w]
            for level, stage in enumerate(self.stages):
                for block in stage:
                    x = block(x, batch)
                if level < 2:
                    x = functional.pixel_shuffle(self.ups[level](x), 2)
            x = self.conv_out(functional.silu(self.norm_out(x)))            # [N, 192, H/4, W/4]
            video = video + unpatchify(x, batch, self.time, self.stem)
        return video[:, :, self.time - 1:]                                  # [B, 3, F, H, W], not clamped


class KinoraAutoencoder(nn.Module):
    """encode: pixels in [-1, 1] to raw latents; decode: raw latents to pixels in [-1, 1]."""

    def __init__(self, config: dict = DEFAULT_CONFIG):
        super().__init__()
        self.config = dict(config)
        self.encoder = Encoder(config)
        self.decoder = Decoder(config)

    def encode(self, video: Tensor) -> Tensor:
        return self.encoder(video)

    def decode(self, z: Tensor) -> Tensor:
        return self.decoder(z).clamp(-1, 1)

    def normalize(self, z: Tensor) -> Tensor:
        """Raw latents to what the transformer sees: [B, Z, T, h, w]."""
        return (z - self._channel_constant("latents_mean", z)) / self._channel_constant("latents_std", z)

    def denormalize(self, z: Tensor) -> Tensor:
        return z * self._channel_constant("latents_std", z) + self._channel_constant("latents_mean", z)

    def _channel_constant(self, name: str, like: Tensor) -> Tensor:
        return torch.tensor(self.config[name], dtype=like.dtype, device=like.device).view(1, -1, 1, 1, 1)

    def save(self, path: Path) -> None:
        torch.save({"config": self.config, "weights": self.state_dict()}, path)

    @classmethod
    def load(cls, path: Path) -> "KinoraAutoencoder":
        stored = torch.load(path, map_location="cpu")
        model = cls(stored["config"])
        model.load_state_dict(stored["weights"])
        return model

    def config_json(self) -> str:
        return json.dumps(self.config, indent=2) + "\n"
