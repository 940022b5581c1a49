"""SharpAutoencoder: convolutions alone draw what they see; no linear map stands beside them.

Frames are looked at and drawn one by one, with the same weights, on a pyramid of 1/4, 1/8 and 1/16 of the picture.
Only the latent level (a grid of `cell` pixels, four frames a latent frame) and the first drawing stage look back in
time, each by one frame: a decoder can stream, and the first frame stands alone.

Dims used in the shape comments
    B  clips             F  pixel frames (4k + 1)      H, W  pixels
    T  latent frames (k + 1)                            h, w  latent pixels (H/cell, W/cell)
    Z  latent channels   C  feature channels
Time is folded into the batch: N = B * F for frames, M = B * T for latent frames.
"""

import json
from pathlib import Path

import torch
import torch.nn.functional as functional
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

GROUP = 4  # pixel frames of a latent frame
EPSILON = 1e-5
STEM = 4   # the finest features stand for 4x4 pixels

CONFIG = {
    "_class_name": "SharpAutoencoder",
    "latent_channels": 48,
    "cell": 16,                       # 16 or 32 pixels
    "channels": [48, 96, 160],        # of frames at 1/4, 1/8, 1/16
    "latent_width": 192,              # of latent frames
    "encoder_blocks": [1, 2, 0, 2],   # at 1/4, 1/8, 1/16, latent
    "decoder_blocks": [2, 2, 1, 2],
}


class _Normalize(torch.autograd.Function):
    """x / rms over the last dimension, in half the passes over memory that PyTorch's own takes."""

    @staticmethod
    def forward(ctx, x: Tensor) -> Tensor:
        scale = torch.linalg.vector_norm(x, dim=-1, keepdim=True).mul_(x.shape[-1] ** -0.5).add_(EPSILON).reciprocal_()
        y = x * scale
        ctx.save_for_backward(y, scale)
        return y

    @staticmethod
    def backward(ctx, grad: Tensor) -> Tensor:
        y, scale = ctx.saved_tensors
        dot = (grad * y).sum(dim=-1, keepdim=True).mul_(-1 / y.shape[-1])
        return torch.addcmul(grad, y, dot).mul_(scale)


