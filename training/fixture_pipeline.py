"""Parity cases of LTXPipeline's denoise loop: four steps with guidance, latents recorded after each."""

from collections.abc import Callable
from pathlib import Path

import torch
from diffusers import AutoencoderKLLTXVideo, DiffusionPipeline, FlowMatchEulerDiscreteScheduler, LTXPipeline, LTXVideoTransformer3DModel
from torch import Tensor

from fixture_autoencoder import FIRST
from fixture_case import MADE_WITH, reference_config, relative_change, write_case, write_json
from fixture_scheduler import LTX
from fixture_transformer import Q4_LIMIT, Spec, aim_projection, left_out, make_inputs, make_model, parts
from safetensors.torch import save_file

STEPS, GUIDANCE = 4, 3.0
FRAMES, HEIGHT, WIDTH, FRAME_RATE = 9, 32, 64, 25
TINY = {**FIRST, "block_out_channels": (4, 4, 4), "decoder_block_out_channels": (4, 4, 4)}  # gives the loop its ratios
SPEC = Spec(seed=7, heads=3, head_dim=16, layers=1, channels=6, caption=12, batch=1, grid=(3, 2, 4), text_lengths=[5],
            text_tokens=7, dtype=torch.bfloat16, steady=1.0, note="")
VELOCITY = 10.0  # how much louder the transformer is than a trained one: the loop then ends where its weights say
CASES = {
    "ltx_pipeline_denoise": (0.0, "guided loop on a shifted schedule; latents.<k> are those after step k, counted from 0"),
    "ltx_pipeline_rescale": (0.7, "the same with guidance rescale"),
}


def make_louder(transformer: LTXVideoTransformer3DModel, evaluate: Callable[[], Tensor], generator: torch.Generator, velocity: float,
                rows: Tensor | slice = slice(None)) -> None:
    """Aims the projection at what `evaluate` runs for these rows of tokens, and makes the loop's end depend on it."""
    aim_projection(transformer, evaluate, SPEC.steady, generator, rows)
    transformer.proj_out.weight.mul_(velocity)
    transformer.proj_out.bias.mul_(velocity)
    transformer.to(SPEC.dtype).float()


def make_texts(tensors: dict[str, Tensor], generator: torch.Generator) -> dict[str, Tensor]:
    """What both pipelines take as words, and as words to steer away from."""
    negative = torch.randn(tensors["encoder_hidden_states"].shape, generator=generator)
    negative_mask = torch.ones_like(tensors["encoder_attention_mask"])
    negative_mask[:, 3:] = 0
    return {
        "prompt_embeds": tensors["encoder_hidden_states"], "prompt_attention_mask": tensors["encoder_attention_mask"],
        "negative_prompt_embeds": negative, "negative_prompt_attention_mask": negative_mask,
    }


def run(pipeline: DiffusionPipeline, **arguments: object) -> list[Tensor]:
    """Latents after each step."""
    seen: list[Tensor] = []

    def keep(_pipeline: DiffusionPipeline, _step: int, _time: Tensor, values: dict) -> dict:
        seen.append(values["latents"].clone())
        return {}

    pipeline.set_progress_bar_config(disable=True)
    pipeline(output_type="latent", callback_on_step_end=keep, **arguments)
    return seen


def assert_parts_matter(name: str, transformer: LTXVideoTransformer3DModel, loop: Callable[[], list[Tensor]]) -> None:
    last = loop()[-1]
    for part, module in parts(transformer).items():
        with left_out(module):
            change = relative_change(last, loop()[-1])
        print(f"  {name}: without {part} the last latents change by {change:.2f}")
        # noise stays part of the latents, so a tenfold limit is out of reach: above the loop's own limit a missing part fails
        assert change > 3 * Q4_LIMIT, f"{name}: leaving out {part} changes the last latents by only {change:.3f}"


def write_parts(folder: Path, transformer: torch.nn.Module, vae: torch.nn.Module, scheduler: FlowMatchEulerDiscreteScheduler) -> None:
    for name, model in (("transformer", transformer), ("vae", vae)):
        write_json(folder / name / "config.json", reference_config(model))
        weights = {key: value.to(SPEC.dtype).contiguous() for key, value in model.state_dict().items()}
        save_file(weights, folder / name / "weights.safetensors")
    write_json(folder / "scheduler" / "config.json", reference_config(scheduler))


@torch.no_grad()
def write_pipeline_cases(out: Path) -> None:
    generator = torch.Generator().manual_seed(SPEC.seed)
    vae = AutoencoderKLLTXVideo(**TINY).eval()
    for parameter in vae.parameters():
        parameter.copy_(0.1 * torch.randn(parameter.shape, generator=generator))
    transformer = make_model(SPEC).to(SPEC.dtype).float()
    tensors, scalars = make_inputs(SPEC)
    make_louder(transformer, lambda: transformer(**tensors, **scalars).sample, generator, VELOCITY)
    scheduler = FlowMatchEulerDiscreteScheduler(**LTX)
    pipeline = LTXPipeline(scheduler=scheduler, vae=vae, text_encoder=None, tokenizer=None, transformer=transformer)
    texts = make_texts(tensors, generator)
    inputs = {"latents": tensors["hidden_states"], **texts}

    plain: list[Tensor] = []
    for name, (rescale, note) in CASES.items():
        loop = lambda: run(  # noqa: E731
            pipeline, height=HEIGHT, width=WIDTH, num_frames=FRAMES, frame_rate=FRAME_RATE, num_inference_steps=STEPS,
            guidance_scale=GUIDANCE, guidance_rescale=rescale, **inputs)
        latents = loop()
        assert_parts_matter(name, transformer, loop)
        plain = plain or latents
        if rescale:
            change = relative_change(plain[-1], latents[-1])
            print(f"  {name}: rescale changes the last latents by {change:.2f}")
            assert change > 0.1, f"{name}: rescale changes the last latents by only {change:.3f}"
        write_parts(out / name, transformer, vae, scheduler)
        io = {f"in.{key}": value for key, value in inputs.items()} | {f"out.latents.{step}": value for step, value in enumerate(latents)}
        arguments = {"height": HEIGHT, "width": WIDTH, "num_frames": FRAMES, "frame_rate": FRAME_RATE, "num_inference_steps": STEPS,
                     "guidance": GUIDANCE, **({"guidance_rescale": rescale} if rescale else {}), "image_cond_noise_scale": 0}
        write_case(out / name, {"_class_name": "LTXPipeline", "made_with": MADE_WITH}, {}, "denoise", arguments, io, note)
