"""Write the starter's model folder: python training/export.py --work DIR --world core --out public/models/starter

Reads the last checkpoints in DIR and replaces the folder's files. With `--student` the few-step weights of distil.py
are taken in place of the plain ones. `evaluate.py` adds its figures afterwards (`--quality FILE`).
"""

import argparse
import hashlib
import json
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from autoencoder import KinoraAutoencoder
from sample import SHIFT
from distil import STUDENT
from text_encoder import MAX_TOKENS, save_tokenizer
from text_onnx import export_text_encoder
from train_transformer import CHECKPOINT, Model, load_average
from transformer import CONFIGS, SPACE_SCALE, TIME_SCALE
from world.attributes import WORLDS
from world.captions import known_phrases, known_words

QUANTIZED_FROM = 4096  # elements; smaller matrices stay f32

EXAMPLES = {
    "core": [
        "a red balloon rising over mountains at sunset",
        "a white sailboat sailing to the right on the ocean, a blue sky",
        "the northern lights over the ocean",
        "a starry night over snowy hills",
        "a yellow kite flying to the left over a meadow, a sunny day",
        "a blue planet over dunes at sunset, neon style",
        "a purple rocket rising over mountains, a starry night, the camera zooms in",
        "a green butterfly over a meadow, pastel style",
    ],
    "wide": [
        "a red balloon rising over mountains at sunset",
        "a white sailboat sailing to the right on a lake at dawn, watercolour",
        "the northern lights over snowy hills, a deer standing still",
        "a city at night with falling rain, neon style, the camera pans right",
        "falling leaves over an autumn forest, a brown horse walking to the left",
        "an orange lantern rising on a moonlit night over islands",
        "a windmill in a green meadow, paper cut-out",
        "a grey whale swimming to the right in the ocean under a stormy sky, 35 mm film grain",
    ],
}
# What a model of each world makes: square, wide and tall sizes, lengths in frames, steps and guidance.
SHAPES = {
    "core": {"sizes": [("1:1", 128, 128), ("16:9", 176, 96), ("9:16", 96, 176)], "frames": (17, [9, 17, 33])},
    "wide": {"sizes": [("1:1", 256, 256), ("16:9", 336, 192), ("9:16", 192, 336)], "frames": (33, [17, 33])},
}
DESCRIPTIONS = {
    "core": "A very small model of designed landscapes: skies, lands, one subject with a colour and a movement, a camera move, a style. Trained on two CPU cores on clips that this project renders itself.",
    "wide": "A small model of designed landscapes: skies, lands, weather, subjects with a colour and a movement, camera moves, styles. Trained on clips that this project renders itself.",
}


def write_json(path: Path, value) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def quantize_rows(weight: Tensor) -> tuple[Tensor, Tensor]:
    """f32 [out, in] -> int8 [out, in] and f32 scales [out]; weight ≈ q * scale."""
    scale = weight.abs().amax(dim=1).clamp_min(1e-12) / 127
    return (weight / scale[:, None]).round().clamp(-127, 127).to(torch.int8), scale


def export_transformer(model: Model, folder: Path) -> None:
    tensors = {}
    for name, value in model.transformer.state_dict().items():
        if value.ndim == 2 and value.numel() >= QUANTIZED_FROM and name.endswith(".weight"):
            tensors[name], tensors[f"{name}_scale"] = quantize_rows(value.float())
        else:
            tensors[name] = value.float().contiguous()
    folder.mkdir(parents=True, exist_ok=True)
    save_file(tensors, folder / "diffusion_pytorch_model.safetensors", metadata={"format": "pt"})
    write_json(folder / "config.json", {
        "_class_name": "LTXVideoTransformer3DModel", **CONFIGS[model.world], "quantization": {"method": "int8-per-channel"}})


def export_autoencoder(autoencoder: KinoraAutoencoder, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    weights = {name: value.half().contiguous() for name, value in autoencoder.state_dict().items()}
    if not autoencoder.encoder.conv_out.weight.any():
        # The encoder is its linear skip alone: the convolutions add nothing, and as zeros they compress to nothing.
        for name in weights:
            if name.startswith("encoder.") and not name.startswith("encoder.skip") and "norm" not in name:
                weights[name].zero_()
    save_file(weights, folder / "diffusion_pytorch_model.safetensors", metadata={"format": "pt"})
    (folder / "config.json").write_text(autoencoder.config_json())


def export_pipeline(folder: Path) -> None:
    write_json(folder / "scheduler" / "scheduler_config.json", {
        "_class_name": "FlowMatchEulerDiscreteScheduler", "num_train_timesteps": 1000,
        "shift": SHIFT, "use_dynamic_shifting": False})
    write_json(folder / "model_index.json", {
        "_class_name": "LTXPipeline",
        "scheduler": ["diffusers", "FlowMatchEulerDiscreteScheduler"],
        "text_encoder": ["transformers", "BertModel"],
        "tokenizer": ["transformers", "PreTrainedTokenizerFast"],
        "transformer": ["diffusers", "LTXVideoTransformer3DModel"],
        "vae": ["kinora", "KinoraAutoencoder"],
    })


def list_files(folder: Path) -> list[dict]:
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != "kinora.json")
    return [{"path": path.relative_to(folder).as_posix(), "bytes": path.stat().st_size,
             "sha256": hashlib.sha256(path.read_bytes()).hexdigest()} for path in files]


