"""A parity case of LTXPipeline's denoise loop: four steps with guidance, latents recorded after each."""

from pathlib import Path

import torch
from diffusers import AutoencoderKLLTXVideo, FlowMatchEulerDiscreteScheduler, LTXPipeline
from torch import Tensor

from fixture_autoencoder import FIRST
from fixture_case import MADE_WITH, reference_config, relative_change, write_case, write_json
from fixture_scheduler import LTX
from fixture_transformer import Q4_LIMIT, Spec, aim_projection, left_out, make_inputs, make_model, parts
from safetensors.torch import save_file

NAME = "ltx_pipeline_denoise"
STEPS, GUIDANCE = 4, 3.0
FRAMES, HEIGHT, WIDTH, FRAME_RATE = 9, 32, 64, 25
TINY = {**FIRST, "block_out_channels": (4, 4, 4), "decoder_block_out_channels": (4, 4, 4)}  # gives the loop its ratios
SPEC = Spec(seed=7, heads=3, head_dim=16, layers=1, channels=6, caption=12, batch=1, grid=(3, 2, 4), text_lengths=[5],
            text_tokens=7, dtype=torch.bfloat16, steady=1.0, note="")
VELOCITY = 10.0  # how much louder the transformer is than a trained one: the loop then ends where its weights say


def run(pipeline: LTXPipeline, inputs: dict[str, Tensor]) -> list[Tensor]:
    """Latents after each step."""
    seen: list[Tensor] = []

    def keep(_pipeline: LTXPipeline, _step: int, _time: Tensor, values: dict) -> dict:
        seen.append(values["latents"].clone())
        return {}

    pipeline(height=HEIGHT, width=WIDTH, num_frames=FRAMES, frame_rate=FRAME_RATE, num_inference_steps=STEPS,
             guidance_scale=GUIDANCE, output_type="latent", callback_on_step_end=keep, **inputs)
    return seen


@torch.no_grad()
def write_pipeline_case(out: Path) -> None:
    generator = torch.Generator().manual_seed(SPEC.seed)
    vae = AutoencoderKLLTXVideo(**TINY).eval()
    for parameter in vae.parameters():
        parameter.copy_(0.1 * torch.randn(parameter.shape, generator=generator))
    transformer = make_model(SPEC).to(SPEC.dtype).float()
    tensors, scalars = make_inputs(SPEC)
    aim_projection(transformer, lambda: transformer(**tensors, **scalars).sample, SPEC.steady, generator)
    transformer.proj_out.weight.mul_(VELOCITY)
    transformer.proj_out.bias.mul_(VELOCITY)
    transformer.to(SPEC.dtype).float()
    scheduler = FlowMatchEulerDiscreteScheduler(**LTX)
    pipeline = LTXPipeline(scheduler=scheduler, vae=vae, text_encoder=None, tokenizer=None, transformer=transformer)
    pipeline.set_progress_bar_config(disable=True)

    negative = torch.randn(tensors["encoder_hidden_states"].shape, generator=generator)
    negative_mask = torch.ones_like(tensors["encoder_attention_mask"])
    negative_mask[:, 3:] = 0
    inputs = {
        "latents": tensors["hidden_states"], "prompt_embeds": tensors["encoder_hidden_states"],
        "prompt_attention_mask": tensors["encoder_attention_mask"], "negative_prompt_embeds": negative,
        "negative_prompt_attention_mask": negative_mask,
    }
    latents = run(pipeline, inputs)
    for part, module in parts(transformer).items():
        with left_out(module):
            change = relative_change(latents[-1], run(pipeline, inputs)[-1])
        print(f"  {NAME}: without {part} the last latents change by {change:.2f}")
        # noise stays part of the latents, so a tenfold limit is out of reach: above the loop's own limit a missing part fails
        assert change > 3 * Q4_LIMIT, f"{NAME}: leaving out {part} changes the last latents by only {change:.3f}"

    folder = out / NAME
    for name, model in (("transformer", transformer), ("vae", vae)):
        write_json(folder / name / "config.json", reference_config(model))
        weights = {key: value.to(SPEC.dtype).contiguous() for key, value in model.state_dict().items()}
        save_file(weights, folder / name / "weights.safetensors")
    write_json(folder / "scheduler" / "config.json", reference_config(scheduler))
    io = {f"in.{name}": value for name, value in inputs.items()} | {f"out.latents.{step}": value for step, value in enumerate(latents)}
    arguments = {"height": HEIGHT, "width": WIDTH, "num_frames": FRAMES, "frame_rate": FRAME_RATE, "num_inference_steps": STEPS,
                 "guidance": GUIDANCE, "image_cond_noise_scale": 0}
    write_case(folder, {"_class_name": "LTXPipeline", "made_with": MADE_WITH}, {}, "denoise", arguments, io,
               "guided loop on a shifted schedule; latents.<k> are those after step k, counted from 0")
