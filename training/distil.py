"""Few steps: teach the model to go in one step where its average goes in several with guidance.

    python training/distil.py --work DIR --world core --minutes 10 --steps 4 --sizes 128x128x17 --frames 17

The teacher is the averaged model, frozen. For each of the few steps of the schedule, sigma -> sigma', it starts from a
noised clip, walks there in `--substeps` guided Euler steps, and the student learns the straight velocity between both
ends (x' - x) / (sigma' - sigma) with the caption alone: progressive distillation of a guided model, all halvings at once
(Salimans & Ho 2022, "Progressive distillation for fast sampling"; Meng et al. 2023, "On distillation of guided diffusion
models"). The architecture stays as it is; plain rectified flow remains in transformer.pt, the student is student.pt.
"""

import os
import random
import time

import torch
from torch import Tensor

from compute import compute_dtype
from latent_cache import LatentCache, shard_folder
from optimizer import MuonAdam
from sample import make_sigmas
from text_encoder import END, START, pad_tokens, tokenize
from train_transformer import Average, Model, Workers, load_average, make_parser, parse_shares, split_parameters
from transformer import run, token_coordinates

STUDENT = "student.pt"
FIRST_FRAME_KNOWN = 0.25  # of the batches, so that image to video is fast too


@torch.no_grad()
def walk(teacher: Model, x: Tensor, start: Tensor, end: Tensor, text: Tensor, mask: Tensor, coordinates: Tensor,
         substeps: int, guidance: float, dtype: torch.dtype) -> Tensor:
    """Guided Euler steps from sigma `start` [B, T] to `end` [B, T] (0 to 0: a known frame, which stays);
    text holds the captions, then as many empty ones."""
    for index in range(substeps):
        now, after = (start + (end - start) * share / substeps for share in (index, index + 1))
        named, plain = run(teacher.transformer, x.repeat(2, 1, 1, 1), now.repeat(2, 1), text, mask, coordinates, dtype).float().chunk(2)
        x = x + (after - now)[:, :, None, None] * (plain + guidance * (named - plain))
    return x


def main() -> None:
    parser = make_parser()
    parser.description = __doc__
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument("--substeps", type=int, default=4)
    parser.add_argument("--guidance", type=float, default=3.0)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    workers = Workers(options.device)
    device, first = workers.device, workers.rank == 0
    dtype = compute_dtype(device, options.bfloat16)
    teacher = load_average(options.work, options.world).to(device).requires_grad_(False)
    student = load_average(options.work, options.world).to(device).train()
    path = options.work / STUDENT
    step = seen = 0
    if path.exists():
        state = torch.load(path, map_location=device)
        student.load_state_dict(state["average"], strict=False)
        step, seen = state["step"], state["seen"]
    student.text_encoder.requires_grad_(False)                   # both read the same embeddings
    matrices, others, _ = split_parameters(student)
    optimizer = MuonAdam(matrices, [(others, 1.0)], muon_rate=options.muon * 0.25, adam_rate=options.adam * 0.25)
    average = Average(student, options.average)
    sizes, frames = parse_shares(options.sizes), {int(count): share for count, share in parse_shares(options.frames).items()}
    caches = {size: LatentCache(shard_folder(options.work, size), device) for size in sizes}
    plan, source = random.Random(step), random.Random(f"{step} {workers.rank}")
    torch.manual_seed(step * 1000 + workers.rank)
    sigmas = make_sigmas(options.steps).to(device)
    started = last_log = time.time()
    first_step, elapsed, log = step, 0.0, []
    while elapsed < options.minutes * 60:
        left = 1 - elapsed / (options.minutes * 60)
        optimizer.set_scale(min(1, (step - first_step + 1) / options.warm) * min(1, max(0.03, left / 0.5)))
        size = plan.choices(list(sizes), list(sizes.values()))[0]
        width, height, longest = map(int, size.split("x"))
        latent_frames = (min(longest, plan.choices(list(frames), list(frames.values()))[0]) - 1) // 4 + 1
        count = max(1, options.tokens // (latent_frames * (width // 16) * (height // 16) * workers.count))
        clips = caches[size].sample(count, latent_frames, source)
        ids, mask = pad_tokens([tokenize(options.world, caption) for caption in clips.captions] + [[START, END]] * count)
        ids, mask = ids.to(device), mask.to(device)
        with torch.no_grad():
            text = teacher.text_encoder(input_ids=ids, attention_mask=mask).last_hidden_state
        number = torch.randint(options.steps, (count,), device=device)
        unknown = torch.ones(latent_frames, device=device)
        if latent_frames > 1 and source.random() < FIRST_FRAME_KNOWN:
            unknown[0] = 0
        start, end = sigmas[number][:, None] * unknown, sigmas[number + 1][:, None] * unknown            # [B, T]
        clean, share = clips.latents.float(), start[:, :, None, None]
        x = (1 - share) * clean + share * torch.randn_like(clean)
        coordinates = token_coordinates(latent_frames, *clips.grid)
        goal = walk(teacher, x, start, end, text, mask, coordinates, options.substeps, options.guidance, dtype)
        target = (goal - x) / (end - start).clamp_max(-1e-6)[:, :, None, None]
        optimizer.zero_grad()
        velocity = run(student.transformer, x, start, text[:count], mask[:count], coordinates, dtype).float()
        loss = ((velocity - target).square().mean(dim=(2, 3)) * unknown).sum() / (count * unknown.sum())
        loss.backward()
        elapsed = workers.average_gradients(matrices + others, time.time() - started)
        optimizer.step()
        step, seen = step + 1, seen + count * workers.count
        average.update(student, step)
        log.append(loss.detach())
        if first and time.time() - last_log > 30:
            print(f"{elapsed:.0f}s step {step} seen {seen} loss {float(sum(log)) / len(log):.4f}", flush=True)
            log, last_log = [], time.time()
    if first:
        torch.save({"average": average.values, "step": step, "seen": seen, "world": options.world}, path.with_suffix(".tmp"))
        os.replace(path.with_suffix(".tmp"), path)
    workers.end()


if __name__ == "__main__":
    main()
