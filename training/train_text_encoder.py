"""Teach the text encoder to read captions before any picture is trained: python training/train_text_encoder.py --work DIR --world core --minutes 4

It learns to tell a scene's attributes from captions of endless random scenes. train_transformer.py begins with it, and
keeps the task as a small part of its loss.
"""

import argparse
import random
import time
from pathlib import Path

import torch
from torch import nn

from optimizer import MuonAdam
from text_encoder import AttributeHeads, corrupt_tokens, make_text_encoder, pad_tokens, tokenize
from train_transformer import TEXT_CHECKPOINT, WORD_DROPOUT
from world.attributes import WORLDS, Scene, sample_scene
from world.captions import write_caption


class Reader(nn.Module):
    """Named as in train_transformer.Model, so that the weights fit."""

    def __init__(self, world: str):
        super().__init__()
        self.text_encoder = make_text_encoder(world)
        self.attribute_heads = AttributeHeads(world)


def draw(world: str, count: int, source: random.Random) -> tuple[list[Scene], list[list[int]]]:
    scenes = [sample_scene(WORLDS[world], source) for _ in range(count)]
    return scenes, [tokenize(world, write_caption(scene, source)) for scene in scenes]


@torch.no_grad()
def accuracy(reader: Reader, world: str, source: random.Random, count: int = 1000) -> dict[str, float]:
    """Of each attribute on fresh captions; some leave attributes out, so 1 cannot be reached."""
    scenes, tokens = draw(world, count, source)
    ids, mask = pad_tokens(tokens)
    device = next(reader.parameters()).device
    ids, mask = ids.to(device), mask.to(device)
    text = reader.text_encoder(input_ids=ids, attention_mask=mask).last_hidden_state
    answers = {name: logits.argmax(dim=1).tolist() for name, logits in reader.attribute_heads.logits(text, mask).items()}
    classes = reader.attribute_heads.classes
    return {name: sum(classes[name][answer] == scene.attributes[name] for answer, scene in zip(answers[name], scenes)) / count for name in answers}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--world", choices=sorted(WORLDS), default="core")
    parser.add_argument("--minutes", type=float, default=4)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--batch", type=int, default=128)
    options = parser.parse_args()
    torch.manual_seed(0)
    reader = Reader(options.world).to(options.device)
    matrices = [p for name, p in reader.named_parameters() if p.ndim == 2 and "encoder.layer" in name]
    ids_of = {id(p) for p in matrices}
    optimizer = MuonAdam(matrices, [([p for p in reader.parameters() if id(p) not in ids_of], 1.0)], muon_rate=2e-3, adam_rate=2e-3)
    source = random.Random(11)
    started = last = time.time()
    step = 0
    while (done := (time.time() - started) / (60 * options.minutes)) < 1:
        optimizer.set_scale(min(1, (step + 1) / 50, 2 * (1 - done)))
        scenes, tokens = draw(options.world, options.batch, source)
        ids, mask = (part.to(options.device) for part in pad_tokens([corrupt_tokens(part, source, 0.0, WORD_DROPOUT) for part in tokens]))
        text = reader.text_encoder(input_ids=ids, attention_mask=mask).last_hidden_state
        loss = reader.attribute_heads.loss(text, mask, scenes)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        step += 1
        if time.time() - last > 30:
            print(f"{time.time() - started:.0f}s step {step} loss {loss.item():.3f}", flush=True)
            last = time.time()
    torch.save(reader.state_dict(), options.work / TEXT_CHECKPOINT)
    read = accuracy(reader, options.world, random.Random(12))
    print(f"{step} steps, read rightly: " + ", ".join(f"{name} {100 * share:.1f} %" for name, share in read.items()))


if __name__ == "__main__":
    main()
