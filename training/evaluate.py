"""Evaluate an exported starter in PyTorch; `npm run evaluate` then holds the engine against it (see tests/evaluate/README.md).

    python training/evaluate.py --world core --write-prompts                                      tests/evaluate/prompts.jsonl
    python training/evaluate.py --world core --model public/models/starter --curve --shapes --images 50    reference.json, reference/*.webp

Each prompt tells a scene; the probe reads the clip made for it and a render of the scene itself. Three prompts of four have
a pair of attributes that training never sees. The reference is written for all prompts at the model's own steps and
guidance; with --limit, other steps or another guidance the figures are only printed.
"""

import argparse
import hashlib
import json
import random
import shutil
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from card import BARS
from contact_sheet import save_sheet
from exported import AUTOENCODER, DEFAULT_FOLDER, TEXT_ENCODER, TRANSFORMER, Starter
from probe import BAR, FOLDER, FRAMES, Probe, draw_scene
from world.attributes import WORLDS, Scene, World
from world.captions import write_prompt
from world.render import render

PROMPTS, SEEN_EVERY = 400, 4   # every fourth scene is of pairs that training sees
FIRST_SEED = 1000
KEPT_CLIPS = 24                # whose frames go into the reference
CURVE_STEPS, CURVE_PROMPTS = (1, 2, 4, 8, 20), 48
SHAPE_PROMPTS = 32
STILL_ATTRIBUTES = ("sky", "land", "subject")   # what can be read in one picture
BATCH = 16

Readings = list[dict[str, str]]


# --- prompts and their scenes ---------------------------------------------------------------------


def evaluation_scenes(world: World) -> list[tuple[Scene, bool]]:
    """The scenes of the prompts, and whether each has a held-back pair: always the same ones."""
    source = random.Random(424_242)
    held = [index % SEEN_EVERY != SEEN_EVERY - 1 for index in range(PROMPTS)]
    return [(draw_scene(world, source, held=is_held, empty=False), is_held) for is_held in held]


def write_prompts(world: World, path: Path) -> None:
    source = random.Random(616_161)
    lines = [{"prompt": write_prompt(scene, source), "attributes": scene.attributes, "seed": FIRST_SEED + index, "heldOut": held}
             for index, (scene, held) in enumerate(evaluation_scenes(world))]
    path.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines))
    print(f"{path}: {len(lines)} prompts, {sum(line['heldOut'] for line in lines)} of them held out")


def read_prompts(world: World, path: Path, limit: int | None) -> tuple[list[dict], list[Scene]]:
    """The lines of the file, and the scene of each."""
    lines = [json.loads(line) for line in path.read_text().splitlines() if line.strip()]
    scenes = [scene for scene, _ in evaluation_scenes(world)]
    if [line["attributes"] for line in lines] != [scene.attributes for scene in scenes]:
        raise SystemExit(f"{path} is of other scenes than the {world.name} world's; run training/evaluate.py --write-prompts first.")
    return lines[:limit], scenes[:limit]


def render_clips(scenes: Sequence[Scene], size: tuple[int, int, int], fps: float, device: str) -> list[np.ndarray]:
    clips: list[np.ndarray] = []
    for start in range(0, len(scenes), BATCH):
        clips += list(render(scenes[start:start + BATCH], *size, fps, device)[0].cpu().numpy())
    return clips


# --- figures ----------------------------------------------------------------------------------------


def is_scored(name: str, attributes: dict[str, str]) -> bool:
    """Nobody can tell a colour in noir."""
    return name != "colour" or attributes["style"] != "noir"


def share_right(name: str, lines: Sequence[dict], readings: Readings) -> float | None:
    right = [read[name] == line["attributes"][name] for line, read in zip(lines, readings) if is_scored(name, line["attributes"])]
    return sum(right) / len(right) if right else None


def scores_of(lines: Sequence[dict], readings: Readings) -> dict[str, float]:
    scores = {name: share_right(name, lines, readings) for name in lines[0]["attributes"]}
    return {name: score for name, score in scores.items() if score is not None}


