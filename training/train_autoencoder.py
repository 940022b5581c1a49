"""Fit the autoencoder of the starter.

    python training/train_autoencoder.py pca     --work DIR --world core --size 128x128
    python training/train_autoencoder.py decoder --work DIR --world core --size 128x128 --minutes 15
    python training/train_autoencoder.py both    --work DIR --world wide --size 256x256 --minutes 6 --device cuda

`pca` fits both linear skips in about a minute. `decoder` then trains the decoder's convolutions for those latents:
the encoder is frozen, so latents can be cached and the transformer trained meanwhile. `both` trains the encoder's
convolutions too (on a GPU, before any latent is cached). Each resumes from its last checkpoint.
"""

import argparse
import math
import random
import time
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from autoencoder import DEFAULT_CONFIG, KinoraAutoencoder, pad_first_frame, patchify
from compute import autocast
from contact_sheet import save_sheet
from optimizer import MuonAdam
from world.attributes import WORLDS, World, sample_scene
from world.render import render

PCA_CLIPS = 640
# Latents keep part of their natural spread: sigma^0.4 instead of whitening (0) or raw (1).
# Coarse channels then stand out of the noise first, and fine ones cannot rule the loss.
SPREAD = 0.4
LATENT_NOISE = 0.7  # largest standard deviation, in the transformer's units
HELD_OUT_SEED = 1_000_003


def to_tensor(pixels: Tensor) -> Tensor:
    """u8 [B, F, H, W, 3] -> f32 [B, 3, F, H, W] in [-1, 1]."""
    return pixels.movedim(-1, 1).float() / 127.5 - 1


def to_pixels(video: Tensor) -> np.ndarray:
    """f32 [3, F, H, W] in [-1, 1] -> u8 [F, H, W, 3]."""
    return ((video.float().clamp(-1, 1) + 1) * 127.5).round().byte().permute(1, 2, 3, 0).cpu().numpy()


def psnr(error: Tensor) -> float:
    """Decibels for an error in units of [-1, 1] pixels."""
    return 10 * math.log10(4 / max(error.float().square().mean().item(), 1e-12))


def parse_size(size: str) -> tuple[int, int]:
    width, height = map(int, size.split("x"))
    return width, height


def render_scenes(world: World, source: random.Random, count: int, width: int, height: int, frames: int, device: str, held: bool = False):
    return render([sample_scene(world, source, held) for _ in range(count)], width, height, frames, device=device)


def held_out_clips(world: World, count: int, size: str = "128x128", frames: int = 17, device: str = "cpu") -> tuple[Tensor, Tensor]:
    """Clips with held-back combinations: [B, 3, F, H, W] and their subjects' masks [B, F, H, W]."""
    width, height = parse_size(size)
    pixels, mask = render_scenes(world, random.Random(HELD_OUT_SEED), count, width, height, frames, device, held=True)
    return to_tensor(pixels), mask


