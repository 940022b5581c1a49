"""Train the sharp autoencoder, in the background, for as long as it takes.

    OMP_NUM_THREADS=1 chrt -i 0 nice -n 19 python training/train_sharp_autoencoder.py --work DIR --world core --minutes 600

One thread a process. It saves its state every two minutes, and goes on from it when it is started again. Every few
core-minutes it adds a line of figures of the moving average's weights to DIR/curve.jsonl, and keeps the best of them
beside DIR, as best_f16.safetensors.

Two processes can train the same weights: each names the other's work folder (same parent) as its --partner.
"""

import argparse
import json
import os
import signal
import time
from pathlib import Path

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from crop_pool import CropPool
from measure_autoencoder import held_out_clips, measure
from optimizer import MuonAdam
from partner import Partner
from sharp_autoencoder import CONFIG, SharpAutoencoder
from world.attributes import WORLDS

SAVE_SECONDS = 120
WARM_UP = 100      # steps
EXCHANGE = 2       # steps between two looks at the partner
SMALL = 0.05       # an error, in [-1, 1], below which it counts squared
MOMENTUM = 0.9     # Muon's; longer ones overshoot
AVERAGE = 0.999    # the moving average's decay, once it is warm


def soft(error: Tensor) -> Tensor:
    """The absolute error, but squared where it is small: what is almost right no longer pulls as hard as what is wrong."""
    return functional.smooth_l1_loss(error, torch.zeros_like(error), reduction="none", beta=SMALL)


def loss_of(output: Tensor, target: Tensor, mask: Tensor) -> Tensor:
    """Of the error and of its gradients in space and time: [B, 3, F, H, W]. Subjects and what moves weigh more.

    Each clip's mean colour counts apart, squared: it answers to every weight at once, swings from step to step, and in
    an absolute error would drown what each pixel says.
    """
    error = output - target
    mean = error.mean(dim=(2, 3, 4), keepdim=True)
    error = error - mean
    weight = 1 + 3 * mask                                                            # [B, 1, F, H, W]
    if target.shape[2] > 1:
        moving = (target[:, :, 1:] - target[:, :, :-1]).abs().mean(dim=1, keepdim=True) > 0.04
        weight = weight + 2 * functional.pad(moving.float(), (0, 0, 0, 0, 1, 0))
    across = soft(error[..., 1:] - error[..., :-1]) * weight[..., 1:]
    down = soft(error[..., 1:, :] - error[..., :-1, :]) * weight[..., 1:, :]
    loss = 5 * mean.square().mean() + (soft(error) * weight).mean() + 2 * (error.square() * weight).mean() + 0.5 * (across.mean() + down.mean())
    if target.shape[2] > 1:
        loss = loss + 0.5 * (soft(error[:, :, 1:] - error[:, :, :-1]) * weight[:, :, 1:]).mean()
    return loss


def parameter_groups(model: nn.Module) -> tuple[list[nn.Parameter], list[nn.Parameter], list[nn.Parameter]]:
    """Muon's matrices, the biases, and the weights that touch pixels. At the biases' rate those shake the brightness of
    whole pictures, and hide from all the others what they do."""
    named = list(model.named_parameters())
    pixels = [p for name, p in named if name in ("encoder.stem.weight", "decoder.out.weight")]
    biases = [p for _, p in named if p.ndim == 1]
    ids = {id(parameter) for parameter in pixels + biases}
    return [p for _, p in named if id(p) not in ids], biases, pixels