def renew_autoencoder(work: Path, folder: Path, version: int, quality: dict) -> None:
    """Replace the autoencoder of a folder, and what kinora.json says of it: the rest stays to the byte."""
    export_autoencoder(KinoraAutoencoder.load(work / "autoencoder.pt"), folder / "vae")
    described = json.loads((folder / "kinora.json").read_text())
    write_json(folder / "kinora.json", {**described, "version": version, "files": list_files(folder), "quality": {**described["quality"], **quality}})


def manifest(folder: Path, world: str, version: int, steps: int, guidance: float, quality: dict) -> dict:
    return {
        "schemaVersion": 1,
        "id": "starter",
        "name": "Kinora Starter",
        "version": version,
        "world": world,
        "licence": "MIT (weights)",
        "description": DESCRIPTIONS[world],
        "files": list_files(folder),
        "sizes": [{"shape": shape, "width": width, "height": height} for shape, width, height in SHAPES[world]["sizes"]],
        "frames": {"default": SHAPES[world]["frames"][0], "allowed": SHAPES[world]["frames"][1]},
        "fps": {"default": 8, "allowed": [6, 8, 12]},
        "steps": {"default": steps, "min": 1, "max": 30},
        "guidance": {"default": guidance, "min": 1, "max": 8},
        "latent": {"channels": CONFIGS[world]["in_channels"], "scaleSpace": 16, "scaleTime": 4},
        "width": CONFIGS[world]["num_attention_heads"] * CONFIGS[world]["attention_head_dim"],
        # video_coords[axis] of a token = its latent index on that axis * scale, at every size;
        # diffusers' rope then divides by 20 (time) and 2048 (both axes of space).
        "rope": {"timeScale": TIME_SCALE, "spaceScale": SPACE_SCALE, "baseTime": 20, "baseSpace": 2048, "theta": 10000,
                 "coordinate": "latent index x scale"},
        "text": {"maxTokens": MAX_TOKENS, "words": known_words(WORLDS[world])},
        "knows": [{"title": title.capitalize(), "phrases": phrases} for title, phrases in known_phrases(WORLDS[world]).items()],
        "examples": EXAMPLES[world],
        "quality": quality,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--world", choices=sorted(WORLDS), default="core")
    parser.add_argument("--version", type=int, default=1)
    parser.add_argument("--autoencoder", action="store_true", help="replace the autoencoder alone")
    parser.add_argument("--student", action="store_true")
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--guidance", type=float, default=3)
    parser.add_argument("--quality", type=Path, help="JSON to keep in kinora.json")
    options = parser.parse_args()
    torch.manual_seed(0)
    torch.set_num_threads(1)
    quality = json.loads(options.quality.read_text()) if options.quality else {}
    if options.autoencoder:
        renew_autoencoder(options.work, options.out, options.version, quality)
        return
    model = load_average(options.work, options.world, STUDENT if options.student else CHECKPOINT)
    autoencoder = KinoraAutoencoder.load(options.work / "autoencoder.pt")
    out = options.out
    export_transformer(model, out / "transformer")
    export_autoencoder(autoencoder, out / "vae")
    export_pipeline(out)
    save_tokenizer(options.world, out / "tokenizer")
    text_config = model.text_encoder.config.to_dict()
    write_json(out / "text_encoder" / "config.json", {
        key: text_config[key] for key in (
            "vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size", "hidden_act",
            "max_position_embeddings", "type_vocab_size", "layer_norm_eps", "pad_token_id")
    } | {"model_type": "bert", "architectures": ["BertModel"]})
    prompts = EXAMPLES[options.world] + ["", "a dragon flying right over mountains, pastel style"]
    print("int8 text encoder, relative error:", export_text_encoder(
        model.text_encoder, options.world, out / "text_encoder" / "onnx" / "model_quantized.onnx", prompts))
    write_json(out / "kinora.json", manifest(out, options.world, options.version, options.steps, options.guidance, quality))
    for path in out.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)
    total = sum(path.stat().st_size for path in out.rglob("*") if path.is_file())
    print(f"{out}: {total / 2**20:.1f} MiB")


if __name__ == "__main__":
    main()
