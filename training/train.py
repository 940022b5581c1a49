"""Train the starter for a number of minutes, going on from the checkpoint in the repository.

    python training/train.py --world core --minutes 120 --work DIR                      two CPU cores
    python training/train.py --world wide --minutes 25  --work DIR --device cuda        one GPU (--processes N: several)

It runs the stages below one after the other, each for its share of the time, and logs to DIR/train.log: the autoencoder
(only where there is none yet, or with --autoencoder), a cache of rendered latents, the transformer, the few-step
student, and the decoder once more, on what the transformer draws; then it writes the checkpoint to the repository, contact sheets to DIR, and with --out a folder of at most eight
files of at most 16 MiB each to carry home from a machine that keeps nothing else.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tarfile
import time
from dataclasses import dataclass
from pathlib import Path

import checkpoint
from world.attributes import WORLDS

HERE = Path(__file__).parent
CARRIED_BYTES = 15 * 2**20


@dataclass(frozen=True)
class Mix:
    """What the steps are made of: sizes as WIDTHxHEIGHTxFRAMES and lengths of their clips in frames, each with its share."""

    sizes: dict[str, float]
    frames: str


@dataclass(frozen=True)
class Plan:
    """What differs between the worlds: the core is for two CPU cores, the wide for a GPU."""

    square: str
    cached: dict[str, int]   # clips of each size at most
    group: int               # clips rendered together
    stage: str               # of train_autoencoder.py
    batch: int               # of its crops
    crop: int
    pool: int                # of its rendered clips
    refresh: int             # steps between fresh ones
    first: Mix               # of a new transformer's first quarter: pictures are cheap, and teach what everything looks like
    then: Mix
    tokens: int
    micro: int
    muon: float
    mean: float              # of the noise levels' logits
    steps: int               # of the exported model
    guidance: float
    redrawn: int             # clips of each kind that the decoder learns from at the end
    shares: dict[str, float]  # of the minutes; what is not needed goes to the transformer. No student: the plain model is exported.


PLANS = {
    "core": Plan(square="128x128",
                 cached={"128x128x1": 12288, "128x128x17": 7168, "128x128x33": 1536, "176x96x17": 1024, "96x176x17": 1024},
                 group=8, stage="decoder", batch=8, crop=64, pool=160, refresh=16,
                 first=Mix({"128x128x1": 3, "128x128x17": 1}, "5:1,9:1,17:1"),
                 then=Mix({"128x128x1": 2, "128x128x17": 5, "128x128x33": 1.2, "176x96x17": 0.7, "96x176x17": 0.7}, "9:1,17:2,33:2"),
                 tokens=8192, micro=128, muon=5e-3, mean=0.5, steps=10, guidance=5, redrawn=512,
                 shares={"autoencoder": 0.11, "cache": 0.08, "polish": 0.16}),
    "wide": Plan(square="256x256",
                 cached={"256x256x1": 40960, "256x256x33": 40960, "336x192x33": 10240, "192x336x33": 10240},
                 group=64, stage="both", batch=64, crop=128, pool=512, refresh=4,
                 first=Mix({"256x256x1": 3, "256x256x33": 1}, "9:1,17:1"),
                 then=Mix({"256x256x1": 1, "256x256x33": 4, "336x192x33": 1, "192x336x33": 1}, "17:1,33:3"),
                 tokens=300_000, micro=128, muon=5e-3, mean=0.5, steps=4, guidance=1, redrawn=1024,
                 shares={"autoencoder": 0.24, "cache": 0.15, "student": 0.10, "polish": 0.10}),
}
FIRST_SHARE = 0.28  # of a new transformer's time


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--world", choices=sorted(WORLDS), required=True)
    parser.add_argument("--minutes", type=float, required=True)
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--processes", type=int, default=1, help="GPUs, or CPU cores with a thread each")
    parser.add_argument("--autoencoder", action="store_true", help="train the autoencoder on, which makes all latents anew")
    parser.add_argument("--shrink", type=int, default=1, help="divide sizes by this and take few clips: to rehearse the whole run")
    parser.add_argument("--out", type=Path, help="also put what is worth keeping here")
    options = parser.parse_args()
    work, plan = options.work, PLANS[options.world]
    work.mkdir(parents=True, exist_ok=True)
    started = time.time()
    log = (work / "train.log").open("a")

    def smaller(size: str) -> str:
        numbers = [int(number) for number in size.split("x")]
        sides = [max(64, number // options.shrink // 16 * 16) for number in numbers[:2]]
        return "x".join(map(str, sides + numbers[2:]))

    def stage(script: str, *arguments: str, processes: int = 1) -> None:
        command = [sys.executable, "-u"] if processes == 1 else [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", str(processes)]
        command += [str(HERE / script), "--work", str(work), *arguments]
        print(f"[{time.time() - started:.0f} s] {script} {' '.join(arguments)}", flush=True)
        threads = {"OMP_NUM_THREADS": "1"} if processes > 1 or options.device == "cpu" else {}
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env={**os.environ, **threads}) as process:
            for line in process.stdout or ():
                print(line, end="", flush=True)
                log.write(line)
                log.flush()
        if process.returncode:
            raise SystemExit(f"{script} failed with exit status {process.returncode}; its output is in {work / 'train.log'}.")

    minutes = {name: share * options.minutes for name, share in plan.shares.items()}
    if not (work / "transformer.pt").exists() and not (work / "autoencoder.pt").exists():
        print("going on from the repository's checkpoint" if checkpoint.load(work, options.world) else "starting anew")
    same = ["--world", options.world, "--device", options.device]
    square = ["--size", smaller(plan.square)]
    if not (work / "autoencoder.pt").exists():
        stage("train_autoencoder.py", "pca", *same, *square)
        options.autoencoder = True
    if options.autoencoder:
        stage("train_autoencoder.py", plan.stage, *same, *square, "--rate", "2e-3", "--minutes", str(minutes["autoencoder"]), "--refresh", str(plan.refresh),
              "--batch", str(max(4, plan.batch // options.shrink**2)), "--crop", str(plan.crop), "--pool", str(max(16, plan.pool // options.shrink**2)))
        if plan.stage == "both":  # the decoder alone leaves the latents as they are
            shutil.rmtree(work / "latents", ignore_errors=True)
    new = not (work / "transformer.pt").exists()
    if new:
        stage("train_text_encoder.py", *same, "--minutes", str(min(4, 0.04 * options.minutes)))
    for size, clips in plan.cached.items():
        stage("latent_cache.py", *same, "--size", smaller(size), "--clips", str(max(512, clips // options.shrink**4)),
              "--group", str(plan.group), "--minutes", str(minutes["cache"] * clips / sum(plan.cached.values())))

    def drawn(mix: Mix) -> list[str]:
        return ["--sizes", ",".join(f"{smaller(size)}:{share}" for size, share in mix.sizes.items()), "--frames", mix.frames,
                "--tokens", str(plan.tokens // options.shrink**4), "--micro", str(plan.micro), "--muon", str(plan.muon), "--mean", str(plan.mean)]

    # What loading and an autoencoder that was there already left over goes to the transformer.
    left = max(0.4, options.minutes - (time.time() - started) / 60 - minutes.get("student", 0) - minutes["polish"] - 0.03 * options.minutes)
    if new:
        stage("train_transformer.py", *same, *drawn(plan.first), "--minutes", str(FIRST_SHARE * left), processes=options.processes)
        left *= 1 - FIRST_SHARE
    stage("train_transformer.py", *same, *drawn(plan.then), "--minutes", str(left), "--decay", "0.35", processes=options.processes)
    student = "student" in minutes
    if student:
        stage("distil.py", *same, *drawn(plan.then), "--minutes", str(minutes["student"]), "--steps", str(plan.steps), processes=options.processes)
    clip = smaller(next(size for size in plan.then.sizes if not size.endswith("x1")))
    crop = max(64, int(clip.split("x")[0]) // 2)
    shutil.rmtree(work / "redrawn", ignore_errors=True)  # of an earlier transformer
    redrawn = str(max(64, plan.redrawn // options.shrink**2))
    stage("redraw.py", *same, "--size", clip, "--redrawn", redrawn, "--drawn", redrawn, "--steps", str(plan.steps), "--guidance", str(plan.guidance),
          *(["--student"] if student else []), "--minutes", str(0.4 * minutes["polish"]), "--threads", str(options.processes))
    stage("polish_decoder.py", *same, "--minutes", str(0.6 * minutes["polish"]), "--crop", str(crop), "--batch", str(plan.batch + 1), "--threads", str(options.processes))
    folder = checkpoint.save(work)
    stage("sample.py", "--world", options.world, "--scenes", "16", "--size", clip, "--out", str(work / "sheet.png"))
    model_folder = work / "starter"
    stage("export.py", "--world", options.world, "--out", str(model_folder), *(["--student"] if student else []),
          "--steps", str(plan.steps), "--guidance", str(plan.guidance))
    if options.out:
        carry(folder, model_folder, work, options.out)


def carry(folder: Path, model_folder: Path, work: Path, out: Path) -> None:
    """Checkpoint parts, the model folder as parts of one tar, the log and the sheet: few files, none too large."""
    out.mkdir(parents=True, exist_ok=True)
    for path in [*sorted(folder.iterdir()), work / "train.log", work / "sheet.png"]:
        shutil.copy(path, out / path.name)
    archive = work / "starter.tar"
    with tarfile.open(archive, "w") as tar:
        tar.add(model_folder, arcname="starter")
    content = archive.read_bytes()
    for number in range(-(-len(content) // CARRIED_BYTES)):
        (out / f"starter.tar.{number}").write_bytes(content[number * CARRIED_BYTES:(number + 1) * CARRIED_BYTES])


if __name__ == "__main__":
    main()
