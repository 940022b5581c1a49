"""Fit the autoencoder of the starter.

    python training/train_autoencoder.py pca     --work DIR
    python training/train_autoencoder.py decoder --work DIR --minutes 15

`pca` fits both linear skips in about a minute and freezes the encoder: latents can be
cached and the transformer trained from then on. `decoder` trains the decoder's
convolutions for those latents, and may run beside the transformer's training; it
resumes from its last checkpoint.
"""

import argparse
import math
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as functional
from torch import Tensor

from autoencoder import DEFAULT_CONFIG, KinoraAutoencoder, pad_first_frame, patchify
from contact_sheet import save_sheet
from optimizer import MuonAdam
from world.attributes import sample_scene
from world.render import render

PCA_CLIPS = 500
# Latents keep part of their natural spread: sigma^0.4 instead of whitening (0) or raw (1).
# Coarse channels then stand out of the noise first, and fine ones cannot rule the loss.
SPREAD = 0.4
LATENT_NOISE = 0.3  # largest standard deviation, in the transformer's units
HELD_OUT_SEED = 1_000_003


def to_tensor(pixels: np.ndarray) -> Tensor:
    """u8 [..., F, H, W, 3] -> f32 [..., 3, F, H, W] in [-1, 1]."""
    return torch.from_numpy(pixels).movedim(-1, -4).float() / 127.5 - 1


def to_pixels(video: Tensor) -> np.ndarray:
    """f32 [3, F, H, W] in [-1, 1] -> u8 [F, H, W, 3]."""
    return ((video.clamp(-1, 1) + 1) * 127.5).round().byte().permute(1, 2, 3, 0).numpy()


def psnr(error: Tensor) -> float:
    return 10 * math.log10(4 / max(error.square().mean().item(), 1e-12))


def held_out_clips(count: int, size: int = 128, frames: int = 17) -> Tensor:
    rng = np.random.default_rng(HELD_OUT_SEED)
    return torch.stack([to_tensor(render(sample_scene(rng), rng, size, size, frames)[0]) for _ in range(count)])


@torch.no_grad()
def fit_pca(seed: int = 1) -> KinoraAutoencoder:
    """Both skips from the principal components of weighted 4x16x16 blocks.

    Blocks that show a subject count more: they are few, and what viewers look at.
    """
    rng = np.random.default_rng(seed)
    width = 3 * 4 * 16 * 16
    total = torch.zeros(width, dtype=torch.float64)
    products = torch.zeros(width, width)
    weight_sum = 0.0
    for index in range(PCA_CLIPS):
        frames = int(rng.choice([9, 17]))
        pixels, mask = render(sample_scene(rng), rng, 128, 128, frames)
        blocks = patchify(pad_first_frame(to_tensor(pixels)[None], 4), 4, 16)      # [N, 3072, 8, 8]
        blocks = blocks.permute(0, 2, 3, 1).reshape(-1, width)
        seen = torch.from_numpy(mask)[None, None].float() / 255
        seen = patchify(pad_first_frame(seen, 4), 4, 16).mean(dim=1).reshape(-1)   # [N*64]
        weight = 1 + 4 * (seen > 0.02).float()
        total += (blocks * weight[:, None]).sum(dim=0).double()
        products.addmm_((blocks * weight[:, None]).T, blocks)
        weight_sum += weight.sum().item()
    mean = (total / weight_sum).float()
    covariance = products / weight_sum - torch.outer(mean, mean)
    values, vectors = torch.linalg.eigh(covariance)
    channels = DEFAULT_CONFIG["latent_channels"]
    sigma = values.flip(0)[:channels].clamp_min(1e-8).sqrt()                       # [Z]
    basis = vectors.flip(1)[:, :channels]                                          # [3072, Z]

    # Raw z is white; latents_std gives the transformer its spread, mean square 1 over channels.
    spread = sigma**SPREAD
    spread = spread / spread.square().mean().sqrt()
    config = {**DEFAULT_CONFIG, "latents_std": [round(value, 6) for value in (1 / spread).tolist()]}
    model = KinoraAutoencoder(config)
    encoder, decoder = model.encoder.skip, model.decoder.skip
    encoder.weight.copy_((basis / sigma).T[:, :, None, None])
    encoder.bias.copy_(-(mean @ basis) / sigma)
    decoder.weight.copy_((basis * sigma)[:, :, None, None])
    decoder.bias.copy_(mean)
    print("kept variance", (values.flip(0)[:channels].sum() / values.sum()).item(),
          "sigma first/last", sigma[0].item(), sigma[-1].item(), "spread", spread[0].item(), spread[-1].item())
    return model


