"""Teach the decoder on what the transformer draws (redraw.py), so that no latent frame sets off with a jerk
and no latent pixel shows its edges.

    python training/polish_decoder.py --work DIR --world core --minutes 20

Encoder, latents and transformer stay as they are. A third of each batch are encoded clips with a little noise, a third redrawn
ones, a third drawn ones. Resumes from the decoder in DIR/autoencoder.pt.
"""

import argparse
import random
import time
from pathlib import Path

import torch
import torch.nn.functional as functional
from torch import Tensor

from autoencoder import KinoraAutoencoder
from compute import autocast
from optimizer import MuonAdam
from redraw import redraw_folder
from steadiness import edge_excess, first_step_ratio, step_excess
from train_autoencoder import (choose_parameters, evaluate_autoencoder, held_out_clips, psnr, reconstruction_loss, rounded,
                               save_autoencoder, to_tensor, write_sheet)
from world.attributes import WORLDS

STEP_WEIGHT = 4.0     # of step_excess beside the reconstruction
EDGE_WEIGHT = 1.0     # of edge_excess
ENCODED_NOISE = 0.3   # largest standard deviation on encoded latents, in the transformer's units
TESTED_FILES = 1      # of each kind, kept from training


class RedrawnClips:
    """The files of redraw.py, in memory."""

    def __init__(self, folder: Path, kind: str):
        paths = sorted(folder.glob(f"{kind}*.pt"))
        if len(paths) <= TESTED_FILES:
            raise SystemExit(f"{folder} has {len(paths)} files of {kind} clips, and {TESTED_FILES + 1} at least are needed: make some with training/redraw.py first.")
        shards = [torch.load(path, map_location="cpu") for path in paths]
        self.tested, self.shards = shards[:TESTED_FILES], shards[TESTED_FILES:]

    def crops(self, count: int, size: int, source: random.Random) -> tuple[Tensor, Tensor, Tensor]:
        """latents [B, Z, T, size/16, size/16], normalized; video [B, 3, F, size, size]; mask [B, 1, F, size, size]."""
        latents, videos, masks = [], [], []
        for _ in range(count):
            shard = source.choice(self.shards)
            index, (rows, columns), cells = source.randrange(len(shard["pixels"])), shard["grid"], size // 16
            top, left = source.randrange(rows - cells + 1), source.randrange(columns - cells + 1)
            z = shard["latents"][index].float().unflatten(1, (rows, columns))                           # [T, h, w, Z]
            latents.append(z[:, top:top + cells, left:left + cells].permute(3, 0, 1, 2))
            window = slice(16 * top, 16 * top + size), slice(16 * left, 16 * left + size)
            videos.append(shard["pixels"][index][:, window[0], window[1]])
            masks.append(shard["mask"][index][:, window[0], window[1]].float())
        return torch.stack(latents), to_tensor(torch.stack(videos)), torch.stack(masks)[:, None]

    @torch.no_grad()
    def measure(self, model: KinoraAutoencoder) -> dict[str, float]:
        """On clips kept from training: decibels to their targets, and how many set off evenly."""
        errors, ratios = [], []
        for shard in self.tested:
            for z, pixels in zip(shard["latents"].float().split(4), shard["pixels"].split(4)):
                video = model.decode(model.denormalize(z.unflatten(2, shard["grid"]).permute(0, 4, 1, 2, 3)))
                errors += [psnr(error) for error in video - to_tensor(pixels)]
                ratios.append(first_step_ratio(video))
        first = torch.cat(ratios)
        return {"db": sum(errors) / len(errors), "first": first.median().item(), "even": ((first > 0.5) & (first < 1.5)).float().mean().item()}


def train(options: argparse.Namespace) -> None:
    torch.manual_seed(options.seed)
    torch.set_num_threads(options.threads)
    device, source = options.device, random.Random(options.seed)
    model = KinoraAutoencoder.load(options.work / "autoencoder.pt").to(device)
    redrawn, drawn = (RedrawnClips(redraw_folder(options.work), kind) for kind in ("redrawn", "drawn"))
    matrices, others = choose_parameters(model, encoder=False)
    optimizer = MuonAdam(matrices, [(others, 1.0)], muon_rate=options.rate, adam_rate=options.rate * 0.5)
    clips, mask = held_out_clips(WORLDS[options.world], 24, f"{options.crop * 2}x{options.crop * 2}", device=device)

    def report(title: str) -> None:
        print(f"{title}: held out {rounded(evaluate_autoencoder(model, clips, mask))} redrawn {rounded(redrawn.measure(model))} drawn {rounded(drawn.measure(model))}", flush=True)

    report("before")
    share = max(1, options.batch // 3)
    started = last = time.time()
    step, losses = 0, []
    while (elapsed := time.time() - started) < options.minutes * 60:
        optimizer.set_scale(min(1, (step + 1) / 50) * min(1, max(0.03, (1 - elapsed / (options.minutes * 60)) / 0.5)))
        optimizer.zero_grad()
        made, video, subject = redrawn.crops(2 * share, options.crop, source)
        with torch.no_grad():
            encoded = model.normalize(model.encoder(video[:share], linear_only=not bool(model.encoder.conv_out.weight.any())))
            encoded += torch.randn_like(encoded) * ENCODED_NOISE * torch.rand(share, 1, 1, 1, 1)
        free, wanted, _ = drawn.crops(share, options.crop, source)
        z = model.denormalize(torch.cat([encoded, made[share:], free]).to(device))
        with autocast(device):
            output = model.decoder(z).float()
        known, drawn_output = output[:2 * share], output[2 * share:]
        error = drawn_output - wanted.to(device)
        across, down = error[..., 1:] - error[..., :-1], error[..., 1:, :] - error[..., :-1, :]
        kept = error.abs().mean() + 0.5 * (across.abs().mean() + down.abs().mean())
        loss = reconstruction_loss(known, video.to(device), subject.to(device)) + 0.5 * kept + STEP_WEIGHT * step_excess(output) + EDGE_WEIGHT * edge_excess(output)
        loss.backward()
        optimizer.step()
        step += 1
        losses.append(loss.detach())
        if time.time() - last > 180:
            print(f"{elapsed:.0f}s step {step} loss {torch.stack(losses).mean().item():.4f}", flush=True)
            report("  now")
            losses, last = [], time.time()
            save_autoencoder(model, options.work)
    save_autoencoder(model, options.work)
    report(f"after {step} steps")
    write_sheet(model, clips[:8], options.work / "autoencoder.png")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--world", choices=sorted(WORLDS), default="core")
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--batch", type=int, default=9)
    parser.add_argument("--crop", type=int, default=64)
    parser.add_argument("--rate", type=float, default=1e-3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=1)
    train(parser.parse_args())


if __name__ == "__main__":
    main()