def print_table(lines: Sequence[dict], clips: Readings, renders: Readings, facts: dict) -> None:
    print("attribute    score  probe  relative  bar   held-out  seen   (percent; the probe on unseen renders)")
    for name, values in facts["attributes"].items():
        parts = {}
        for held in (True, False):
            chosen = [index for index, line in enumerate(lines) if line["heldOut"] == held]
            parts[held] = share_right(name, [lines[index] for index in chosen], [clips[index] for index in chosen])
        score, probe = share_right(name, lines, clips), share_right(name, lines, renders)
        if score is None or not probe:
            continue
        relative, bar = 100 * score / probe, BARS[facts["world"]][name]
        verdict = "does not count" if values["accuracy"] < BAR else "ok" if relative >= bar else "MISSED"
        held_out, seen = (f"{100 * value:6.1f}" if value is not None else "     -" for value in (parts[True], parts[False]))
        print(f"{name:10} {100 * score:7.1f} {100 * probe:6.1f} {relative:9.1f} {bar:4} {held_out:>10} {seen}   ({100 * values['accuracy']:.1f}) {verdict}")


def frechet_distance(features: np.ndarray, facts: dict) -> float:
    """Between Gaussians fitted to features [B, D] and to those of held-out renders."""
    features = features.astype(np.float64)
    mean, covariance = np.array(facts["features"]["mean"]), np.array(facts["features"]["covariance"])
    other = np.cov(features, rowvar=False)
    values, vectors = np.linalg.eigh(covariance)
    root = (vectors * np.sqrt(values.clip(min=0))) @ vectors.T
    shared = np.sqrt(np.linalg.eigvalsh(root @ other @ root).clip(min=0)).sum()
    return float(max(0.0, ((features.mean(axis=0) - mean) ** 2).sum() + np.trace(covariance) + np.trace(other) - 2 * shared))


def consistency_of(clip: np.ndarray) -> dict[str, float]:
    """How evenly a clip moves: mean step from frame to frame, its variation, and the first step over the median one."""
    values = clip.astype(np.int16)
    steps = np.abs(values[1:] - values[:-1]).mean(axis=(1, 2, 3)) / 255
    if not steps.any():
        return {"step": 0.0, "variation": 0.0, "first": 1.0}
    median = float(np.median(steps))
    return {"step": float(steps.mean()), "variation": float(steps.std() / steps.mean()), "first": float(steps[0]) / median if median else 1.0}


def mean_consistency(clips: Sequence[np.ndarray]) -> dict[str, float]:
    each = [consistency_of(clip) for clip in clips]
    return {name: round(float(np.mean([figures[name] for figures in each])), 6) for name in each[0]}


# --- what is made -----------------------------------------------------------------------------------


def generate(starter: Starter, lines: Sequence[dict], steps: int, guidance: float, size: tuple[int, int, int],
             first_frames: Sequence[np.ndarray] | None = None) -> list[np.ndarray]:
    started, clips = time.time(), []
    for start in range(0, len(lines), BATCH):
        part = slice(start, start + BATCH)
        clips += starter.generate([line["prompt"] for line in lines[part]], [line["seed"] for line in lines[part]], steps, guidance, size,
                                  None if first_frames is None else first_frames[part])
        if start // BATCH % 5 == 4:
            print(f"  {len(clips)} of {len(lines)} clips after {time.time() - started:.0f} s", flush=True)
    return clips


def measure_curve(starter: Starter, probe: Probe, lines: Sequence[dict], guidance: float, size: tuple[int, int, int],
                  known: dict[int, Readings]) -> list[dict]:
    """Scores for each number of steps; `known` are readings of clips that were made already."""
    lines, curve = lines[:CURVE_PROMPTS], []
    for steps in CURVE_STEPS:
        readings = known[steps][:CURVE_PROMPTS] if steps in known else probe.read(generate(starter, lines, steps, guidance, size))[0]
        scores = scores_of(lines, readings)
        mean = sum(scores.values()) / len(scores)
        curve.append({"steps": steps, "guidance": guidance, "n": len(lines), "scores": scores, "mean": mean})
        print(f"{steps:3} steps: {100 * mean:.1f} %   " + "  ".join(f"{name} {100 * score:.0f}" for name, score in scores.items()), flush=True)
    return curve


