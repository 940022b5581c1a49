"""Train the transformer and its text encoder on cached latents; resumes from the last checkpoint.

    python training/train_transformer.py --work DIR --minutes 40 --sizes 64x64x17
    python training/train_transformer.py --work DIR --minutes 30 --mean 0.5 --decay 0.6 \\
        --sizes 128x128x17:6,176x96x17:2,96x176x17:1,128x128x9:2 --batch 32 --micro 16

`--sizes` are caches made by latent_cache.py, each with its share of the batches.
"""

import argparse
import os
import random
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from latent_cache import LatentCache
from optimizer import MuonAdam
from text_encoder import corrupt_tokens, make_text_encoder, pad_tokens
from transformer import SPACE_SCALE, make_transformer, run, token_coordinates

CAPTION_DROPOUT = 0.12
WORD_DROPOUT = 0.04
FIRST_FRAME_KNOWN = 0.20   # image to video
FIRST_TWO_KNOWN = 0.05     # extending a clip
CHECKPOINT = "transformer.pt"


class Model(torch.nn.Module):
    """Text encoder and transformer, trained as one."""

    def __init__(self):
        super().__init__()
        self.text_encoder = make_text_encoder()
        self.transformer = make_transformer()

    def forward(self, latents: Tensor, sigma: Tensor, ids: Tensor, mask: Tensor, coordinates: Tensor, dtype: torch.dtype) -> Tensor:
        text = self.text_encoder(input_ids=ids, attention_mask=mask).last_hidden_state
        return run(self.transformer, latents, sigma, text, mask, coordinates, dtype)


def coordinates_for(size: str, grid: tuple[int, int, int]) -> Tensor:
    # A 64-pixel clip shows the whole scene at half the size: its coordinates
    # span what a 128-pixel clip's do, so that what is learnt carries over.
    scale = SPACE_SCALE * (2 if size.startswith("64x64") else 1)
    return token_coordinates(*grid, space_scale=scale)


@dataclass
class Batch:
    noisy: Tensor      # [B, T, S, C]
    target: Tensor     # [B, T, S, C] velocity: noise - clean
    sigma: Tensor      # [B, T]
    wanted: Tensor     # [B, T] 1 where the loss counts
    ids: Tensor
    mask: Tensor
    coordinates: Tensor


def make_batch(cache: LatentCache, size: str, count: int, mean: float, rng: np.random.Generator, words: random.Random) -> Batch:
    clean, captions, grid = cache.sample(count, rng)
    ids, mask = pad_tokens([corrupt_tokens(tokens, words, CAPTION_DROPOUT, WORD_DROPOUT) for tokens in captions])
    level = torch.sigmoid(torch.randn(count) + mean)
    level = torch.where(torch.rand(count) < 0.1, torch.rand(count), level)       # a logit-normal alone starves both ends
    draw = torch.rand(count)
    known = torch.zeros(count, grid[0], dtype=torch.bool)
    known[draw < FIRST_FRAME_KNOWN + FIRST_TWO_KNOWN, 0] = True
    known[draw < FIRST_TWO_KNOWN, 1] = True
    sigma = level[:, None].expand(-1, grid[0]).masked_fill(known, 0.0)
    noise = torch.randn_like(clean)
    share = sigma[:, :, None, None]
    return Batch((1 - share) * clean + share * noise, noise - clean, sigma, (~known).float(), ids, mask, coordinates_for(size, grid))


def split_parameters(model: Model) -> tuple[list, list]:
    """Muon takes the matrices inside blocks and layers; embeddings, ends and vectors go to Adam."""
    matrices, others = [], []
    for name, parameter in model.named_parameters():
        inside = "transformer_blocks" in name or "encoder.layer" in name
        is_matrix = parameter.ndim == 2 and inside and "table" not in name
        (matrices if is_matrix else others).append(parameter)
    return matrices, others


class Average:
    """Exponential moving average of the weights, quick at first."""

    def __init__(self, model: Model, decay: float):
        self.decay = decay
        self.values = {name: value.detach().clone() for name, value in model.named_parameters()}

    @torch.no_grad()
    def update(self, model: Model, step: int) -> None:
        decay = min(self.decay, 1 - 1 / (0.1 * step + 2))
        values = list(self.values.values())
        torch._foreach_mul_(values, decay)
        torch._foreach_add_(values, [p.detach() for p in model.parameters()], alpha=1 - decay)


