"""An exported starter folder in PyTorch: what the engine computes, from the same int8 weights, text encoder and noise.

    starter = Starter(Path("public/models/starter"))
    clips = starter.generate(["a starry night over dunes"], seeds=[1], steps=8, guidance=3, size=(128, 128, 17))
"""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from diffusers import LTXVideoTransformer3DModel
from safetensors.torch import load_file
from torch import Tensor
from transformers import PreTrainedTokenizerFast

from autoencoder import KinoraAutoencoder
from philox import clip_noise
from transformer import SPACE_SCALE, TIME_SCALE, run, token_coordinates

DEFAULT_FOLDER = Path(__file__).parents[1] / "public" / "models" / "starter"
TRANSFORMER = "transformer/diffusion_pytorch_model.safetensors"
AUTOENCODER = "vae/diffusion_pytorch_model.safetensors"
TEXT_ENCODER = "text_encoder/onnx/model_quantized.onnx"


def load_transformer(folder: Path) -> LTXVideoTransformer3DModel:
    """The int8 weights, expanded, in diffusers' own class."""
    config = json.loads((folder / "config.json").read_text())
    assert config.pop("quantization")["method"] == "int8-per-channel"
    tensors = load_file(folder / "diffusion_pytorch_model.safetensors")
    weights = {}
    for name, value in tensors.items():
        if name.endswith("_scale"):
            continue
        weights[name] = value.float() * tensors[f"{name}_scale"][:, None] if value.dtype == torch.int8 else value
    model = LTXVideoTransformer3DModel.from_config(config)
    model.load_state_dict(weights)
    return model.eval()


def load_autoencoder(folder: Path) -> KinoraAutoencoder:
    """The f16 weights in f32."""
    model = KinoraAutoencoder(json.loads((folder / "config.json").read_text()))
    tensors = load_file(folder / "diffusion_pytorch_model.safetensors")
    model.load_state_dict({name: value.float() for name, value in tensors.items()})
    return model.eval()


def to_pixels(video: Tensor) -> np.ndarray:
    """f32 [3, F, H, W] in [-1, 1] -> u8 [F, H, W, 3], rounded as the engine rounds."""
    return ((video.clamp(-1, 1) + 1) * 127.5 + 0.5).floor().byte().permute(1, 2, 3, 0).cpu().numpy()