def measure_images(starter: Starter, probe: Probe, lines: Sequence[dict], renders: Sequence[np.ndarray], count: int, steps: int,
                   guidance: float, size: tuple[int, int, int]) -> tuple[dict, list[dict], list[np.ndarray]]:
    """Image to video from the first pictures of held-out renders: is the scene still there at the end, and does it set off evenly?

    -> figures (see reference.json in tests/evaluate/README.md), the prompts, and the clips."""
    chosen = [index for index, line in enumerate(lines) if line["heldOut"]][:count]
    lines, renders = [lines[index] for index in chosen], [renders[index] for index in chosen]
    clips = generate(starter, lines, steps, guidance, size, [clip[0] for clip in renders])
    last = [[np.repeat(clip[-1:], FRAMES, axis=0) for clip in made] for made in (clips, renders)]
    scores, probes = (scores_of(lines, probe.read(part)[0]) for part in last)
    print(f"image to video, {len(lines)} pictures, the last frame read as a picture:")
    for name in STILL_ATTRIBUTES:
        print(f"  {name:8} {100 * scores[name]:.1f} %, of the render's {100 * probes[name]:.1f} %: relative {100 * scores[name] / max(probes[name], 1e-9):.1f} %")
    even = {}
    for title, made in (("clips", clips), ("renders", renders)):
        firsts = np.array([consistency_of(clip)["first"] for clip in made])
        even[title] = float(((firsts >= 0.5) & (firsts <= 1.5)).mean())
        print(f"  first step over the median step of {title}: median {np.median(firsts):.2f}, {100 * even[title]:.0f} % within 0.5 … 1.5")
    kept = [np.abs(clip[0].astype(int) - first[0].astype(int)).mean() for clip, first in zip(clips, renders)]
    print(f"  the first frame differs from the picture by {np.mean(kept):.2f} of 255 on average")
    figures = {"n": len(lines), "scores": {name: scores[name] for name in STILL_ATTRIBUTES}, "probe": {name: probes[name] for name in STILL_ATTRIBUTES},
               "evenStart": even["clips"]}
    return figures, lines, clips


def measure_shapes(starter: Starter, probe: Probe, lines: Sequence[dict], scenes: Sequence[Scene], steps: int, guidance: float) -> list[dict]:
    """Scores at every size and length that is offered, each with the other's default, over the scores of renders alike."""
    manifest, measured = starter.manifest, []
    lines, scenes = lines[:SHAPE_PROMPTS], scenes[:SHAPE_PROMPTS]
    lengths, squares = manifest["frames"], [(size["width"], size["height"]) for size in manifest["sizes"]]
    for width, height, frames in [*((*square, lengths["default"]) for square in squares),
                                  *((*squares[0], length) for length in lengths["allowed"] if length != lengths["default"])]:
        size = (width, height, frames)
        scores = scores_of(lines, probe.read(generate(starter, lines, steps, guidance, size))[0])
        probes = scores_of(lines, probe.read(render_clips(scenes, size, manifest["fps"]["default"], str(starter.device)))[0])
        relative = {name: score / max(probes[name], 1e-9) for name, score in scores.items()}
        mean = sum(relative.values()) / len(relative)
        measured.append({"width": width, "height": height, "frames": frames, "n": len(lines), "relative": relative, "mean": mean})
        print(f"{width}x{height}x{frames}: {100 * mean:.1f} % relative   " + "  ".join(f"{name} {100 * value:.0f}" for name, value in relative.items()), flush=True)
    return measured


