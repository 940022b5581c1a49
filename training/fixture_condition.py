"""Parity cases of LTXConditionPipeline's denoise loop: four steps around known pictures and clips.

Besides what the format asks for, `in.noise` holds the grid's noise before anything is placed in it and `out.start` the
tokens after it (`in.latents` again), so that encoding, mixing and placing are compared too. Appended tokens come first, as
the reference has them.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import numpy as np
import torch
from diffusers import AutoencoderKLLTXVideo, FlowMatchEulerDiscreteScheduler, LTXConditionPipeline
from diffusers.pipelines.ltx import pipeline_ltx_condition as reference
from diffusers.pipelines.ltx.pipeline_ltx_condition import LTXVideoCondition
from PIL import Image
from torch import Tensor

from fixture_autoencoder import THIRD
from fixture_autoencoder import Spec as VaeSpec
from fixture_autoencoder import make_model as make_vae
from fixture_case import MADE_WITH, relative_change, write_case
from fixture_pipeline import FRAME_RATE, SPEC as TRANSFORMER, STEPS, assert_parts_matter, make_louder, make_texts, run, write_parts
from fixture_transformer import make_inputs, make_model

TINY = {**THIRD, "block_out_channels": (4, 4, 4, 8), "layers_per_block": (1, 1, 1, 1),
        "decoder_block_out_channels": (4, 8), "decoder_layers_per_block": (1, 1, 1)}
VELOCITY = 5.0  # how much louder the transformer is than a trained one
CERTAIN = -64.0  # log-variance, clamped to -30: a sample is the mean


@dataclass
class Known:
    """A picture (frames = 1) or a clip at a frame."""
    frames: int
    at: int
    strength: float


@dataclass
class Spec:
    height: int
    width: int
    frames: int
    known: list[Known]
    guidance: float
    rescale: float
    note: str


# The four sigmas are 1, 0.9875, 0.975 and about 0.73: strength 0.2 holds a token for three steps and lets it go for the last.
CASES = {
    "ltx_condition_first": Spec(32, 64, 9, [Known(1, 0, 1.0)], 3.0, 0.0, "image to video: a picture at frame 0; guidance"),
    "ltx_condition_keyframe": Spec(
        32, 64, 9, [Known(1, 0, 0.2), Known(1, 6, 1.0)], 3.0, 0.7,
        "a picture at frame 0 that is let go for the last step, and one appended at frame 6; guidance with rescale"),
    "ltx_condition_clip": Spec(
        32, 32, 13, [Known(9, 4, 0.2)], 2.0, 0.0,
        "a clip from frame 4 on: two latents appended, one in place, all let go for the last step; guidance"),
}


@contextmanager
def recorded(pipeline: LTXConditionPipeline) -> Iterator[dict[str, list[Tensor]]]:
    """The pixels that are encoded, the noise drawn for placing, and the tokens that the loop starts from."""
    seen: dict[str, list[Tensor]] = {"pixels": [], "noise": [], "start": []}
    encode, prepare, draw = pipeline.vae.encode, pipeline.prepare_latents, reference.randn_tensor

    def keep_pixels(data: Tensor) -> object:
        seen["pixels"].append(data.clone())
        return encode(data)

    def keep_noise(*arguments: object, **named: object) -> Tensor:
        noise = draw(*arguments, **named)
        seen["noise"].append(noise.clone())  # the reference places into what it drew
        return noise

    def keep_start(*arguments: object, **named: object) -> tuple:
        prepared = prepare(*arguments, **named)
        seen["start"].append(prepared[0].clone())
        return prepared

    with (mock.patch.object(pipeline.vae, "encode", keep_pixels), mock.patch.object(reference, "randn_tensor", keep_noise),
          mock.patch.object(pipeline, "prepare_latents", keep_start)):
        yield seen


def draw_conditions(spec: Spec, source: np.random.Generator) -> list[LTXVideoCondition]:
    conditions = []
    for known in spec.known:
        # smooth in time, as a clip is, and never the same twice
        pixels = source.integers(0, 256, (2, spec.height, spec.width, 3)).astype(float)
        pictures = [Image.fromarray(np.uint8(pixels[0] + (pixels[1] - pixels[0]) * frame / known.frames)) for frame in range(known.frames)]
        content = {"image": pictures[0]} if known.frames == 1 else {"video": pictures}
        conditions.append(LTXVideoCondition(frame_index=known.at, strength=known.strength, **content))
    return conditions


def last_call(transformer: torch.nn.Module, loop: Callable[[], list[Tensor]]) -> dict:
    """What the transformer is given in the last step of a loop."""
    calls: list[dict] = []
    hook = transformer.register_forward_pre_hook(lambda _module, _inputs, named: calls.append(named), with_kwargs=True)
    loop()
    hook.remove()
    return calls[-1]


def make_autoencoder() -> AutoencoderKLLTXVideo:
    vae = make_vae(VaeSpec("encode", 11, TINY, 1, (1, 1, 1), "", torch.bfloat16))
    vae.encoder.conv_out.conv.weight[-1] = 0
    vae.encoder.conv_out.conv.bias[-1] = CERTAIN
    return vae


@torch.no_grad()
def write_condition_cases(out: Path) -> None:
    generator = torch.Generator().manual_seed(12)
    texts = make_texts(make_inputs(TRANSFORMER)[0], generator)
    vae = make_autoencoder()
    scheduler = FlowMatchEulerDiscreteScheduler()

    for number, (name, spec) in enumerate(CASES.items()):
        conditions = draw_conditions(spec, np.random.default_rng(number))
        transformer = make_model(TRANSFORMER).to(TRANSFORMER.dtype).float()
        pipeline = LTXConditionPipeline(scheduler=scheduler, vae=vae, text_encoder=None, tokenizer=None, transformer=transformer)
        loop = lambda with_conditions=conditions: run(  # noqa: E731
            pipeline, conditions=with_conditions, height=spec.height, width=spec.width, num_frames=spec.frames, frame_rate=FRAME_RATE,
            num_inference_steps=STEPS, guidance_scale=spec.guidance, guidance_rescale=spec.rescale, image_cond_noise_scale=0,
            generator=torch.Generator().manual_seed(100 + number), **texts)
        call = last_call(transformer, loop)
        times = call["timestep"].flatten()
        make_louder(transformer, lambda: transformer(**call)[0], generator, VELOCITY, times == times.max())  # the tokens that move
        with recorded(pipeline) as seen:
            latents = loop()
        assert_parts_matter(name, transformer, loop)

        [start] = seen["start"]
        own, *extra = seen["noise"]
        shown = [condition for condition in spec.known if condition.at > 0]
        assert len(extra) == len(shown)
        known = vae.encode(seen["pixels"][0]).latent_dist.mode()
        assert 0.3 < known.std() < 3, f"{name}: known latents spread by {known.std():.2f}"
        io = {"in.latents": start, "in.noise": own.flatten(2).transpose(1, 2), **{f"in.{key}": value for key, value in texts.items()}}
        for index, condition in enumerate(spec.known):
            io[f"in.condition.{index}"] = seen["pixels"][index]
            if condition.at > 0:
                io[f"in.condition_noise.{index}"] = extra[shown.index(condition)]
        io |= {"out.start": start.clone()} | {f"out.latents.{step}": value for step, value in enumerate(latents)}
        still = relative_change(start, latents[-1])
        assert still > 0.5, f"{name}: the loop changes its start by only {still:.2f}"
        arguments = {
            "height": spec.height, "width": spec.width, "num_frames": spec.frames, "frame_rate": FRAME_RATE,
            "num_inference_steps": STEPS, "guidance": spec.guidance, "guidance_rescale": spec.rescale,
            "frame_index": [condition.at for condition in spec.known], "strength": [condition.strength for condition in spec.known],
            "image_cond_noise_scale": 0,
        }
        write_parts(out / name, transformer, vae, scheduler)
        write_case(out / name, {"_class_name": "LTXConditionPipeline", "made_with": MADE_WITH}, {}, "denoise", arguments, io, spec.note)
