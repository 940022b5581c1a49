"""The checkpoint in the repository: what training goes on from on a fresh clone.

    python training/checkpoint.py save --work DIR          DIR's state -> training/checkpoint/WORLD/
    python training/checkpoint.py load --work DIR --world core

Weights are f16 (never bf16: its seven bits lose what training adds), in parts of at most 16 MiB: the averaged
transformer and text encoder, and the autoencoder. Optimizer state is left out: a warm-up rebuilds it.
"""

import argparse
import json
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from autoencoder import KinoraAutoencoder
from world.attributes import WORLDS

PART_BYTES = 16 * 2**20
MOST_BYTES = 28 * 2**20
FOLDER = Path(__file__).parent / "checkpoint"


def _parts(tensors: dict[str, Tensor]) -> list[dict[str, Tensor]]:
    parts: list[dict[str, Tensor]] = [{}]
    size = 0
    for name, value in tensors.items():
        if size + value.nbytes > PART_BYTES - 2**20:       # a MiB for the headers
            parts.append({})
            size = 0
        parts[-1][name] = value
        size += value.nbytes
    return parts


def save(work: Path, folder: Path | None = None) -> Path:
    """Write `work`'s state as the repository's checkpoint of its world."""
    state = torch.load(work / "transformer.pt", map_location="cpu")
    folder = folder or FOLDER / state["world"]
    autoencoder = KinoraAutoencoder.load(work / "autoencoder.pt")
    tensors = {f"transformer.{name}": value for name, value in state["average"].items()}
    untrained = not bool(autoencoder.encoder.conv_out.weight.any())
    for name, value in autoencoder.state_dict().items():
        if untrained and name.startswith("encoder.") and not name.startswith("encoder.skip"):
            continue                                        # adds nothing: made anew on loading
        tensors[f"autoencoder.{name}"] = value
    tensors = {name: value.half().contiguous() for name, value in tensors.items()}
    total = sum(value.nbytes for value in tensors.values())
    if total > MOST_BYTES:
        raise SystemExit(f"The checkpoint would take {total / 2**20:.1f} MiB; at most {MOST_BYTES // 2**20} are allowed. Make the model smaller.")
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("part*.safetensors"):
        old.unlink()
    for number, part in enumerate(_parts(tensors)):
        save_file(part, folder / f"part{number}.safetensors")
    description = {"world": state["world"], "step": state["step"], "samplesSeen": state["seen"], "autoencoder": autoencoder.config}
    (folder / "checkpoint.json").write_text(json.dumps(description, indent=2) + "\n")
    return folder


def load(work: Path, world: str, folder: Path | None = None) -> bool:
    """Unpack the repository's checkpoint of a world into `work`; False if there is none."""
    folder = folder or FOLDER / world
    if not (folder / "checkpoint.json").exists():
        return False
    description = json.loads((folder / "checkpoint.json").read_text())
    tensors: dict[str, Tensor] = {}
    for part in sorted(folder.glob("part*.safetensors")):
        tensors.update(load_file(part))
    work.mkdir(parents=True, exist_ok=True)
    autoencoder = KinoraAutoencoder(description["autoencoder"])
    stored = {name.removeprefix("autoencoder."): value.float() for name, value in tensors.items() if name.startswith("autoencoder.")}
    autoencoder.load_state_dict(stored, strict=False)
    autoencoder.save(work / "autoencoder.pt")
    average = {name.removeprefix("transformer."): value.float() for name, value in tensors.items() if name.startswith("transformer.")}
    torch.save({"average": average, "step": description["step"], "seen": description["samplesSeen"], "world": world}, work / "transformer.pt")
    return True


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("action", choices=["save", "load"])
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--world", choices=sorted(WORLDS), default="core")
    options = parser.parse_args()
    if options.action == "save":
        folder = save(options.work)
        print(f"{folder}: {sum(path.stat().st_size for path in folder.iterdir()) / 2**20:.1f} MiB")
    elif not load(options.work, options.world):
        raise SystemExit(f"There is no checkpoint of the world {options.world} in {FOLDER}; train one first (training/README.md).")


if __name__ == "__main__":
    main()
