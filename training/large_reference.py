"""What diffusers and transformers make of the random weights of fake_ltx.py: for `npm run verify:large`.

    python training/large_reference.py --weights DIR --tokenizer tokenizer.json --prompt "a red sailboat"

Writes DIR/reference.safetensors: one step of LTXConditionPipeline at 64×64×9 from `noise` [128, 2, 2, 2], once with random
`prompt_embeds` [12, 4096] (`latents` after it), once with T5's of the prompt (`t5_embeds`, `t5_latents`). All f32. The encoder is
run a block at a time: whole, it would take 19 GB.
"""

import argparse
import json
from pathlib import Path

import torch
from diffusers import AutoencoderKLLTXVideo, FlowMatchEulerDiscreteScheduler, LTXConditionPipeline, LTXVideoTransformer3DModel
from diffusers.loaders.single_file_utils import convert_ltx_transformer_checkpoint_to_diffusers
from safetensors import safe_open
from safetensors.torch import save_file
from tokenizers import Tokenizer
from torch import Tensor
from transformers.models.t5.modeling_t5 import T5Block, T5LayerNorm

from fake_ltx import Sizes, t5_config
from fixture_condition import TINY
from fixture_pipeline import run

HEIGHT, WIDTH, FRAMES, FRAME_RATE = 64, 64, 9, 24
CHANNELS, TOKENS, WIDTH_OF_TEXT = 128, 12, 4096
NOISE_SEED = 3
PREFIX = "model.diffusion_model."


def load_transformer(path: Path) -> LTXVideoTransformer3DModel:
    with safe_open(path, "pt") as file:
        config = json.loads(file.metadata()["config"])["transformer"]
        weights = {key: file.get_tensor(key) for key in file.keys() if key.startswith(PREFIX)}
    with torch.device("meta"):
        transformer = LTXVideoTransformer3DModel(
            num_attention_heads=config["num_attention_heads"], attention_head_dim=config["attention_head_dim"], num_layers=config["num_layers"],
            cross_attention_dim=config["cross_attention_dim"], caption_channels=config["caption_channels"])
    weights = convert_ltx_transformer_checkpoint_to_diffusers(weights)
    transformer.load_state_dict({key: weights.pop(key).float() for key in list(weights)}, assign=True)
    return transformer.eval()


def encode_prompt(path: Path, ids: list[int]) -> Tensor:
    """T5's last hidden state [L, 4096], its blocks read one after the other."""
    config = t5_config(Sizes(1.0))
    config._attn_implementation = "eager"
    with safe_open(path, "pt") as file:
        hidden = file.get_slice("shared.weight")[:][ids].float()[None]
        bias = None
        for index in range(config.num_layers):
            prefix = f"encoder.block.{index}."
            with torch.device("meta"):
                block = T5Block(config, has_relative_attention_bias=index == 0, layer_idx=index)
            block.load_state_dict({key.removeprefix(prefix): file.get_tensor(key).float() for key in file.keys() if key.startswith(prefix)}, assign=True)
            hidden, bias = block.eval()(hidden, position_bias=bias)[:2]
        norm = T5LayerNorm(config.d_model, eps=config.layer_norm_epsilon)
        norm.weight = torch.nn.Parameter(file.get_tensor("encoder.final_layer_norm.weight").float())
    return norm(hidden)[0]


def draw_noise() -> Tensor:
    """What the pipeline draws from `generator`: [1, C, F', H', W']."""
    return torch.randn(1, CHANNELS, 2, HEIGHT // 32, WIDTH // 32, generator=torch.Generator().manual_seed(NOISE_SEED))


def one_step(transformer: LTXVideoTransformer3DModel, embeds: Tensor) -> Tensor:
    """[C, F', H', W'] after a step from sigma 1 to 0, without guidance."""
    vae = AutoencoderKLLTXVideo(**TINY)  # not used: the pipeline wants one
    pipeline = LTXConditionPipeline(scheduler=FlowMatchEulerDiscreteScheduler(), vae=vae, text_encoder=None, tokenizer=None, transformer=transformer)
    pipeline.vae_spatial_compression_ratio, pipeline.vae_temporal_compression_ratio = 32, 8
    [tokens] = run(
        pipeline, height=HEIGHT, width=WIDTH, num_frames=FRAMES, frame_rate=FRAME_RATE, num_inference_steps=1, guidance_scale=1.0,
        generator=torch.Generator().manual_seed(NOISE_SEED), prompt_embeds=embeds[None], prompt_attention_mask=torch.ones(1, len(embeds), dtype=torch.bool))
    return tokens[0].T.reshape(CHANNELS, 2, HEIGHT // 32, WIDTH // 32).contiguous()


@torch.no_grad()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--tokenizer", type=Path, required=True)
    parser.add_argument("--prompt", required=True)
    arguments = parser.parse_args()
    noise = draw_noise()[0]
    embeds = torch.randn(TOKENS, WIDTH_OF_TEXT, generator=torch.Generator().manual_seed(4))
    ids = Tokenizer.from_file(str(arguments.tokenizer)).encode(arguments.prompt).ids
    t5_embeds = encode_prompt(arguments.weights / "t5xxl_fp8_e4m3fn.safetensors", ids)
    print(f"T5: {len(ids)} tokens, {t5_embeds.std():.3f} is their spread", flush=True)
    transformer = load_transformer(arguments.weights / "ltx-video-2b-v0.9.5.safetensors")
    latents, t5_latents = one_step(transformer, embeds), one_step(transformer, t5_embeds)
    for name, values in (("random embeds", latents), ("T5's", t5_latents)):
        print(f"{name}: the step changes the latents by {(values - noise).norm() / noise.norm():.2f}", flush=True)
    print(f"the prompt changes them by {(latents - t5_latents).norm() / latents.norm():.2f}")
    save_file({"noise": noise, "prompt_embeds": embeds, "latents": latents, "t5_embeds": t5_embeds, "t5_latents": t5_latents},
              arguments.weights / "reference.safetensors")


if __name__ == "__main__":
    main()
