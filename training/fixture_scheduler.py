"""Parity cases of FlowMatchEulerDiscreteScheduler.set_timesteps: no weights, only numbers."""

from pathlib import Path

import numpy as np
from diffusers import FlowMatchEulerDiscreteScheduler

from fixture_case import reference_config, write_case

# The published LTX-Video schedule: shifted by the number of tokens, stretched to end at 0.1.
LTX = {"use_dynamic_shifting": True, "base_shift": 0.95, "max_shift": 2.05,
       "base_image_seq_len": 1024, "max_image_seq_len": 4096, "shift_terminal": 0.1}


def falling(steps: int) -> list[float]:
    """What the LTX pipelines pass: 1 down to 1 / steps."""
    return np.linspace(1.0, 1 / steps, steps).tolist()


CASES = {
    "plain": ({}, {"num_inference_steps": 7}, "shift 1: evenly spaced"),
    "fixed_shift": ({"shift": 3.0}, {"num_inference_steps": 20}, "the shift is applied twice: in the constructor's range and here"),
    "one_step": ({"shift": 2.5}, {"num_inference_steps": 1}, "a single step"),
    "dynamic": (LTX, {"num_inference_steps": 30, "sigmas": falling(30), "mu": 1.37}, "as LTXPipeline calls it"),
    "dynamic_few": (LTX, {"num_inference_steps": 4, "sigmas": falling(4), "mu": 0.6}, "four steps, as LTXPipeline calls it"),
    "dynamic_linear": ({**LTX, "time_shift_type": "linear", "shift_terminal": None},
                       {"num_inference_steps": 9, "mu": 2.05}, "linear time shift, default sigmas, no terminal stretch"),
    "terminal_fixed": ({"shift": 1.5, "shift_terminal": 0.1}, {"num_inference_steps": 8}, "fixed shift stretched to a terminal sigma"),
    "given_sigmas": ({}, {"sigmas": [1.0, 0.9937, 0.9875, 0.9812, 0.975, 0.9094, 0.725, 0.4219]},
                     "the sigmas of the distilled LTX-Video models"),
    "given_timesteps": ({"shift": 2.0}, {"timesteps": [1000.0, 700.0, 420.0, 90.0]}, "timesteps as given, sigmas derived and shifted"),
    "karras": ({"shift": 2.0, "use_karras_sigmas": True}, {"num_inference_steps": 6}, "Karras spacing between the shifted ends"),
    "exponential": ({"use_exponential_sigmas": True}, {"num_inference_steps": 5}, "exponential spacing"),
    "inverted": ({"invert_sigmas": True, "shift": 1.2}, {"num_inference_steps": 5}, "inverted sigmas end at one"),
}


def write_scheduler_cases(out: Path) -> None:
    for name, (config, scalars, note) in CASES.items():
        scheduler = FlowMatchEulerDiscreteScheduler(**config)
        scheduler.set_timesteps(**scalars)
        tensors = {"out.sigmas": scheduler.sigmas, "out.timesteps": scheduler.timesteps}
        write_case(out / f"flow_match_{name}", reference_config(scheduler), {}, "set_timesteps", scalars, tensors, note)
