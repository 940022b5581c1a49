"""Train the starter for a number of minutes, going on from the checkpoint in the repository.

    python training/train.py --world core --minutes 120 --work DIR                      two CPU cores
    python training/train.py --world wide --minutes 25  --work DIR --device cuda        one GPU (--processes N: several)

It runs the stages below one after the other, each for its share of the time, and logs to DIR/train.log: the autoencoder
(only where there is none yet, or with --autoencoder), a cache of rendered latents, the transformer, the few-step
student; then it writes the checkpoint to the repository, contact sheets to DIR, and with --out a folder of at most eight
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
class Plan:
    """What differs between the worlds: the core is for two CPU cores, the wide for a GPU. Sizes are WIDTHxHEIGHTxFRAMES, each with its share of the steps."""

    square: str
    sizes: dict[str, float]
    frames: str
    cached: int          # clips of each size at most
    group: int           # clips rendered together
    stage: str           # of train_autoencoder.py
    batch: int           # of its crops
    crop: int
    pool: int            # of its rendered clips
    tokens: int
    micro: int
    muon: float
    steps: int           # of the student


PLANS = {
    "core": Plan(square="128x128", sizes={"128x128x1": 2, "128x128x17": 4, "176x96x17": 1, "96x176x17": 1}, frames="9:1,17:2",
                cached=8192, group=8, stage="decoder", batch=8, crop=64, pool=160,
                tokens=4096, micro=64, muon=4e-3, steps=4),
    "wide": Plan(square="256x256", sizes={"256x256x1": 1, "256x256x33": 4, "336x192x33": 1, "192x336x33": 1}, frames="17:1,33:3",
                 cached=40960, group=64, stage="both", batch=64, crop=128, pool=512,
                 tokens=300_000, micro=128, muon=5e-3, steps=4),
}
# Shares of the minutes; what is not needed is given to the transformer.
SHARES = {"autoencoder": 0.26, "cache": 0.16, "transformer": 0.44, "student": 0.10}


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

    minutes = {name: share * options.minutes for name, share in SHARES.items()}
    if not (work / "transformer.pt").exists() and not (work / "autoencoder.pt").exists():
        print("going on from the repository's checkpoint" if checkpoint.load(work, options.world) else "starting anew")
    same = ["--world", options.world, "--device", options.device]
    square = ["--size", smaller(plan.square)]
    if not (work / "autoencoder.pt").exists():
        stage("train_autoencoder.py", "pca", *same, *square)
        options.autoencoder = True
    if options.autoencoder:
        stage("train_autoencoder.py", plan.stage, *same, *square, "--rate", "2e-3", "--minutes", str(minutes["autoencoder"]),
              "--batch", str(max(4, plan.batch // options.shrink**2)), "--crop", str(plan.crop), "--pool", str(max(16, plan.pool // options.shrink**2)))
        shutil.rmtree(work / "latents", ignore_errors=True)
    if not (work / "transformer.pt").exists():
        stage("train_text_encoder.py", *same, "--minutes", str(min(3, 0.04 * options.minutes)))
    sizes = {smaller(size): share for size, share in plan.sizes.items()}
    for size, share in sizes.items():
        stage("latent_cache.py", *same, "--size", size, "--clips", str(max(512, plan.cached // options.shrink**4)),
              "--group", str(plan.group), "--minutes", str(minutes["cache"] * share / sum(sizes.values())))
    drawn = ["--sizes", ",".join(f"{size}:{share}" for size, share in sizes.items()), "--frames", plan.frames,
             "--tokens", str(plan.tokens // options.shrink**4), "--micro", str(plan.micro), "--muon", str(plan.muon)]
    # What loading and an autoencoder that was there already left over goes to the transformer.
    left = options.minutes - (time.time() - started) / 60 - minutes["student"] - 0.03 * options.minutes
    stage("train_transformer.py", *same, *drawn, "--minutes", str(max(left, 0.2)), "--decay", "0.25", processes=options.processes)
    stage("distil.py", *same, *drawn, "--minutes", str(minutes["student"]), "--steps", str(plan.steps), processes=options.processes)
    folder = checkpoint.save(work)
    stage("sample.py", "--world", options.world, "--scenes", "16", "--size", next(size for size in sizes if not size.endswith("x1")),
          "--out", str(work / "sheet.png"))
    model_folder = work / "starter"
    stage("export.py", "--world", options.world, "--out", str(model_folder), "--student", "--steps", str(plan.steps), "--guidance", "1")
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
