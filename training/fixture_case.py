"""Writing one parity case: config.json, weights.safetensors, io.safetensors (in.*, out.*), case.json."""

import json
from pathlib import Path

import diffusers
import torch
from safetensors.torch import save_file
from torch import Tensor

MADE_WITH = f"training/fixtures.py, diffusers {diffusers.__version__}, torch {torch.__version__}"


def write_case(folder: Path, config: dict, weights: dict[str, Tensor], call: str, scalars: dict,
               tensors: dict[str, Tensor], note: str, made_with: str = MADE_WITH) -> None:
    """Floats go to io as f32, ids and masks as they are; weights keep their dtype."""
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / "config.json", config)
    if weights:
        save_file({name: value.detach().contiguous() for name, value in weights.items()}, folder / "weights.safetensors")
    plain = {name: (value.float() if value.is_floating_point() else value) for name, value in tensors.items()}
    for name, value in plain.items():
        assert torch.isfinite(value.double()).all(), f"{folder.name}: {name} is not finite"
    save_file({name: value.detach().contiguous() for name, value in plain.items()}, folder / "io.safetensors")
    write_json(folder / "case.json", {"call": call, "scalars": scalars, "made_with": made_with, "note": note})
    print(f"{folder.name}: {sum(file.stat().st_size for file in folder.rglob('*') if file.is_file()) // 1024} KiB", flush=True)


def write_json(path: Path, value: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=2) + "\n")


def reference_config(model: object) -> dict:
    """The reference's own config, as it would save it, without the version of the library."""
    config = {"_class_name": type(model).__name__, **dict(model.config)}
    config.pop("_use_default_values", None)
    return config


def relative_change(reference: Tensor, other: Tensor) -> float:
    return ((other - reference).norm() / reference.norm()).item()
