"""The gates that the sharp autoencoder has to pass before a transformer learns its latents.

    python training/sharp_gates.py --weights DIR/best_f16.safetensors --world core --clips 24 --sheet sheet.png

Held-out clips of 17 frames at 256x256 and at shapes of like area, encoded and decoded.
"""

import argparse
from pathlib import Path

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from contact_sheet import save_sheet
from crop_pool import shapes_like
from measure_autoencoder import held_out_clips, measure
from sharp_autoencoder import SharpAutoencoder
from steadiness import edge_excess, step_excess
from world.attributes import WORLDS

FRAMES = 17
# figure: lowest, highest
GATES = {"all": (33, None), "subjects": (27, None), "moving": (26, None), "gradient": (0.85, 1.15),
         "decoder GFLOP a frame": (None, 6), "tokens": (None, 400)}


def passes(name: str, value: float) -> str:
    low, high = GATES.get(name, (None, None))
    if low is None and high is None:
        return ""
    return "passes" if (low is None or value >= low) and (high is None or value <= high) else "fails"


def to_pixels(video: Tensor) -> Tensor:
    """f32 [3, F, H, W] in [-1, 1] -> u8 [F, H, W, 3]."""
    return ((video + 1) * 127.5).round().byte().permute(1, 2, 3, 0)


@torch.no_grad()
def cost(model: SharpAutoencoder, side: int) -> dict[str, float]:
    video = torch.zeros(1, 3, FRAMES, side, side)
    z = model.encode(video)
    with FlopCounterMode(display=False) as counter:
        model.decode(z)
    return {"decoder GFLOP a frame": round(counter.get_total_flops() / FRAMES / 1e9, 2), "tokens": z[0, 0].numel() * (model.config["cell"] / 32) ** 2}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--world", choices=sorted(WORLDS), default="core")
    parser.add_argument("--side", type=int, default=256)
    parser.add_argument("--clips", type=int, default=24, help="of each shape")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--sheet", type=Path, help="PNG of rendered clips beside the same encoded and decoded")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    model = SharpAutoencoder.load(options.weights)
    for name, value in cost(model, options.side).items():
        print(f"{name} {value:g} {passes(name, value)}")
    drawn: list[Tensor] = []

    def reconstruct(clip: Tensor) -> Tensor:
        drawn.append(model.decode(model.encode(clip))[0])
        return drawn[-1][None]

    for width, height in dict.fromkeys(shapes_like(options.side)):
        drawn.clear()
        pixels, mask = held_out_clips(WORLDS[options.world], options.clips, width, height, FRAMES)
        figures = measure(reconstruct, pixels, mask)
        rendered = [clip.movedim(-1, 0).float() / 127.5 - 1 for clip in pixels]
        for name, excess in (("jerk", step_excess), ("edges", edge_excess)):  # both beside those of the render, which has few
            own, true = (sum(excess(clip[None]).item() for clip in clips) / len(clips) for clips in (drawn, rendered))
            figures[name] = round(own - true, 5)
        print(f"{width}x{height}x{FRAMES}:", ", ".join(f"{name} {value} {passes(name, value)}".strip() for name, value in figures.items()), flush=True)
        if options.sheet and width == height:
            pairs = [picture for clip, own in list(zip(pixels, drawn))[:8] for picture in (clip.numpy(), to_pixels(own).numpy())]
            save_sheet(pairs, ["rendered", "encoded and decoded"] * 8, options.sheet, columns=2, frames_shown=3)


if __name__ == "__main__":
    main()
