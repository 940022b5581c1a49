"""Write the starter's model folder: python training/export.py --work DIR --out public/models/starter

Reads the last checkpoints in DIR (random weights where there are none yet) and
replaces the folder's files. `evaluate.py` adds its figures through DIR/quality.json.
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
from text_encoder import MAX_TOKENS, save_tokenizer
from text_onnx import export_text_encoder
from train_transformer import CHECKPOINT, Model, load_average
from transformer import CONFIG, SPACE_SCALE, TIME_SCALE
from world import captions

QUANTIZED_FROM = 4096  # elements; smaller matrices stay f32

KNOWS = [
    ("Skies", captions.SKY_PHRASES), ("Lands", captions.LAND_PHRASES), ("Subjects", captions.SUBJECT_PHRASES),
    ("Colours", captions.COLOUR_PHRASES), ("Motion", captions.MOTION_PHRASES), ("Camera", captions.CAMERA_PHRASES),
    ("Styles", captions.STYLE_PHRASES),
]
EXAMPLES = [
    "a red sky at sunset",
    "a starry night",
    "a blue rocket rising over a meadow at dawn",
    "a red hot air balloon rising over mountains, a clear blue sky",
    "the northern lights over snowy hills",
    "a stormy sky over the sea",
    "a clear blue sky over green hills, zoom in",
    "a misty forest at sunrise",
]


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
        "_class_name": "LTXVideoTransformer3DModel", **CONFIG, "quantization": {"method": "int8-per-channel"}})


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


def manifest(folder: Path, words: list[str], quality: dict) -> dict:
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != "kinora.json")
    return {
        "schemaVersion": 1,
        "id": "starter",
        "name": "Kinora Starter",
        "version": 0,
        "licence": "MIT (weights)",
        "description": "A very small model of calm skies, lands and a few subjects, trained on clips that this project renders itself.",
        "files": [
            {"path": path.relative_to(folder).as_posix(), "bytes": path.stat().st_size,
             "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
            for path in files
        ],
        "sizes": [
            {"shape": "1:1", "width": 128, "height": 128},
            {"shape": "16:9", "width": 176, "height": 96},
            {"shape": "9:16", "width": 96, "height": 176},
        ],
        "frames": {"default": 17, "allowed": [9, 17, 25, 33]},
        "fps": {"default": 8, "allowed": [6, 8, 12]},
        "steps": {"default": 8, "min": 1, "max": 30},
        "guidance": {"default": 3, "min": 1, "max": 8},
        "latent": {"channels": CONFIG["in_channels"], "scaleSpace": 16, "scaleTime": 4},
        # video_coords[axis] of a token = its latent index on that axis * scale, at every size;
        # diffusers' rope then divides by 20 (time) and 2048 (both axes of space).
        "rope": {"timeScale": TIME_SCALE, "spaceScale": SPACE_SCALE, "baseTime": 20, "baseSpace": 2048, "theta": 10000,
                 "coordinate": "latent index x scale"},
        "text": {"maxTokens": MAX_TOKENS, "words": words},
        "knows": [
            {"title": title, "phrases": list(dict.fromkeys(p for group in table.values() for p in group if p))}
            for title, table in KNOWS
        ],
        "examples": EXAMPLES,
        "quality": quality,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    torch.manual_seed(0)
    torch.set_num_threads(1)
    model = load_average(options.work) if (options.work / CHECKPOINT).exists() else Model().eval()
    autoencoder = KinoraAutoencoder.load(options.work / "autoencoder.pt")
    out = options.out
    export_transformer(model, out / "transformer")
    export_autoencoder(autoencoder, out / "vae")
    export_pipeline(out)
    save_tokenizer(out / "tokenizer")
    text_config = model.text_encoder.config.to_dict()
    write_json(out / "text_encoder" / "config.json", {
        key: text_config[key] for key in (
            "vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size", "hidden_act",
            "max_position_embeddings", "type_vocab_size", "layer_norm_eps", "pad_token_id")
    } | {"model_type": "bert", "architectures": ["BertModel"]})
    prompts = EXAMPLES + ["", "a dragon flying right over mountains, pastel style"]
    print("int8 text encoder, relative error:", export_text_encoder(
        model.text_encoder, out / "text_encoder" / "onnx" / "model_quantized.onnx", prompts))
    quality_path = options.work / "quality.json"
    quality = json.loads(quality_path.read_text()) if quality_path.exists() else {}
    write_json(out / "kinora.json", manifest(out, captions.known_words(), quality))
    for path in out.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)
    total = sum(path.stat().st_size for path in out.rglob("*") if path.is_file())
    print(f"{out}: {total / 2**20:.1f} MiB")


if __name__ == "__main__":
    main()
