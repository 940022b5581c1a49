"""The model card: python training/card.py --model public/models/starter

Writes README.md into an exported folder from what the folder, the probe (tests/evaluate/probe.json) and the evaluation
(tests/evaluate/reference.json) say, and enters it and the figures into kinora.json.
"""

import argparse
import datetime
import hashlib
import json
from pathlib import Path

from cost import clip_cost

EVALUATION = Path(__file__).parent.parent / "tests" / "evaluate"
# Least score relative to the probe's on renders, in percent: {world: {attribute: bar}}.
BARS = {world: {name: round(100 * bar) for name, bar in bars.items()} for world, bars in json.loads((EVALUATION / "bars.json").read_text()).items()}


def read_rows(manifest: dict, reference: dict, prompts: list[dict], probe: dict) -> list[dict]:
    """A row an attribute: how many were asked for, how many of the clips and of renders the probe reads so, in percent."""
    rows = []
    for name, facts in probe["attributes"].items():
        asked = [(line["attributes"].get(name), entry) for line, entry in zip(prompts, reference["prompts"])
                 if not (name == "colour" and line["attributes"].get("style") == "noir")]
        asked = [(value, entry) for value, entry in asked if value in facts["classes"]]
        clips = sum(entry["clip"][name] == value for value, entry in asked) / len(asked)
        renders = sum(entry["render"][name] == value for value, entry in asked) / len(asked)
        rows.append({"name": name, "n": len(asked), "clips": 100 * clips, "renders": 100 * renders, "relative": 100 * clips / renders,
                     "bar": BARS[manifest["world"]][name], "unseen": 100 * facts["accuracy"]})
    return rows


def describe_images(reference: dict) -> list[str]:
    images = reference.get("images")
    if not images:
        return []
    read = ", ".join(f"{name} {100 * score / images['probe'][name]:.0f} %" for name, score in images["scores"].items())
    return [f"Image to video from {images['n']} images: score in the last frame of the clip, relative to the last frame of the render: {read}. "
            f"The first step is 0.5 to 1.5 times the median step in {100 * images['evenStart']:.0f} % of the clips.", ""]


def describe_shapes(reference: dict) -> list[str]:
    """What is offered, and how well each shape does on the first prompts: the mean of the relative scores."""
    shapes = reference.get("shapes") or []
    rows = [f"| {shape['width']}×{shape['height']}×{shape['frames']} | {100 * shape['mean']:.1f} % | {shape['n']} |" for shape in shapes]
    return ["| shape | mean relative score | clips |", "|---|---|---|", *rows, ""] if rows else []


def write_card(folder: Path, date: str) -> None:
    manifest = json.loads((folder / "kinora.json").read_text())
    reference = json.loads((EVALUATION / "reference.json").read_text())
    probe = json.loads((EVALUATION / "probe.json").read_text())
    prompts = [json.loads(line) for line in (EVALUATION / "prompts.jsonl").read_text().splitlines() if line.strip()]
    hashes = {entry["path"]: entry["sha256"] for entry in manifest["files"]}
    for path, digest in reference["weights"].items():
        if hashes.get(path) != digest:
            raise SystemExit(f"{path} is not the file that was evaluated; run training/evaluate.py --model {folder} first.")
    rows = read_rows(manifest, reference, prompts, probe)
    quality = manifest["quality"]
    size = manifest["sizes"][0]
    frames, steps, guidance = manifest["frames"]["default"], reference["steps"], reference["guidance"]
    cost = clip_cost(folder, size["width"], size["height"], frames, steps, guidance != 1)
    few = clip_cost(folder, size["width"], size["height"], frames, 4, guided=False)
    lines = [
        f"# {manifest['name']}, version {manifest['version']}", "",
        manifest["description"], "",
        f"License: {manifest['licence']}. Exported {date}.", "",
        "## Vocabulary", "",
        *(f"- **{theme['title']}**: {', '.join(theme['phrases'])}" for theme in manifest["knows"]), "",
        "Other words become the unknown token. The page marks them before a clip is made; the rest of the prompt still counts.", "",
        "## Training", "",
        f"Trained by `training/` of this project on {quality.get('samplesSeen', 0):,} samples of clips that `training/world` renders (its \"{manifest['world']}\" version); "
        "no third-party images or text. Rectified flow in the layout of LTX-Video's transformer, int8 weights; a 16×16×4 autoencoder; a small BERT as text encoder, int8.", "",
        "## Evaluation", "",
        f"{len(prompts)} prompts ({sum(bool(line.get('heldOut')) for line in prompts)} of them with a pair of attributes that training never saw), "
        f"{size['width']}×{size['height']}×{frames}, {steps} steps, guidance {guidance}. A probe (a classifier) reads each attribute from the clip and from a render of the same scene; the relative score must reach the bar.", "",
        "| attribute | clips | correct in clips | correct in renders | relative score | bar |", "|---|---|---|---|---|---|",
        *(f"| {row['name']} | {row['n']} | {row['clips']:.1f} % | {row['renders']:.1f} % | {row['relative']:.1f} % | {row['bar']} %"
          f"{'' if row['unseen'] >= 97 else ' (does not count: the probe reads ' + format(row['unseen'], '.1f') + ' % of unseen renders)'} |" for row in rows), "",
        f"Autoencoder, held-out clips: {quality.get('psnrDb', '?')} dB, mean over clips ({quality.get('psnrLinearDb', '?')} dB by the fitted linear part alone; "
        f"{quality.get('psnrPooledDb', '?')} dB from the pooled squared error). Fréchet distance to held-out renders in the probe's features: {reference['frechet']:.2f}.", "",
        *describe_images(reference), *describe_shapes(reference),
        f"A clip costs {cost['clip']:.0f} GFLOP at these settings, {few['clip']:.0f} in four steps without guidance; decoding a 256×256 frame costs {cost['decoder a 256x256 frame']:.1f}.", "",
        "## Limits", "",
        "The model draws only what the vocabulary lists. Shapes are soft, subjects may be misshapen, and small details are lost. "
        "It was not trained on sizes and lengths other than those above; they can be generated, and the page warns.", "",
        "## Files", "",
        *(f"- `{path}` {digest}" for path, digest in sorted(hashes.items()) if path != "README.md"), "",
    ]
    card = folder / "README.md"
    card.write_text("\n".join(lines))
    entry = {"path": "README.md", "bytes": card.stat().st_size, "sha256": hashlib.sha256(card.read_bytes()).hexdigest()}
    manifest["files"] = sorted([entry, *(file for file in manifest["files"] if file["path"] != "README.md")], key=lambda file: file["path"])
    quality["scores"] = {row["name"]: round(row["relative"], 1) for row in rows}
    (folder / "kinora.json").write_text(json.dumps(manifest, indent=2, ensure_ascii=False) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=Path("public/models/starter"))
    parser.add_argument("--date", default=datetime.date.today().isoformat())
    options = parser.parse_args()
    write_card(options.model, options.date)


if __name__ == "__main__":
    main()
