"""Train the transformer and its text encoder on cached latents; resumes from the last checkpoint.

    python training/train_transformer.py --work DIR --world core --minutes 30 --sizes 128x128x17 --frames 1:3,9:2,17:1
    torchrun --nproc-per-node 2 training/train_transformer.py …      the same on several GPUs, or several CPU cores

`--sizes` are caches made by latent_cache.py, `--frames` how many pixel frames of the clips are shown, each with its
share of the steps. Every process keeps a copy of the weights; gradients are averaged between them.
"""

import argparse
import os
import random
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.distributed as distributed
from torch import Tensor

from compute import compute_dtype
from known_frames import SOFT, draw_layout, lay_out
from latent_cache import Clips, LatentCache, shard_folder
from optimizer import MuonAdam
from text_encoder import AttributeHeads, corrupt_tokens, make_text_encoder, pad_tokens, tokenize
from transformer import make_transformer, run, token_coordinates
from world.attributes import WORLDS, Scene

CAPTION_DROPOUT = 0.12
WORD_DROPOUT = 0.04
# Latent pixels that show a subject weigh this much more: they are a twentieth of the picture and most of its meaning.
SUBJECT_WEIGHT = 1.5
# The text encoder can read before it sees pictures (train_text_encoder.py); it learns on slowly, and must not forget.
READING_WEIGHT = 1.0
TEXT_RATE = 0.1
# Channels weigh in the loss by their spread to this power: the coarse ones, which the eye sees first, rule the shared layers.
# What each channel's best answer is does not change by it.
CHANNEL_WEIGHT = 1.5
CHECKPOINT = "transformer.pt"
TEXT_CHECKPOINT = "text_encoder.pt"  # of train_text_encoder.py: where a new model begins


class Model(torch.nn.Module):
    """Text encoder and transformer, trained as one."""

    def __init__(self, world: str):
        super().__init__()
        self.world = world
        self.text_encoder = make_text_encoder(world)
        self.transformer = make_transformer(world)
        self.attribute_heads = AttributeHeads(world)

    def forward(self, batch: "Batch", dtype: torch.dtype) -> tuple[Tensor, Tensor]:
        """-> velocity [B, T', S, Z], and the loss of what the text encoder reads in the captions."""
        text = self.text_encoder(input_ids=batch.ids, attention_mask=batch.mask).last_hidden_state
        velocity = run(self.transformer, batch.noisy, batch.sigma, text, batch.mask, batch.coordinates, dtype)
        return velocity, self.attribute_heads.loss(text, batch.mask, batch.scenes)


@dataclass
class Batch:
    """T' frames: those of the clip and appended known ones."""

    noisy: Tensor      # [B, T', S, Z]
    target: Tensor     # [B, T', S, Z] velocity: noise - clean
    sigma: Tensor      # [B, T']
    weight: Tensor     # [B, T', S] of the loss; 0 for known frames
    ids: Tensor
    mask: Tensor
    coordinates: Tensor
    scenes: list[Scene]


def make_batch(clips: Clips, world: str, mean: float, keep: float, source: random.Random) -> Batch:
    """`keep` below 1 leaves out the rest of the latent pixels (the same places in every frame and clip): fewer
    tokens a clip, for the early part of training (the idea: Zheng et al. 2024, "Fast training of diffusion models with masked transformers")."""
    device = clips.latents.device
    layout = draw_layout(clips.latents.shape[1], source)
    clean, times, known_list = lay_out(clips.latents.float(), clips.stills.float(), layout)
    coordinates, shown = token_coordinates(times, *clips.grid), clips.subject.float()
    if keep < 1:
        places = torch.randperm(clean.shape[2])[: max(1, round(keep * clean.shape[2]))].sort().values
        coordinates = coordinates.unflatten(1, (len(times), -1))[:, :, places].flatten(1)
        clean, shown = clean[:, :, places.to(device)], shown[:, :, places.to(device)]
    known = torch.tensor(known_list, device=device)                                # [T']
    tokens = [corrupt_tokens(tokenize(world, caption), source, CAPTION_DROPOUT, WORD_DROPOUT) for caption in clips.captions]
    ids, mask = pad_tokens(tokens)
    count = len(clean)
    level = torch.sigmoid(torch.randn(count, device=device) + mean)
    level = torch.where(torch.rand(count, device=device) < 0.1, torch.rand(count, device=device), level)   # a logit-normal alone starves both ends
    # A known frame of strength s is lerp(noise, clean, s), at timestep 1 - s at most.
    kept = torch.where(torch.rand(count, device=device) < SOFT, 0.5 * torch.rand(count, device=device), torch.zeros(count, device=device))
    sigma = torch.where(known, torch.minimum(level, kept)[:, None], level[:, None])                        # [B, T']
    noise = torch.randn_like(clean)
    share = sigma[:, :, None, None]
    subject = torch.nn.functional.pad(shown, (0, 0, 0, len(times) - shown.shape[1]))
    weight = (1 + SUBJECT_WEIGHT * subject) * (~known)[:, None].float()
    return Batch((1 - share) * clean + share * noise, noise - clean, sigma, weight, ids.to(device), mask.to(device), coordinates, clips.scenes)


