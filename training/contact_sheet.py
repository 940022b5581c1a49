"""Contact sheets: a row of frames a clip, with its caption, as one PNG."""

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw


def save_sheet(clips: list[np.ndarray], captions: list[str], path: Path, columns: int = 2, frames_shown: int = 5) -> None:
    """clips: u8 [F, H, W, 3] each, all of one size."""
    picked = [clip[np.linspace(0, len(clip) - 1, min(frames_shown, len(clip))).round().astype(int)] for clip in clips]
    count, height, width = picked[0].shape[:3]
    label = 14
    cell_width, cell_height = count * (width + 2) + 8, height + label + 4
    rows = -(-len(clips) // columns)
    sheet = Image.new("RGB", (columns * cell_width, rows * cell_height), (24, 24, 24))
    draw = ImageDraw.Draw(sheet)
    for index, (clip, caption) in enumerate(zip(picked, captions)):
        left, top = index % columns * cell_width, index // columns * cell_height
        draw.text((left + 2, top + 1), caption[: cell_width // 6], fill=(240, 240, 240))
        for frame, picture in enumerate(clip):
            sheet.paste(Image.fromarray(picture), (left + frame * (width + 2), top + label))
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(path)