class ClipPool:
    """Rendered clips, of which a few are replaced each step: fresh enough, and cheap."""

    def __init__(self, seed: int, size: int = 160):
        self.rng = np.random.default_rng(seed)
        self.size = size
        self.clips: list[tuple[np.ndarray, np.ndarray]] = []

    def _render(self):
        frames = int(self.rng.choice([5, 9]))
        width, height = ((128, 128), (128, 128), (176, 96), (96, 176))[self.rng.integers(4)]
        pixels, mask = render(sample_scene(self.rng), self.rng, width, height, 9)
        return pixels[:frames] if frames == 9 else pixels, mask

    def batch(self, count: int, fresh: int, crop: int) -> tuple[Tensor, Tensor]:
        """video [B, 3, 9, crop, crop] and mask [B, 1, 9, crop, crop]."""
        while len(self.clips) < self.size:
            self.clips.append(self._render())
        for _ in range(fresh):
            self.clips[self.rng.integers(self.size)] = self._render()
        videos, masks = [], []
        for _ in range(count):
            pixels, mask = self.clips[self.rng.integers(self.size)]
            top = 16 * self.rng.integers((pixels.shape[1] - crop) // 16 + 1)
            left = 16 * self.rng.integers((pixels.shape[2] - crop) // 16 + 1)
            videos.append(pixels[:, top:top + crop, left:left + crop])
            masks.append(mask[:, top:top + crop, left:left + crop])
        return to_tensor(np.stack(videos)), torch.from_numpy(np.stack(masks))[:, None].float() / 255


def reconstruction_loss(output: Tensor, target: Tensor, mask: Tensor) -> Tensor:
    """L1 plus L1 of gradients in space and time, more where the subject is and where pixels move."""
    moving = (target[:, :, 1:] - target[:, :, :-1]).abs().mean(dim=1, keepdim=True)
    moving = functional.pad(moving, (0, 0, 0, 0, 1, 0))
    weight = 1 + 3 * mask + 3 * (moving > 0.04).float()                            # [B, 1, F, H, W]
    error = output - target
    across = (error[..., 1:] - error[..., :-1]).abs() * weight[..., 1:]
    down = (error[..., 1:, :] - error[..., :-1, :]).abs() * weight[..., 1:, :]
    onward = (error[:, :, 1:] - error[:, :, :-1]).abs() * weight[:, :, 1:]
    return (error.abs() * weight).mean() + 0.5 * (across.mean() + down.mean()) + 0.25 * onward.mean()


@torch.no_grad()
def evaluate_decoder(model: KinoraAutoencoder, held_out: Tensor, noise: float = 0.0) -> tuple[float, float]:
    """(PSNR of the linear skip alone, PSNR of the whole decoder), both on held-out clips."""
    linear, full = [], []
    generator = torch.Generator().manual_seed(0)
    for clip in held_out.split(4):
        z = model.normalize(model.encoder(clip, linear_only=True))
        z = model.denormalize(z + noise * torch.randn(z.shape, generator=generator))
        linear.append(model.decoder(z, linear_only=True).clamp(-1, 1) - clip)
        full.append(model.decode(z) - clip)
    return psnr(torch.cat(linear)), psnr(torch.cat(full))


def train_decoder(work: Path, minutes: float, batch_size: int, learning_rate: float) -> None:
    path, state_path = work / "autoencoder.pt", work / "decoder_training.pt"
    model = KinoraAutoencoder.load(path)
    model.encoder.requires_grad_(False)
    # The fitted skip stays: it is optimal already, and trained on noisy latents it would drift.
    model.decoder.skip.requires_grad_(False)
    matrices = [p for n, p in model.decoder.named_parameters() if p.ndim >= 4 and n.startswith(("stages", "ups"))]
    matrix_ids = {id(parameter) for parameter in matrices}
    others = [p for p in model.decoder.parameters() if p.requires_grad and id(p) not in matrix_ids]
    optimizer = MuonAdam(matrices, [(others, 1.0)], muon_rate=learning_rate, adam_rate=learning_rate * 0.5)
    step, seen = 0, 0
    if state_path.exists():
        state = torch.load(state_path, map_location="cpu")
        optimizer.load_state_dict(state["optimizer"])
        step, seen = state["step"], state["seen"]
    pool = ClipPool(seed=77 + step)
    held_out = held_out_clips(24)
    print("held-out PSNR, linear and full:", evaluate_decoder(model, held_out), flush=True)

    def save() -> None:
        model.save(work / "autoencoder.tmp")
        (work / "autoencoder.tmp").rename(path)
        torch.save({"optimizer": optimizer.state_dict(), "step": step, "seen": seen}, state_path)

    started = last = time.time()
    losses = []
    while (elapsed := time.time() - started) < minutes * 60:
        left = 1 - elapsed / (minutes * 60)
        optimizer.set_scale(min(1, (step + 1) / 50) * min(1, max(0.03, left / 0.5)))
        video, mask = pool.batch(batch_size, fresh=2, crop=64)
        with torch.no_grad():
            z = model.encoder(video, linear_only=True)
            # The transformer's latents are never exact: neighbouring blocks disagree a little,
            # and the decoder learns to reconcile them.
            noise = torch.randn_like(z) * LATENT_NOISE * torch.rand(len(z), 1, 1, 1, 1)
            z = model.denormalize(model.normalize(z) + noise)
        with torch.autocast("cpu", torch.bfloat16):
            output = model.decoder(z)
        loss = reconstruction_loss(output.float(), video, mask)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        step, seen = step + 1, seen + batch_size
        losses.append(loss.item())
        if time.time() - last > 60:
            clean, noisy = (evaluate_decoder(model, held_out[:4], noise) for noise in (0.0, 0.2))
            print(f"{elapsed:.0f}s step {step} crops {seen} loss {np.mean(losses):.4f} psnr {clean[0]:.2f} -> {clean[1]:.2f}, "
                  f"of noisy latents {noisy[0]:.2f} -> {noisy[1]:.2f}", flush=True)
            losses, last = [], time.time()
            save()
    save()
    linear, full = evaluate_decoder(model, held_out)
    print(f"held-out PSNR: linear {linear:.2f} dB, full {full:.2f} dB after {seen} crops", flush=True)
    write_sheet(model, held_out[:8], work / "autoencoder.png")


@torch.no_grad()
def write_sheet(model: KinoraAutoencoder, clips: Tensor, path: Path) -> None:
    """Each clip above its reconstruction."""
    rows, captions = [], []
    for clip in clips:
        z = model.encoder(clip[None], linear_only=True)
        rows += [to_pixels(clip), to_pixels(model.decode(z)[0])]
        captions += ["rendered", "reconstructed"]
    save_sheet(rows, captions, path, columns=2, frames_shown=4)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("stage", choices=["pca", "decoder"])
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=15)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--rate", type=float, default=3e-3)
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    if options.stage == "pca":
        model = fit_pca()
        model.save(options.work / "autoencoder.pt")
        print("held-out PSNR of the linear skip:", evaluate_decoder(model, held_out_clips(24))[0])
        write_sheet(model, held_out_clips(8), options.work / "pca.png")
    else:
        train_decoder(options.work, options.minutes, options.batch, options.rate)


if __name__ == "__main__":
    main()