class Starter:
    """The folder's transformer, autoencoder, text encoder and scheduler, in f32."""

    def __init__(self, folder: Path = DEFAULT_FOLDER, device: str = "cpu"):
        self.folder, self.device = folder, torch.device(device)
        self.manifest = json.loads((folder / "kinora.json").read_text())
        rope = self.manifest["rope"]
        assert (rope["timeScale"], rope["spaceScale"]) == (TIME_SCALE, SPACE_SCALE), "the folder has other token coordinates"
        self.transformer = load_transformer(folder / "transformer").to(self.device)
        self.autoencoder = load_autoencoder(folder / "vae").to(self.device)
        self.tokenizer = PreTrainedTokenizerFast.from_pretrained(folder / "tokenizer")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        self.text_encoder = onnxruntime.InferenceSession(str(folder / TEXT_ENCODER), options, providers=["CPUExecutionProvider"])
        scheduler = json.loads((folder / "scheduler" / "scheduler_config.json").read_text())
        assert not scheduler["use_dynamic_shifting"]
        self.shift = float(scheduler["shift"])

    def sigmas(self, steps: int) -> Tensor:
        """[steps + 1], from 1 to 0."""
        even = torch.linspace(1, 1 / steps, steps)
        return torch.cat([self.shift * even / (1 + (self.shift - 1) * even), torch.zeros(1)])

    def embed(self, prompt: str) -> Tensor:
        """-> [L, E]: a prompt alone, as the engine encodes it. The encoder's int8 activations would differ a little in a batch."""
        ids = np.array([self.tokenizer(prompt)["input_ids"]], dtype=np.int64)
        inputs = {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)}
        names = [entry.name for entry in self.text_encoder.get_inputs()]
        return torch.from_numpy(self.text_encoder.run(["last_hidden_state"], {name: inputs[name] for name in names})[0][0])

    def embed_all(self, prompts: Sequence[str]) -> tuple[Tensor, Tensor]:
        """-> [B, L, E], padded behind, and mask [B, L]."""
        states = [self.embed(prompt) for prompt in prompts]
        text = torch.nn.utils.rnn.pad_sequence(states, batch_first=True)
        lengths = torch.tensor([len(state) for state in states])
        mask = (torch.arange(text.shape[1]) < lengths[:, None]).float()
        return text.to(self.device), mask.to(self.device)

    @torch.no_grad()
    def generate(self, prompts: Sequence[str], seeds: Sequence[int], steps: int, guidance: float, size: tuple[int, int, int],
                 first_frames: Sequence[np.ndarray] | None = None, batch: int = 16) -> list[np.ndarray]:
        """-> u8 [F, H, W, 3] for each prompt; size is (width, height, frames).

        first_frames: pictures u8 [H, W, 3] that the clips begin with: image to video.
        """
        clips: list[np.ndarray] = []
        for start in range(0, len(prompts), batch):
            part = slice(start, start + batch)
            known = None if first_frames is None else self.encode_pictures(first_frames[part])
            latents = self._denoise(prompts[part], seeds[part], steps, guidance, size, known)
            for z in latents.split(1):
                clips.append(to_pixels(self.autoencoder.decode(self.autoencoder.denormalize(z))[0]))
        return clips

    @torch.no_grad()
    def encode_pictures(self, pictures: Sequence[np.ndarray]) -> Tensor:
        """u8 [H, W, 3] each -> normalized latents [B, S, Z] of one latent frame."""
        video = torch.from_numpy(np.stack(pictures)).to(self.device).permute(0, 3, 1, 2)[:, :, None].float() / 127.5 - 1  # [B, 3, 1, H, W]
        return self.autoencoder.normalize(self.autoencoder.encode(video))[:, :, 0].flatten(2).transpose(1, 2)

    def _denoise(self, prompts: Sequence[str], seeds: Sequence[int], steps: int, guidance: float, size: tuple[int, int, int],
                 known: Tensor | None) -> Tensor:
        """-> normalized latents [B, Z, T, h, w]; `known` [B, S, Z] stays in place as latent frame 0, at timestep 0."""
        width, height, frames = size
        latent = self.manifest["latent"]
        grid = ((frames - 1) // latent["scaleTime"] + 1, height // latent["scaleSpace"], width // latent["scaleSpace"])
        coordinates = token_coordinates(*grid).to(self.device)
        noise = np.stack([clip_noise(seed, latent["channels"], *grid) for seed in seeds])
        x = torch.from_numpy(noise).to(self.device).permute(0, 2, 3, 4, 1).flatten(2, 3)     # [B, T, S, Z]
        count, guided = len(prompts), guidance != 1
        # The empty prompt's half rides in the same batch.
        text, mask = self.embed_all([*prompts, *([""] * count if guided else [])])
        sigmas = self.sigmas(steps).to(self.device)
        for now, after in zip(sigmas, sigmas[1:]):
            sigma = now.repeat(count, grid[0])
            if known is not None:
                x[:, 0], sigma[:, 0] = known, 0
            if guided:
                named, plain = run(self.transformer, x.repeat(2, 1, 1, 1), sigma.repeat(2, 1), text, mask, coordinates).chunk(2)
                velocity = plain + guidance * (named - plain)
            else:
                velocity = run(self.transformer, x, sigma, text, mask, coordinates)
            x = x + (after - now) * velocity
        if known is not None:
            x[:, 0] = known
        return x.unflatten(2, grid[1:]).permute(0, 4, 1, 2, 3)