def write_reference(folder: Path, reference: dict, clips: Sequence[np.ndarray]) -> None:
    """reference.json, and frames of the first clips side by side, lossless."""
    shutil.rmtree(folder / "reference", ignore_errors=True)
    (folder / "reference").mkdir(parents=True)
    kept = list(range(0, reference["frames"], 4))
    files = []
    for index, clip in enumerate(clips[:KEPT_CLIPS]):
        files.append(f"reference/{index:02d}.webp")
        Image.fromarray(np.concatenate(list(clip[kept]), axis=1)).save(folder / files[-1], lossless=True, quality=100, method=6)
    reference["agreement"] = {"frames": kept, "files": files}
    (folder / "reference.json").write_text(json.dumps(reference, ensure_ascii=False) + "\n")
    print(f"{folder / 'reference.json'}, and {sum((folder / name).stat().st_size for name in files) / 2**20:.2f} MiB of frames")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=DEFAULT_FOLDER)
    parser.add_argument("--world", choices=sorted(WORLDS), default="core")
    parser.add_argument("--write-prompts", action="store_true")
    parser.add_argument("--limit", type=int, help="only so many prompts")
    parser.add_argument("--steps", type=int)
    parser.add_argument("--guidance", type=float)
    parser.add_argument("--curve", action="store_true", help=f"also with {CURVE_STEPS} steps")
    parser.add_argument("--images", type=int, default=0, help="image to video from so many pictures")
    parser.add_argument("--shapes", action="store_true", help="also at every size and length that is offered")
    parser.add_argument("--sheet", type=Path, help="a PNG of the first clips beside renders of their scenes")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="of the probe, the prompts and the reference")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    world = WORLDS[options.world]
    if options.write_prompts:
        write_prompts(world, options.folder / "prompts.jsonl")
        return

    started = time.time()
    starter, probe = Starter(options.model, options.device), Probe(options.folder)
    manifest, facts = starter.manifest, probe.facts
    for what, value in (("the model", manifest.get("world", world.name)), ("the probe", facts["world"])):
        if value != world.name:
            raise SystemExit(f"{what} is of the {value} world, not of {world.name}.")
    default_steps, default_guidance = manifest["steps"]["default"], manifest["guidance"]["default"]
    steps, guidance = options.steps or default_steps, options.guidance or default_guidance
    square = manifest["sizes"][0]
    size = (square["width"], square["height"], manifest["frames"]["default"])
    lines, scenes = read_prompts(world, options.folder / "prompts.jsonl", options.limit)

    print(f"{len(lines)} prompts, {'x'.join(map(str, size))}, {steps} steps, guidance {guidance:g}", flush=True)
    renders = render_clips(scenes, size, manifest["fps"]["default"], options.device)
    clips = generate(starter, lines, steps, guidance, size)
    readings, features = probe.read(clips)
    render_readings, render_features = probe.read(renders)
    print_table(lines, readings, render_readings, facts)
    distance, least = frechet_distance(features, facts), frechet_distance(render_features, facts)
    print(f"Fréchet distance {distance:.3f} (that of the scenes' own renders: {least:.3f})")
    consistency = {"clips": mean_consistency(clips), "renders": mean_consistency(renders)}
    print(f"consistency: clips {consistency['clips']}, renders {consistency['renders']}")
    curve = measure_curve(starter, probe, lines, guidance, size, {steps: readings}) if options.curve else []
    shapes = measure_shapes(starter, probe, lines, scenes, steps, guidance) if options.shapes else []
    images, shown, captions = None, [], []
    for clip, rendered, line, read in zip(clips, renders, lines[:KEPT_CLIPS], readings):
        wrong = [f"{name} {read[name]}" for name, value in line["attributes"].items() if read[name] != value and is_scored(name, line["attributes"])]
        shown += [clip, rendered]
        captions += [line["prompt"], f"rendered. The probe misreads the clip: {', '.join(wrong)}" if wrong else "rendered"]
    if options.images:
        images, image_lines, image_clips = measure_images(starter, probe, lines, renders, options.images, steps, guidance, size)
        shown += image_clips[:8]
        captions += [f"from a picture: {line['prompt']}" for line in image_lines[:8]]
    if options.sheet:
        save_sheet(shown, captions, options.sheet)

    if options.limit is None and (steps, guidance) == (default_steps, default_guidance):
        write_reference(options.folder, {
            "schemaVersion": 1, "world": world.name,
            "weights": {path: hashlib.sha256((options.model / path).read_bytes()).hexdigest() for path in (TRANSFORMER, AUTOENCODER, TEXT_ENCODER)},
            "width": size[0], "height": size[1], "frames": size[2], "steps": steps, "guidance": guidance,
            "prompts": [{"prompt": line["prompt"], "seed": line["seed"], "clip": read, "render": rendered}
                        for line, read, rendered in zip(lines, readings, render_readings)],
            "frechet": distance, "consistency": consistency, "curve": curve,
            "shapes": shapes, **({"images": images} if images else {}),
        }, clips)
    print(f"{time.time() - started:.0f} s in all")


if __name__ == "__main__":
    main()