def normalize_channels(x: Tensor) -> Tensor:
    """x / (rms over channels + EPSILON), of [N, C, h, w]."""
    return _Normalize.apply(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class CausalConv(nn.Conv2d):
    """3x3 over the frame before and this one, as channels: weight [O, 2I, 3, 3]. The frame before the first is the first."""

    def __init__(self, inputs: int, outputs: int):
        super().__init__(2 * inputs, outputs, 3, padding=1)

    def forward(self, x: Tensor, batch: int) -> Tensor:
        if len(x) == batch:  # one frame a clip: both halves of the kernel see the same
            before, now = self.weight.chunk(2, dim=1)
            return functional.conv2d(x, before + now, self.bias, padding=1)
        frames = x.unflatten(0, (batch, -1))
        before = torch.cat([frames[:, :1], frames[:, :-1]], dim=1)
        return super().forward(torch.cat([before.flatten(0, 1), x], dim=1))


class FrameConv(nn.Conv2d):
    """3x3 inside one frame, called as CausalConv is."""

    def __init__(self, inputs: int, outputs: int):
        super().__init__(inputs, outputs, 3, padding=1)

    def forward(self, x: Tensor, batch: int) -> Tensor:
        return super().forward(x)


class Block(nn.Module):
    """x + conv(silu(conv(norm(x)))), 3x3 both. A causal block's first convolution sees the frame before too."""

    def __init__(self, channels: int, causal: bool = False):
        super().__init__()
        self.conv1 = (CausalConv if causal else FrameConv)(channels, channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)
        with torch.no_grad():  # start near the identity
            self.conv2.weight.mul_(0.3)

    def forward(self, x: Tensor, batch: int) -> Tensor:
        return x + self.conv2(functional.silu(self.conv1(normalize_channels(x), batch)))


class Stage(nn.ModuleList):
    """Some blocks at one level."""

    def __init__(self, channels: int, count: int, causal: bool = False):
        super().__init__([Block(channels, causal) for _ in range(count)])

    def forward(self, x: Tensor, batch: int) -> Tensor:
        for block in self:
            x = block(x, batch)
        return x


class Encoder(nn.Module):
    def __init__(self, config: dict):
        super().__init__()
        fine, middle, coarse = config["channels"]
        width, blocks = config["latent_width"], config["encoder_blocks"]
        self.fold = config["cell"] // 16
        self.stem = nn.Conv2d(3 * STEM**2, fine, 3, padding=1)
        self.fine = Stage(fine, blocks[0])
        self.to_middle = nn.Conv2d(4 * fine, middle, 1)
        self.middle = Stage(middle, blocks[1])
        self.to_coarse = nn.Conv2d(4 * middle, coarse, 1)
        self.coarse = Stage(coarse, blocks[2])
        self.merge = nn.Conv2d(GROUP * self.fold**2 * coarse, width, 1)
        self.latent = Stage(width, blocks[3], causal=True)
        self.out = nn.Conv2d(width, config["latent_channels"], 1)

    def forward(self, video: Tensor) -> Tensor:
        """[B, 3, F, H, W] -> [B, Z, T, h, w], mean square 1 over the channels of each latent pixel."""
        batch = video.shape[0]
        x = video.transpose(1, 2).flatten(0, 1)                              # [N, 3, H, W]
        x = self.stem(functional.pixel_unshuffle(x, STEM).contiguous(memory_format=torch.channels_last))
        x = self.fine(x, batch)                                              # [N, C, H/4, W/4]
        x = self.middle(self.to_middle(functional.pixel_unshuffle(x, 2)), batch)
        x = self.coarse(self.to_coarse(functional.pixel_unshuffle(x, 2)), batch)
        if self.fold > 1:
            x = functional.pixel_unshuffle(x, self.fold)                     # [N, C, h, w]
        frames = x.unflatten(0, (batch, -1))
        frames = torch.cat([frames[:, :1]] * (GROUP - 1) + [frames], dim=1)  # [B, 4T, C, h, w]
        groups = frames.reshape(-1, GROUP * x.shape[1], *x.shape[2:])        # [M, 4C, h, w]
        x = self.latent(self.merge(groups.contiguous(memory_format=torch.channels_last)), batch)
        z = normalize_channels(self.out(normalize_channels(x)))              # [M, Z, h, w]
        return z.unflatten(0, (batch, -1)).transpose(1, 2)


class Decoder(nn.Module):
    def __init__(self, config: dict):
        super().__init__()
        fine, middle, coarse = config["channels"]
        width, blocks = config["latent_width"], config["decoder_blocks"]
        self.fold = config["cell"] // 16
        self.stem = nn.Conv2d(config["latent_channels"], width, 3, padding=1)
        self.latent = Stage(width, blocks[3], causal=True)
        self.part = nn.Conv2d(width, GROUP * self.fold**2 * coarse, 1)
        self.coarse = Stage(coarse, blocks[2], causal=True)
        self.to_middle = nn.Conv2d(coarse, 4 * middle, 1)
        self.middle = Stage(middle, blocks[1])
        self.to_fine = nn.Conv2d(middle, 4 * fine, 1)
        self.fine = Stage(fine, blocks[0])
        self.out = nn.Conv2d(fine, 3 * STEM**2, 3, padding=1)
        with torch.no_grad():  # the four frames of a group start alike, and the picture grey
            first = self.part.weight[: self.part.out_channels // GROUP]
            self.part.weight.copy_(first.repeat(GROUP, 1, 1, 1))
            self.out.weight.mul_(0.3)

    def forward(self, z: Tensor) -> Tensor:
        """[B, Z, T, h, w] -> [B, 3, F, H, W], not clamped."""
        batch = z.shape[0]
        x = z.transpose(1, 2).flatten(0, 1).contiguous(memory_format=torch.channels_last)
        x = self.latent(self.stem(x), batch)                                 # [M, C, h, w]
        x = self.part(normalize_channels(x))                                 # [M, 4C, h, w]
        frames = x.reshape(batch, -1, x.shape[1] // GROUP, *x.shape[2:])     # [B, 4T, C, h, w]
        x = frames[:, GROUP - 1:].flatten(0, 1)                              # [N, C, h, w]
        if self.fold > 1:
            x = functional.pixel_shuffle(x, self.fold)
        x = self.coarse(x.contiguous(memory_format=torch.channels_last), batch)
        x = self.middle(functional.pixel_shuffle(self.to_middle(x), 2), batch)
        x = self.fine(functional.pixel_shuffle(self.to_fine(x), 2), batch)
        x = functional.pixel_shuffle(self.out(functional.silu(x)), STEM)     # [N, 3, H, W]
        return x.unflatten(0, (batch, -1)).transpose(1, 2)


class SharpAutoencoder(nn.Module):
    """encode: pixels in [-1, 1] to latents; decode: latents to pixels in [-1, 1]."""

    def __init__(self, config: dict = CONFIG):
        super().__init__()
        self.config = dict(config)
        self.encoder = Encoder(config)
        self.decoder = Decoder(config)

    def encode(self, video: Tensor) -> Tensor:
        return self.encoder(video)

    def decode(self, z: Tensor) -> Tensor:
        return self.decoder(z).clamp(-1, 1)

    def save(self, path: Path) -> None:
        """Half floats and the configuration, in one file."""
        save_file({name: weight.half().contiguous() for name, weight in self.state_dict().items()}, path,
                  metadata={"config": json.dumps(self.config)})

    @classmethod
    def load(cls, path: Path) -> "SharpAutoencoder":
        with safe_open(path, "pt") as stored:
            model = cls(json.loads(stored.metadata()["config"]))
            model.load_state_dict({name: stored.get_tensor(name).float() for name in stored.keys()})
        return model.to(memory_format=torch.channels_last)
