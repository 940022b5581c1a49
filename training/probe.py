"""Train the probe: a small classifier that reads the attributes of a clip, on fresh renders.

    python training/probe.py --world core --minutes 14
    python training/probe.py --world wide --minutes 6 --device cuda --clips 60000

Writes tests/evaluate/probe.onnx and probe.json (see the README there). It learns from renders alone and judges what the
starter makes; so it also sees the pairs that the starter never sees, and pictures a little softer than renders are.

B clips, F frames, T frames left after mixing, H rows, W columns, C channels.
"""

import argparse
import json
import random
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from compute import autocast
from optimizer import MuonAdam
from world.attributes import WORLDS, Scene, World, classes_of, sample_scene
from world.render import render

FOLDER = Path(__file__).parents[1] / "tests" / "evaluate"
SIDE, FRAMES = 64, 9
FPS = 4.0            # 9 frames then show the two seconds of 17 frames at 8 a second
FEATURES = 64
BAR = 0.97           # of unseen renders, in each attribute; below it an attribute is not judged
_FINE = 0.1          # of the clips are rendered at 128x128 and averaged, as the starter's clips are
_HELD = 0.25         # of the clips have a held-back pair
_OPEN_SEA = 0.12     # of the clips are pans over water, where little shows that the camera moves
_FROZEN = 0.15       # of the clips are one picture that stands still, for reading pictures
_CHUNK = 32
_IGNORED = -100      # cross_entropy's own value
_MIRRORED = {"left": "right", "right": "left", "pan left": "pan right", "pan right": "pan left"}


def probe_input(clip: np.ndarray) -> np.ndarray:
    """u8 [F, H, W, 3] -> f32 [3, 9, 64, 64], as tests/evaluate/README.md says."""
    picked = clip[[(2 * k * (len(clip) - 1) + 8) // 16 for k in range(FRAMES)]]
    frames = torch.from_numpy(picked).permute(3, 0, 1, 2).float()
    return (functional.adaptive_avg_pool2d(frames, SIDE) / 255).numpy()


class Probe:
    """The exported probe: reads clips u8 [F, H, W, 3] of any length and size."""

    def __init__(self, folder: Path = FOLDER):
        self.facts = json.loads((folder / "probe.json").read_text())
        self.session = _open_session(folder / "probe.onnx")

    def read(self, clips: Sequence[np.ndarray]) -> tuple[list[dict[str, str]], np.ndarray]:
        """-> the attributes read in each clip, and features f32 [B, D]."""
        readings: list[dict[str, str]] = []
        features = []
        for start in range(0, len(clips), _CHUNK):
            part = np.stack([probe_input(clip) for clip in clips[start:start + _CHUNK]])
            outputs = _run_session(self.session, part)
            answers = {name: outputs[name].argmax(axis=1) for name in self.facts["attributes"]}
            readings += [{name: facts["classes"][answers[name][row]] for name, facts in self.facts["attributes"].items()} for row in range(len(part))]
            features.append(outputs["features"])
        return readings, np.concatenate(features)


def _open_session(path: Path) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def _run_session(session: onnxruntime.InferenceSession, clips: np.ndarray) -> dict[str, np.ndarray]:
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, {"clip": clips})))


# --- the network ------------------------------------------------------------------------------