def split_parameters(model: Model) -> tuple[list, list, list]:
    """Muon takes the matrices inside the transformer's blocks; its embeddings, ends and vectors, and the text side, go to Adam."""
    matrices, others, text = [], [], []
    for name, parameter in model.named_parameters():
        if not name.startswith("transformer."):
            text.append(parameter)
        elif parameter.ndim == 2 and "transformer_blocks" in name and "table" not in name:
            matrices.append(parameter)
        else:
            others.append(parameter)
    return matrices, others, text


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


def load_average(work: Path, world: str, name: str = CHECKPOINT) -> Model:
    """The averaged model of a checkpoint, for sampling and export."""
    model = Model(world).eval()
    state = torch.load(work / name, map_location="cpu")
    model.load_state_dict(state["average"], strict=False)
    return model


class Workers:
    """The processes of a torchrun, or this one alone."""

    def __init__(self, device: str):
        self.count, self.rank = int(os.environ.get("WORLD_SIZE", 1)), int(os.environ.get("RANK", 0))
        self.device = torch.device(device)
        if self.device.type == "cuda":
            self.device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", 0)))
            torch.cuda.set_device(self.device)
        if self.count > 1:
            distributed.init_process_group("nccl" if self.device.type == "cuda" else "gloo")

    def average_gradients(self, parameters: list[Tensor], elapsed: float) -> float:
        """Returns the first process's clock, so that all end at the same step."""
        if self.count == 1:
            return elapsed
        pieces = [p.grad if p.grad is not None else torch.zeros_like(p) for p in parameters]
        clock = torch.tensor([elapsed * self.count if self.rank == 0 else 0.0], device=self.device)
        flat = torch.cat([clock, *(piece.flatten() for piece in pieces)])
        distributed.all_reduce(flat)
        flat /= self.count
        start = 1
        for parameter, piece in zip(parameters, pieces):
            parameter.grad = flat[start:start + piece.numel()].view_as(piece)
            start += piece.numel()
        return flat[0].item()

    def end(self) -> None:
        if self.count > 1:
            distributed.destroy_process_group()


def parse_shares(text: str) -> dict[str, float]:
    return {part.split(":")[0]: float((part.split(":") + ["1"])[1]) for part in text.split(",")}