def load_average(work: Path) -> Model:
    """The averaged model of the last checkpoint, for sampling and export."""
    model = Model().eval()
    state = torch.load(work / CHECKPOINT, map_location="cpu")
    model.load_state_dict(state["average"], strict=False)
    return model


def train(options: argparse.Namespace) -> None:
    torch.set_num_threads(options.threads)
    sizes = dict((part.split(":") + ["1"])[:2] for part in options.sizes.split(","))
    caches = {size: LatentCache(options.work, size) for size in sizes}
    names, shares = list(sizes), np.array([float(share) for share in sizes.values()])
    model = Model().train()
    matrices, others = split_parameters(model)
    optimizer = MuonAdam(matrices, [(others, 1.0)], muon_rate=options.muon, adam_rate=options.adam)
    average = Average(model, options.average)
    step = seen = 0
    path = options.work / CHECKPOINT
    if path.exists():
        state = torch.load(path, map_location="cpu")
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        average.values.update(state["average"])
        step, seen = state["step"], state["seen"]
    first_step = step
    rng, words = np.random.default_rng(step), random.Random(step)
    torch.manual_seed(step)
    dtype = torch.bfloat16 if options.bfloat16 else torch.float32

    def save() -> None:
        temporary = path.with_suffix(".tmp")
        torch.save({"model": model.state_dict(), "optimizer": optimizer.state_dict(), "average": average.values, "step": step, "seen": seen}, temporary)
        os.replace(temporary, path)

    started = last_log = last_save = time.time()
    log, since = [], 0
    by_level = np.zeros((5, 2))
    while (elapsed := time.time() - started) < options.minutes * 60:
        left = 1 - elapsed / (options.minutes * 60)
        warm = min(1, (step - first_step + 1) / 80)
        cool = min(1, max(0.03, left / options.decay)) if options.decay else 1
        optimizer.set_scale(warm * cool)
        size = names[rng.choice(len(names), p=shares / shares.sum())]
        optimizer.zero_grad()
        pieces = options.batch // options.micro
        total = 0.0
        for _ in range(pieces):
            batch = make_batch(caches[size], size, options.micro, options.mean, rng, words)
            output = model(batch.noisy, batch.sigma, batch.ids, batch.mask, batch.coordinates, dtype)
            error = (output.float() - batch.target).square().mean(dim=(2, 3)) * batch.wanted     # [B, T]
            loss = error.sum() / batch.wanted.sum() / pieces
            loss.backward()
            total += loss.item()
            plain = batch.wanted[:, 0] > 0
            levels = (batch.sigma[plain, 0] * 5).long().clamp(max=4)
            for level, value in zip(levels.tolist(), error.detach()[plain].mean(dim=1).tolist()):
                by_level[level] += value, 1
        norm = optimizer.step()
        step, seen, since = step + 1, seen + options.batch, since + options.batch
        average.update(model, step)
        log.append(total)
        now = time.time()
        if now - last_log > 30:
            rate = since / (now - last_log)
            levels = np.round(by_level[:, 0] / np.maximum(by_level[:, 1], 1), 3).tolist()
            print(f"{elapsed:.0f}s step {step} seen {seen} loss {np.mean(log):.4f} by sigma {levels} norm {norm:.2f} "
                  f"{rate:.1f} samples/s clips {sum(map(len, caches.values()))}", flush=True)
            log, since, last_log, by_level = [], 0, now, np.zeros((5, 2))
            for cache in caches.values():
                cache.refresh()
        if now - last_save > 90:
            save()
            last_save = now
    save()
    print(f"done: step {step}, {seen} samples seen")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--minutes", type=float, required=True)
    parser.add_argument("--sizes", required=True)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--micro", type=int, default=64, help="clips a forward; gradients are summed up to --batch")
    parser.add_argument("--mean", type=float, default=0.3, help="centre of the logit-normal noise levels")
    parser.add_argument("--muon", type=float, default=4e-3)
    parser.add_argument("--adam", type=float, default=2e-3)
    parser.add_argument("--decay", type=float, default=0.0, help="share of this run, at its end, over which the rate falls to 0")
    parser.add_argument("--average", type=float, default=0.995)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--bfloat16", action=argparse.BooleanOptionalAction, default=True)
    train(parser.parse_args())


if __name__ == "__main__":
    main()