class Trainer:
    def __init__(self, options: argparse.Namespace):
        self.options = options
        self.state_path = options.work / "state.pt"
        stored = torch.load(self.state_path) if self.state_path.exists() else None
        self.config = stored["config"] if stored else CONFIG
        self.model, self.average = (SharpAutoencoder(self.config).to(memory_format=torch.channels_last) for _ in range(2))
        self.average.requires_grad_(False).load_state_dict(self.model.state_dict())
        matrices, biases, pixels = parameter_groups(self.model)
        self.optimizer = MuonAdam(matrices, [(biases, 1.0), (pixels, 0.1)], muon_rate=options.rate, adam_rate=options.rate * 0.5, momentum=MOMENTUM)
        self.step, self.crops, self.seconds, self.best = 0, 0, 0.0, 0.0
        if stored:
            self.model.load_state_dict(stored["model"])
            self.average.load_state_dict(stored["average"])
            self.optimizer.load_state_dict(stored["optimizer"])
            self.step, self.crops, self.seconds = stored["step"], stored["crops"], stored["seconds"]
            self.best = stored.get("best", 0.0)
        self.spent_before = self.seconds
        self.partner = None
        if options.partner:
            options.exchange.mkdir(parents=True, exist_ok=True)
            self.partner = Partner(list(self.model.parameters()), options.exchange / options.work.name, options.exchange / options.partner)
            if stored and "partner" in stored:
                self.partner.load_state_dict(stored["partner"])
        self.stopping = False
        signal.signal(signal.SIGTERM, self.stop)
        self.pool = CropPool(options.work.parent, WORLDS[options.world], 77 + self.step + options.seed, options.side, options.pool)
        torch.manual_seed(self.step + options.seed)

    def stop(self, *_: object) -> None:
        """After the step under way."""
        self.stopping = True

    def save(self) -> None:
        self.seconds = self.spent_before + time.process_time()
        if self.partner:
            self.partner.exchange()
        state = {"config": self.config, "model": self.model.state_dict(), "average": self.average.state_dict(),
                 "optimizer": self.optimizer.state_dict(), "step": self.step, "crops": self.crops, "seconds": self.seconds, "best": self.best}
        if self.partner:
            state["partner"] = self.partner.state_dict()
        temporary = self.state_path.with_suffix(".tmp")
        torch.save(state, temporary)
        temporary.rename(self.state_path)

    def learn(self, frames: int, count: int) -> Tensor:
        video, mask = self.pool.batch(count, frames, self.options.crop)
        z = self.model.encode(video)
        noise = self.options.noise * torch.rand(count, 1, 1, 1, 1)
        loss = loss_of(self.model.decoder(z + noise * torch.randn_like(z)), video, mask)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.set_scale(min(1, (self.step + 1) / WARM_UP))
        self.optimizer.step()
        self.step, self.crops = self.step + 1, self.crops + count
        with torch.no_grad():
            decay = min(AVERAGE, 1 - 8 / (self.step + 8))
            torch._foreach_lerp_(list(self.average.parameters()), list(self.model.parameters()), 1 - decay)
        return loss.detach()

    def figures(self, pixels: Tensor, mask: Tensor) -> dict:
        reconstruct = lambda clip: self.average.decode(self.average.encode(clip))
        still_pixels, still_mask = (x[:, ::8].flatten(0, 1)[:, None] for x in (pixels, mask))
        return {"clips": measure(reconstruct, pixels, mask), "stills": measure(reconstruct, still_pixels, still_mask)}

    def held_out(self) -> tuple[Tensor, Tensor]:
        """Rendered once, then kept beside the pool."""
        options = self.options
        path = options.work.parent / f"held_out_{options.world}_{options.side}_{options.held_out}.pt"
        if not path.exists():
            torch.save(held_out_clips(WORLDS[options.world], options.held_out, options.side, options.side, 9), path)
        return torch.load(path)

    def run(self) -> None:
        options = self.options
        pixels, mask = self.held_out()
        started = saved = time.time()
        measured = time.process_time()
        losses: dict[int, list[Tensor]] = {}
        while not self.stopping and time.time() - started < options.minutes * 60:
            if self.step % (options.refresh * (3 if self.pool.full else 1)) == 0:
                self.pool.refresh()
            frames = 1 if torch.rand(()).item() < options.stills else 5
            losses.setdefault(frames, []).append(self.learn(frames, options.batch if frames == 1 else max(1, options.batch // 4)))
            if self.partner and self.step % EXCHANGE == 0:
                self.partner.exchange()
            measuring = options.measure and time.process_time() - measured > options.measure * 60
            if measuring or time.time() - saved > SAVE_SECONDS:
                self.save()
                saved = time.time()
            if measuring:
                means = {count: round(torch.stack(values).mean().item(), 4) for count, values in losses.items()}
                line = {"coreMinutes": round(self.seconds / 60, 1), "step": self.step, "crops": self.crops, "loss": means,
                        **self.figures(pixels, mask), "at": time.strftime("%H:%M")}
                with open(options.work / "curve.jsonl", "a") as curve:
                    curve.write(json.dumps(line) + "\n")
                if line["clips"]["subjects"] > self.best:
                    self.best = line["clips"]["subjects"]
                    self.average.save(options.work.parent / "best_f16.safetensors")
                losses, measured = {}, time.process_time()
        self.save()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--world", choices=sorted(WORLDS), default="core")
    parser.add_argument("--side", type=int, default=256, help="of the square clips; others of like area are shown too")
    parser.add_argument("--minutes", type=float, default=600)
    parser.add_argument("--measure", type=float, default=4, help="core-minutes between two lines of figures; 0: none")
    parser.add_argument("--held-out", type=int, default=12, help="clips that are measured")
    parser.add_argument("--batch", type=int, default=16, help="crops of one frame; of five frames, a quarter of that")
    parser.add_argument("--crop", type=int, default=128)
    parser.add_argument("--stills", type=float, default=0.5, help="share of the steps that see one frame")
    parser.add_argument("--noise", type=float, default=0.1, help="largest standard deviation of the latents' noise")
    parser.add_argument("--pool", type=int, default=800, help="rendered clips at hand")
    parser.add_argument("--refresh", type=int, default=8, help="steps between fresh clips; three times as many once the pool is full")
    parser.add_argument("--rate", type=float, default=1e-3)
    parser.add_argument("--partner", help="the name of the work folder of another process that trains the same weights")
    parser.add_argument("--exchange", type=Path, default=Path("/dev/shm/kinora"), help="where partners lay what they have learned")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", 1)))
    Trainer(options).run()


if __name__ == "__main__":
    main()
