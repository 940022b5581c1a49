"""Write what tests/e2e/tiny-ltx.ts makes a checkpoint of: the config and the tensors' shapes of LTX-Video 2B distilled, as
fake_ltx.py has them, but narrow enough for a processor.

    python training/fixture_ltx_tiny.py --out tests/e2e/fixtures/ltx-tiny.json
"""

import argparse
import json
from pathlib import Path

from fake_ltx import SCHEDULER, Sizes, autoencoder_config, ltx_shapes, transformer_config

CAPTION_WIDTH = 32    # of tiny-ltx.ts's T5
BASE_CHANNELS = 4     # of the autoencoder
STEPS = [1.0, 0.9937, 0.9875, 0.9812, 0.975, 0.9094, 0.725, 0.4219]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    out: Path = parser.parse_args().out
    sizes = Sizes(1 / 32)
    transformer = {**transformer_config(sizes), "caption_channels": CAPTION_WIDTH, "num_layers": 2}
    autoencoder = {**autoencoder_config(sizes), "encoder_base_channels": BASE_CHANNELS, "decoder_base_channels": BASE_CHANNELS}
    config = {"transformer": transformer, "vae": autoencoder, "scheduler": SCHEDULER, "allowed_inference_steps": STEPS}
    shapes = {name: shape for name, shape in sorted(ltx_shapes(transformer, autoencoder).items())}
    lines = ",\n".join(f"    {json.dumps(name)}: {json.dumps(shape)}" for name, shape in shapes.items())
    out.write_text(f'{{\n  "config": {json.dumps(config)},\n  "shapes": {{\n{lines}\n  }}\n}}\n')


if __name__ == "__main__":
    main()
