"""Write the parity cases: forward passes of the released diffusers and transformers, with small weights, that our engine
repeats.

    python training/fixtures.py --out tests/parity [--only transformer scheduler autoencoder pipeline condition t5]

Each case is a folder with config.json, weights.safetensors, io.safetensors (in.*, out.*) and case.json. The same
packages give the same files: every seed is fixed.
"""

import argparse
from pathlib import Path

import diffusers
import torch

from fixture_autoencoder import write_autoencoder_cases
from fixture_condition import write_condition_cases
from fixture_pipeline import write_pipeline_cases
from fixture_scheduler import write_scheduler_cases
from fixture_t5 import write_t5_cases
from fixture_transformer import write_transformer_cases

WRITERS = {
    "scheduler": write_scheduler_cases,
    "transformer": write_transformer_cases,
    "autoencoder": write_autoencoder_cases,
    "pipeline": write_pipeline_cases,
    "condition": write_condition_cases,
    "t5": write_t5_cases,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--only", nargs="+", choices=list(WRITERS), default=list(WRITERS))
    arguments = parser.parse_args()
    torch.set_num_threads(1)  # one order of summation, so that a case can be made again
    diffusers.logging.set_verbosity_error()
    for name in arguments.only:
        WRITERS[name](arguments.out)


if __name__ == "__main__":
    main()