def _block(before: int, after: int, kernel: tuple[int, int, int], stride: int = 1, pad_time: bool = True) -> nn.Sequential:
    padding = (kernel[0] // 2 if pad_time else 0, kernel[1] // 2, kernel[2] // 2)
    return nn.Sequential(nn.Conv3d(before, after, kernel, stride, padding, bias=False), nn.BatchNorm3d(after), nn.ReLU())


class Classifier(nn.Module):
    """Frames with their changes and coordinates are halved four times in space and twice in time, then pooled."""

    def __init__(self, classes: dict[str, list[str]], widths: tuple[int, int, int, int] = (16, 40, 96, 160)):
        super().__init__()
        low, mid, high, top = widths
        self.stem, self.place_stem, self.stem_norm = nn.Conv2d(6, low, 3, 2, 1, bias=False), nn.Conv2d(2, low, 3, 2, 1), nn.BatchNorm2d(low)
        self.first, self.first_more = _block(low, mid, (3, 3, 3), stride=2), _block(mid, mid, (1, 3, 3))
        self.second, self.second_more = _block(mid, high, (3, 3, 3), stride=2), _block(high, high, (1, 3, 3))
        self.last = _block(high, top, (3, 1, 1), pad_time=False)
        self.penultimate = nn.Sequential(nn.Linear(2 * top, FEATURES, bias=False), nn.BatchNorm1d(FEATURES), nn.Tanh())
        self.heads = nn.ModuleDict({name: nn.Linear(FEATURES, len(values)) for name, values in classes.items()})
        line = torch.linspace(-1, 1, SIDE)
        rows, columns = torch.meshgrid(line, line, indexing="ij")
        self.register_buffer("place", torch.stack([columns, rows])[None], persistent=False)        # [1, 2, H, W]

    def forward(self, clip: Tensor) -> tuple[Tensor, ...]:
        """f32 [B, 3, 9, 64, 64] in 0 … 1 -> the logits [B, K] of each attribute, and features [B, D]."""
        frames = (clip.transpose(1, 2) - 0.5) * 2                                                  # [B, F, 3, H, W]
        change = (frames[:, 1:] - frames[:, :-1]) * 2
        change = torch.cat([change[:, :1], change], dim=1)
        x = torch.cat([frames, change], dim=2).flatten(0, 1)                                       # [BF, 6, H, W]
        x = functional.relu(self.stem_norm(self.stem(x) + self.place_stem(self.place)))            # [BF, C, H/2, W/2]
        x = x.reshape(-1, FRAMES, *x.shape[1:]).transpose(1, 2)                                    # [B, C, F, H/2, W/2]
        x = self.first(x)                                                                          # [B, C, 5, H/4, W/4]
        x = x + self.first_more(x)
        x = self.second(x)                                                                         # [B, C, 3, H/8, W/8]
        x = x + self.second_more(x)
        x = self.last(x).squeeze(2)                                                                # [B, C, H/8, W/8]
        pooled = torch.cat([x.mean(dim=(2, 3)), x.amax(dim=(2, 3))], dim=1)
        features = self.penultimate(pooled)
        return *(head(features) for head in self.heads.values()), features


# --- renders ------------------------------------------------------------------------------------


def draw_scene(world: World, source: random.Random, held: bool, empty: bool = True) -> Scene:
    """A scene of one subject at most; what a clip shows of two subjects has no one answer."""
    while True:
        scene = sample_scene(world, source, held, bare=0)
        if len(scene.actors) == 1 or (empty and not scene.actors):
            return scene


def training_scene(world: World, source: random.Random) -> Scene:
    open_sea, held = source.random() < _OPEN_SEA, source.random() < _HELD
    while True:
        scene = draw_scene(world, source, held)
        if not open_sea or (scene.camera.startswith("pan") and scene.land in ("ocean", "lake")):
            return scene


def render_pool(scenes: Sequence[Scene], fine: bool, device: str) -> Tensor:
    """-> u8 [B, 3, 9, 64, 64]."""
    side = 2 * SIDE if fine else SIDE
    parts = []
    for start in range(0, len(scenes), _CHUNK):
        pixels, _ = render(scenes[start:start + _CHUNK], side, side, FRAMES, FPS, device)
        clip = pixels.permute(0, 4, 1, 2, 3)
        if fine:
            clip = (functional.avg_pool3d(clip.float(), (1, 2, 2)) + 0.5).to(torch.uint8)
        parts.append(clip.contiguous())
    return torch.cat(parts)


def label(scenes: Sequence[Scene], classes: dict[str, list[str]]) -> Tensor:
    """-> indices [B, attributes]; the colour in noir is nobody's to know."""
    rows = []
    for scene in scenes:
        values = scene.attributes
        rows.append([_IGNORED if name == "colour" and scene.style == "noir" else names.index(values[name]) for name, names in classes.items()])
    return torch.tensor(rows)


def _mirror_table(names: list[str]) -> Tensor:
    """Class -> class of the mirrored clip."""
    return torch.tensor([names.index(_MIRRORED.get(name, name)) for name in names])


def augment(clips: Tensor, labels: Tensor, classes: dict[str, list[str]], generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """u8 clips -> f32, some mirrored, frozen, softened, noisy or in another light; labels follow."""
    device, count = clips.device, len(clips)

    def draw(*shape: int) -> Tensor:
        return torch.rand(shape, generator=generator, device=device)

    x, labels = clips.float() / 255, labels.clone()
    mirrored = draw(count) < 0.5
    x[mirrored] = x[mirrored].flip(-1)
    frozen = (draw(count) < _FROZEN).nonzero().flatten().tolist()
    for row in frozen:
        x[row] = x[row, :, int(draw(1).item() * FRAMES)][:, None]
    for column, (name, names) in enumerate(classes.items()):
        if name in ("motion", "camera"):
            labels[mirrored, column] = _mirror_table(names).to(device)[labels[mirrored, column]]
            labels[frozen, column] = _IGNORED
    soft = (draw(count) < 0.4).nonzero().flatten()
    blurred = functional.avg_pool2d(x[soft].flatten(0, 1), 3, 1, 1, count_include_pad=False).view_as(x[soft])
    x[soft] = torch.lerp(x[soft], blurred, draw(len(soft), 1, 1, 1, 1))
    contrast, brightness = 1 + 0.12 * (draw(count, 1, 1, 1, 1) - 0.5), 0.06 * (draw(count, 3, 1, 1, 1) - 0.5)
    x = (x - 0.5) * contrast + 0.5 + brightness
    noisy = (draw(count) < 0.3).nonzero().flatten()
    x[noisy] += 0.03 * draw(len(noisy), 1, 1, 1, 1) * torch.randn(x[noisy].shape, generator=generator, device=device)
    return x.clamp(0, 1), labels


# --- training and testing ---------------------------------------------------------------------------


def train(model: Classifier, clips: Tensor, labels: Tensor, classes: dict[str, list[str]], minutes: float, rate: float, batch: int) -> None:
    """The rate falls to nothing over the time given; the pool is gone through in a new order each time."""
    device = clips.device
    generator = torch.Generator(device).manual_seed(1)
    matrices = [parameter for parameter in model.parameters() if parameter.ndim == 5]
    others = [parameter for parameter in model.parameters() if parameter.ndim != 5]
    optimizer = MuonAdam(matrices, [(others, 1.0)], muon_rate=rate, adam_rate=rate)
    started = last = time.time()
    step, losses, order = 0, [], torch.empty(0, dtype=torch.long, device=device)
    while (done := (time.time() - started) / (60 * minutes)) < 1:
        if len(order) < batch:
            order = torch.randperm(len(clips), generator=generator, device=device)
        chosen, order = order[:batch], order[batch:]
        optimizer.set_scale(min(done / 0.05, (1 - done) / 0.95))
        x, targets = augment(clips[chosen], labels[chosen], classes, generator)
        with autocast(device):
            logits = model(x)[:-1]
        loss = sum(functional.cross_entropy(part.float(), target, ignore_index=_IGNORED, label_smoothing=0.02)
                   for part, target in zip(logits, targets.T))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        step += 1
        losses.append(loss.detach())
        if time.time() - last > 30:
            print(f"{time.time() - started:.0f}s step {step} clips {step * batch} loss {torch.stack(losses).mean().item():.3f}", flush=True)
            losses, last = [], time.time()
    print(f"{step} steps, {step * batch} clips, {step * batch / len(clips):.1f} times the pool", flush=True)


def export(model: Classifier, classes: dict[str, list[str]], path: Path) -> None:
    """ONNX in f32, checked against PyTorch with other batch sizes than the traced one."""
    model = model.float().cpu().eval()
    names = [*classes, "features"]
    torch.onnx.export(model, (torch.rand(2, 3, FRAMES, SIDE, SIDE),), str(path), input_names=["clip"], output_names=names,
                      dynamic_axes={name: {0: "batch"} for name in ["clip", *names]}, opset_version=17, dynamo=False)
    onnx.checker.check_model(onnx.load(path), full_check=True)
    session = _open_session(path)
    for count in (1, 5):
        clips = torch.rand(count, 3, FRAMES, SIDE, SIDE)
        with torch.no_grad():
            want = model(clips)
        outputs = _run_session(session, clips.numpy())
        error = max(float(np.abs(outputs[name] - part.numpy()).max()) for name, part in zip(names, want))
        assert error < 1e-3, f"the ONNX graph differs by {error}"
    size = path.stat().st_size
    assert size < 2.5e6, f"{size} bytes"
    print(f"{path}: {size / 2**20:.2f} MiB, {sum(p.numel() for p in model.parameters())} parameters")


def test(path: Path, clips: Tensor, labels: Tensor, scenes: Sequence[Scene], classes: dict[str, list[str]]) -> tuple[dict[str, float], np.ndarray]:
    """-> accuracy of each attribute, and features; prints what is mistaken for what."""
    session = _open_session(path)
    parts = [_run_session(session, part.float().numpy() / 255) for part in clips.cpu().split(_CHUNK)]
    features = np.concatenate([part["features"] for part in parts])
    accuracy = {}
    for column, (name, names) in enumerate(classes.items()):
        answers = np.concatenate([part[name].argmax(axis=1) for part in parts])
        truth = labels[:, column].cpu().numpy()
        known = truth != _IGNORED
        wrong = known & (answers != truth)
        accuracy[name] = 1 - wrong.sum() / known.sum()
        pairs = Counter((names[truth[row]], names[answers[row]]) for row in np.flatnonzero(wrong))
        told = ", ".join(f"{right} as {read} {count}" for (right, read), count in pairs.most_common(6))
        print(f"{name:8} {100 * accuracy[name]:6.2f} % of {known.sum()}{'' if accuracy[name] >= BAR else '  BELOW THE BAR'}  {told}")
        for row in np.flatnonzero(wrong)[:0 if accuracy[name] >= BAR else 12]:
            print(f"           {names[truth[row]]} as {names[answers[row]]}: {scenes[row]}")
    return accuracy, features


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--world", choices=sorted(WORLDS), default="core")
    parser.add_argument("--minutes", type=float, default=14, help="of training, rendering apart")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--clips", type=int, default=6000, help="renders to learn from")
    parser.add_argument("--work", type=Path, help="keeps those renders and the weights, for going on in another run of the same world")
    parser.add_argument("--unseen", type=int, default=1600, help="renders to test on")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--rate", type=float, default=3e-3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path, default=FOLDER)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    world = WORLDS[options.world]
    classes = classes_of(world)

    started = time.time()
    source = random.Random(11)
    scenes = [training_scene(world, source) for _ in range(options.clips)]
    pool, weights = (options.work / name if options.work else None for name in ("probe_pool.pt", "probe.pt"))
    if pool and pool.exists():
        clips = torch.load(pool).to(options.device)
        assert len(clips) == len(scenes), f"{pool} has {len(clips)} renders; delete it to render anew"
    else:
        fine = round(_FINE * len(scenes))
        clips = torch.cat([render_pool(scenes[:fine], True, options.device), render_pool(scenes[fine:], False, options.device)])
        if pool:
            pool.parent.mkdir(parents=True, exist_ok=True)
            torch.save(clips.cpu(), pool)
    print(f"{len(clips)} renders after {time.time() - started:.0f} s", flush=True)
    model = Classifier(classes).to(options.device)
    if weights and weights.exists():
        model.load_state_dict(torch.load(weights, map_location=options.device))
    train(model, clips, label(scenes, classes).to(options.device), classes, options.minutes, options.rate, options.batch)
    if weights:
        torch.save(model.state_dict(), weights)
    del clips

    options.out.mkdir(parents=True, exist_ok=True)
    export(model, classes, options.out / "probe.onnx")
    # Half of the unseen have a held-back pair and one subject: what the prompts' scenes are like, and what Fréchet distances refer to.
    source = random.Random(1_000_011)
    held = [draw_scene(world, source, held=True, empty=False) for _ in range(options.unseen // 2)]
    unseen = held + [draw_scene(world, source, held=False) for _ in range(options.unseen - len(held))]
    accuracy, features = test(options.out / "probe.onnx", render_pool(unseen, True, options.device), label(unseen, classes), unseen, classes)
    reference = features[: len(held)].astype(np.float64)
    facts = {
        "schemaVersion": 1,
        "world": world.name,
        "attributes": {name: {"classes": names, "accuracy": round(accuracy[name], 5)} for name, names in classes.items()},
        "features": {"count": len(held), "mean": [round(value, 6) for value in reference.mean(axis=0).tolist()],
                     "covariance": [[round(value, 7) for value in row] for row in np.cov(reference, rowvar=False).tolist()]},
    }
    (options.out / "probe.json").write_text(json.dumps(facts) + "\n")
    print(f"{time.time() - started:.0f} s in all")


if __name__ == "__main__":
    main()