@torch.no_grad()
def fit_pca(world: World, size: str, device: str, seed: int = 1) -> KinoraAutoencoder:
    """Both skips from the principal components of weighted 4x16x16 blocks.

    Blocks that show a subject count more: they are few, and what viewers look at.
    """
    source = random.Random(seed)
    width, height = parse_size(size)
    values_a_block = 3 * 4 * 16 * 16
    total = torch.zeros(values_a_block, dtype=torch.float64, device=device)
    products = torch.zeros(values_a_block, values_a_block, device=device)
    weight_sum = 0.0
    for index in range(PCA_CLIPS // 16):
        frames = (5, 9, 17)[index % 3]
        pixels, mask = render_scenes(world, source, 16, width, height, frames, device)
        blocks = patchify(pad_first_frame(to_tensor(pixels), 4), 4, 16)            # [N, 3072, h, w]
        blocks = blocks.permute(0, 2, 3, 1).reshape(-1, values_a_block)
        seen = patchify(pad_first_frame(mask[:, None], 4), 4, 16).mean(dim=1).reshape(-1)
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
    model = KinoraAutoencoder(config).to(device)
    encoder, decoder = model.encoder.skip, model.decoder.skip
    encoder.weight.copy_((basis / sigma).T[:, :, None, None])
    encoder.bias.copy_(-(mean @ basis) / sigma)
    decoder.weight.copy_((basis * sigma)[:, :, None, None])
    decoder.bias.copy_(mean)
    kept = (values.flip(0)[:channels].sum() / values.sum()).item()
    print(f"kept variance {kept:.4f}, sigma {sigma[0].item():.2f} … {sigma[-1].item():.3f}, spread {spread[0].item():.2f} … {spread[-1].item():.3f}")
    return model


class ClipPool:
    """Rendered clips, of which some are replaced every few steps: fresh enough, and cheap."""

    def __init__(self, world: World, seed: int, size: str, device: str, clips: int):
        self.world, self.source, self.device = world, random.Random(seed), device
        short = min(parse_size(size))
        wide = (short * 4 // 3) // 16 * 16
        narrow = short * 3 // 4 // 16 * 16
        self.shapes = [(short, short), (short, short), (wide, narrow), (narrow, wide)]
        self.largest_crop = narrow
        self.batches: list[tuple[Tensor, Tensor]] = []
        self.most = max(1, clips // 8)

    def refresh(self) -> None:
        width, height = self.source.choice(self.shapes)
        pixels, mask = render_scenes(self.world, self.source, 8, width, height, 9, self.device)
        if len(self.batches) < self.most:
            self.batches.append((pixels, mask))
        else:
            self.batches[self.source.randrange(self.most)] = (pixels, mask)

    def batch(self, count: int, crop: int) -> tuple[Tensor, Tensor]:
        """video [B, 3, 9, crop, crop] and mask [B, 1, 9, crop, crop]."""
        crop = min(crop, self.largest_crop)
        videos, masks = [], []
        for _ in range(count):
            pixels, mask = self.source.choice(self.batches)
            index = self.source.randrange(len(pixels))
            top = 16 * self.source.randrange((pixels.shape[2] - crop) // 16 + 1)
            left = 16 * self.source.randrange((pixels.shape[3] - crop) // 16 + 1)
            videos.append(pixels[index, :, top:top + crop, left:left + crop])
            masks.append(mask[index, :, top:top + crop, left:left + crop])
        return to_tensor(torch.stack(videos)), torch.stack(masks)[:, None]


def reconstruction_loss(output: Tensor, target: Tensor, mask: Tensor) -> Tensor:
    """L1 plus L1 of gradients in space and time, more where the subject is and where pixels move."""
    moving = (target[:, :, 1:] - target[:, :, :-1]).abs().mean(dim=1, keepdim=True)
    moving = functional.pad(moving, (0, 0, 0, 0, 1, 0))
    weight = 1 + 3 * mask + 3 * (moving > 0.04).float()                            # [B, 1, F, H, W]
    error = output - target
    across = (error[..., 1:] - error[..., :-1]).abs() * weight[..., 1:]
    down = (error[..., 1:, :] - error[..., :-1, :]).abs() * weight[..., 1:, :]
    onward = (error[:, :, 1:] - error[:, :, :-1]).abs() * weight[:, :, 1:]
    return (error.abs() * weight).mean() + 0.5 * (across.mean() + down.mean()) + 2.0 * onward.mean()


@torch.no_grad()
def evaluate_autoencoder(model: KinoraAutoencoder, clips: Tensor, mask: Tensor, noise: float = 0.0) -> dict[str, float]:
    """Decibels on clips [B, 3, F, H, W]: the mean over clips (as is usual) of the linear skips alone and of all,
    that of all from the mean squared error of all clips together (which the hardest rule), and where subjects are."""
    generator = torch.Generator(clips.device).manual_seed(0)
    linear, full, errors, subject = [], [], [], []
    for clip, seen in zip(clips.split(1), mask.split(1)):
        z = model.normalize(model.encode(clip))
        z = model.denormalize(z + noise * torch.randn(z.shape, generator=generator, device=z.device))
        linear.append(psnr(model.decoder(z, linear_only=True).clamp(-1, 1) - clip))
        error = model.decode(z) - clip
        full.append(psnr(error))
        errors.append(error)
        subject.append(error.movedim(1, -1)[seen > 0.5])
    return {"linearDb": sum(linear) / len(linear), "fullDb": sum(full) / len(full),
            "pooledDb": psnr(torch.cat(errors)), "subjectDb": psnr(torch.cat(subject))}


@torch.no_grad()
def whiten(model: KinoraAutoencoder, pool: ClipPool) -> None:
    """Measure the trained encoder's latents anew: mean 0, and the spread of the fitted ones."""
    spread = 1 / torch.tensor(model.config["latents_std"])                         # of the PCA, whose raw latents have deviation 1
    clips, _ = pool.batch(256, 64)
    z = torch.cat([model.encode(part) for part in clips.split(32)]).transpose(0, 1).flatten(1).float().cpu()
    model.config["latents_mean"] = [round(value, 6) for value in z.mean(dim=1).tolist()]
    model.config["latents_std"] = [round(value, 6) for value in (z.std(dim=1) / spread).tolist()]


def choose_parameters(model: KinoraAutoencoder, encoder: bool) -> tuple[list[nn.Parameter], list[nn.Parameter]]:
    """What is trained, of the decoder and perhaps the encoder: Muon's matrices, and the rest.
    The fitted skips stay: they are optimal already, and trained on noisy latents they would drift."""
    model.encoder.requires_grad_(encoder)
    model.encoder.skip.requires_grad_(False)
    model.decoder.skip.requires_grad_(False)
    trained = [(name, parameter) for name, parameter in model.named_parameters() if parameter.requires_grad]
    matrices = [p for name, p in trained if p.ndim >= 4 and any(part in name for part in (".stages", ".ups", ".downs"))]
    matrix_ids = {id(parameter) for parameter in matrices}
    return matrices, [p for _, p in trained if id(p) not in matrix_ids]


def save_autoencoder(model: KinoraAutoencoder, work: Path) -> None:
    model.save(work / "autoencoder.tmp")
    (work / "autoencoder.tmp").rename(work / "autoencoder.pt")


def train(options: argparse.Namespace) -> None:
    world, device = WORLDS[options.world], options.device
    path, state_path = options.work / "autoencoder.pt", options.work / "autoencoder_state.pt"
    model = KinoraAutoencoder.load(path).to(device)
    joint = options.stage == "both"
    matrices, others = choose_parameters(model, encoder=joint)
    optimizer = MuonAdam(matrices, [(others, 1.0)], muon_rate=options.rate, adam_rate=options.rate * 0.5)
    step, seen = 0, 0
    if state_path.exists():
        state = torch.load(state_path, map_location=device)
        if len(state["optimizer"]["buffers"]) == len(matrices):
            optimizer.load_state_dict(state["optimizer"])
        step, seen = state["step"], state["seen"]
    pool = ClipPool(world, 77 + step, options.size, device, options.pool)
    for _ in range(pool.most):
        pool.refresh()
    clips, mask = held_out_clips(world, 24, options.size, device=device)
    print("held out:", rounded(evaluate_autoencoder(model, clips, mask)), flush=True)

    def save() -> None:
        save_autoencoder(model, options.work)
        torch.save({"optimizer": optimizer.state_dict(), "step": step, "seen": seen}, state_path)

    computing = autocast(device)
    started = last = time.time()
    first_step, losses = step, []
    while (elapsed := time.time() - started) < options.minutes * 60:
        left = 1 - elapsed / (options.minutes * 60)
        optimizer.set_scale(min(1, (step - first_step + 1) / 50) * min(1, max(0.03, left / 0.5)))
        if step % options.refresh == 0:
            pool.refresh()
        video, subject = pool.batch(options.batch, options.crop)
        with torch.no_grad() if not joint else nullcontext(), computing if joint else nullcontext():
            z = model.encoder(video, linear_only=not joint).float()
        # The transformer's latents are never exact: neighbouring blocks disagree a little,
        # and the decoder learns to reconcile them.
        noise = torch.randn_like(z) * LATENT_NOISE * torch.rand(len(z), 1, 1, 1, 1, device=device)
        z = model.denormalize(model.normalize(z) + noise)
        with computing:
            output = model.decoder(z)
        loss = reconstruction_loss(output.float(), video, subject)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        step, seen = step + 1, seen + options.batch
        losses.append(loss.detach())
        if time.time() - last > 60:
            clean, noisy = (evaluate_autoencoder(model, clips[8:16], mask[8:16], noise) for noise in (0.0, 0.2))
            print(f"{elapsed:.0f}s step {step} crops {seen} loss {torch.stack(losses).mean().item():.4f} clean {rounded(clean)} noisy {rounded(noisy)}", flush=True)
            losses, last = [], time.time()
            save()
    if joint:
        whiten(model, pool)
    save()
    print(f"held out after {seen} crops: {rounded(evaluate_autoencoder(model, clips, mask))}, "
          f"of noisy latents {rounded(evaluate_autoencoder(model, clips, mask, 0.2))}", flush=True)
    write_sheet(model, clips[:8], options.work / "autoencoder.png")


def rounded(values: dict[str, float]) -> dict[str, float]:
    return {name: round(value, 2) for name, value in values.items()}


@torch.no_grad()
def write_sheet(model: KinoraAutoencoder, clips: Tensor, path: Path) -> None:
    """Each clip beside its reconstruction."""
    rows, captions = [], []
    for clip in clips:
        rows += [to_pixels(clip), to_pixels(model.decode(model.encode(clip[None]))[0])]
        captions += ["rendered", "reconstructed"]
    save_sheet(rows, captions, path, columns=2, frames_shown=4)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("stage", choices=["pca", "decoder", "both"])
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--world", choices=sorted(WORLDS), default="core")
    parser.add_argument("--size", default="128x128", help="of the square clips; others of like area are shown too")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--minutes", type=float, default=15)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--crop", type=int, default=64)
    parser.add_argument("--pool", type=int, default=160, help="rendered clips at hand")
    parser.add_argument("--refresh", type=int, default=4, help="steps between fresh batches of eight clips")
    parser.add_argument("--rate", type=float, default=1.5e-3)
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    if options.stage != "pca":
        train(options)
        return
    model = fit_pca(WORLDS[options.world], options.size, options.device)
    model.save(options.work / "autoencoder.pt")
    clips, mask = held_out_clips(WORLDS[options.world], 24, options.size, device=options.device)
    print("held out:", rounded(evaluate_autoencoder(model, clips, mask)))
    write_sheet(model, clips[:8], options.work / "pca.png")


if __name__ == "__main__":
    main()