def train(options: argparse.Namespace) -> None:
    torch.set_num_threads(options.threads)
    workers = Workers(options.device)
    device, first = workers.device, workers.rank == 0
    sizes, frames = parse_shares(options.sizes), {int(count): share for count, share in parse_shares(options.frames).items()}
    caches = {size: LatentCache(shard_folder(options.work, size), device) for size in sizes}
    measured = next(iter(caches.values())).sample(256, 1, random.Random(0)).latents.float()
    importance = measured.std(dim=(0, 1, 2)) ** CHANNEL_WEIGHT
    importance = importance / importance.mean()                  # [Z]
    torch.manual_seed(0)                                         # equal weights in every process
    model = Model(options.world).to(device).train()
    matrices, others, text = split_parameters(model)
    parameters = matrices + others + text
    optimizer = MuonAdam(matrices, [(others, 1.0), (text, TEXT_RATE)], muon_rate=options.muon, adam_rate=options.adam)
    step = seen = 0
    path = options.work / CHECKPOINT
    if path.exists():
        state = torch.load(path, map_location=device)
        model.load_state_dict(state.get("model", state["average"]), strict=False)
        if "optimizer" in state:
            optimizer.load_state_dict(state["optimizer"])
        step, seen = state["step"], state["seen"]
    elif (options.work / TEXT_CHECKPOINT).exists():
        read = torch.load(options.work / TEXT_CHECKPOINT, map_location=device)
        model.load_state_dict(read, strict=False)
    average = Average(model, options.average)
    if path.exists():
        average.values.update({name: value.float() for name, value in state["average"].items()})
    first_step = step
    plan = random.Random(step)                                   # sizes and lengths: the same in every process
    source = random.Random(f"{step} {workers.rank}")
    torch.manual_seed(step * 1000 + workers.rank)
    dtype = compute_dtype(device, options.bfloat16)

    def save() -> None:
        if not first:
            return
        temporary = path.with_suffix(".tmp")
        torch.save({"model": model.state_dict(), "optimizer": optimizer.state_dict(), "average": average.values,
                    "step": step, "seen": seen, "world": options.world}, temporary)
        os.replace(temporary, path)

    started = last_log = last_save = time.time()
    elapsed, log, since = 0.0, [], 0
    by_level = np.zeros((5, 2))
    while elapsed < options.minutes * 60:
        left = 1 - elapsed / (options.minutes * 60)
        warm = min(1, (step - first_step + 1) / options.warm)
        cool = min(1, max(0.03, left / options.decay)) if options.decay else 1
        optimizer.set_scale(warm * cool)
        size = plan.choices(list(sizes), list(sizes.values()))[0]
        width, height, longest = map(int, size.split("x"))
        latent_frames = (min(longest, plan.choices(list(frames), list(frames.values()))[0]) - 1) // 4 + 1
        shown_pixels = latent_frames * (width // 16) * (height // 16) * options.keep
        clips = max(1, int(options.tokens / (shown_pixels * workers.count)))
        optimizer.zero_grad()
        pieces = -(-clips // options.micro)
        total = reading = 0.0
        for _ in range(pieces):
            batch = make_batch(caches[size].sample(clips // pieces, latent_frames, source), options.world, options.mean, options.keep, source)
            output, misread = model(batch, dtype)
            error = ((output.float() - batch.target).square() * importance).mean(dim=3) * batch.weight         # [B, T', S]
            loss = error.sum() / batch.weight.sum() / pieces
            (loss + READING_WEIGHT * misread / pieces).backward()
            total += loss.detach()
            reading += misread.detach() / pieces
            if first and not batch.sigma.is_cuda:
                for level, value in zip((batch.sigma.amax(dim=1) * 5).long().clamp(max=4).tolist(),
                                        (error.detach().sum(dim=(1, 2)) / batch.weight.sum(dim=(1, 2))).tolist()):
                    by_level[level] += value, 1
        elapsed = workers.average_gradients(parameters, time.time() - started)
        optimizer.step()
        shown = clips * workers.count
        step, seen, since = step + 1, seen + shown, since + shown
        average.update(model, step - first_step + (1000 if first_step else 0))
        log.append((total, reading))
        now = time.time()
        if first and now - last_log > 30:
            rate = since / (now - last_log)
            levels = np.round(by_level[:, 0] / np.maximum(by_level[:, 1], 1), 3).tolist()
            print(f"{elapsed:.0f}s step {step} seen {seen} loss {float(sum(part[0] for part in log)) / len(log):.4f} reading {float(sum(part[1] for part in log)) / len(log):.3f} by sigma {levels} "
                  f"{rate:.1f} samples/s clips {sum(map(len, caches.values()))}", flush=True)
            log, since, last_log, by_level = [], 0, now, np.zeros((5, 2))
        if now - last_save > 60:
            for cache in caches.values():
                cache.refresh()
            save()
            last_save = now
    save()
    if first:
        print(f"done: step {step}, {seen} samples seen")
    workers.end()


def make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--world", choices=sorted(WORLDS), default="core")
    parser.add_argument("--minutes", type=float, required=True)
    parser.add_argument("--sizes", required=True)
    parser.add_argument("--frames", default="17")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--tokens", type=int, default=5120, help="latent pixels a step, over all processes")
    parser.add_argument("--keep", type=float, default=1.0, help="share of the latent pixels that is shown: below 1 early in training")
    parser.add_argument("--micro", type=int, default=32, help="clips a forward at most; gradients are summed")
    parser.add_argument("--mean", type=float, default=0.3, help="centre of the logit-normal noise levels")
    parser.add_argument("--muon", type=float, default=4e-3)
    parser.add_argument("--adam", type=float, default=2e-3)
    parser.add_argument("--warm", type=int, default=80, help="steps over which the rates rise")
    parser.add_argument("--decay", type=float, default=0.0, help="share of this run, at its end, over which the rates fall to 0")
    parser.add_argument("--average", type=float, default=0.998)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--bfloat16", action=argparse.BooleanOptionalAction, help="where not said: if it is fast here")
    return parser


if __name__ == "__main__":
    train(make_parser().parse_args())
