"""The starter's text side: one token a word, and a small BERT trained with the transformer."""

import json
import random
from functools import lru_cache
from pathlib import Path

import torch
import torch.nn.functional as functional
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from torch import Tensor, nn
from transformers import BertConfig, BertModel

from world.attributes import WORLDS, Scene, classes_of
from world.captions import known_words

MAX_TOKENS = 48
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
PAD, UNKNOWN, START, END = range(4)
# World name -> width and layers of the encoder.
SIZES = {"core": (128, 2), "wide": (192, 3)}


@lru_cache
def make_tokenizer(world: str) -> Tokenizer:
    """Words outside the world become [UNK], which training has seen (see corrupt_tokens)."""
    vocabulary = {word: index for index, word in enumerate(SPECIAL + known_words(WORLDS[world]))}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B [SEP]", special_tokens=[("[CLS]", START), ("[SEP]", END)])
    return tokenizer


def tokenize(world: str, prompt: str) -> list[int]:
    """Ids, cut to MAX_TOKENS with the end sign kept."""
    ids = make_tokenizer(world).encode(prompt).ids
    return ids if len(ids) <= MAX_TOKENS else [*ids[: MAX_TOKENS - 1], END]


def save_tokenizer(world: str, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = Tokenizer.from_str(make_tokenizer(world).to_str())
    tokenizer.enable_truncation(MAX_TOKENS)
    tokenizer.save(str(folder / "tokenizer.json"))
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": MAX_TOKENS, "do_lower_case": True,
        "pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]",
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(config, indent=2) + "\n")
    special = {key: value for key, value in config.items() if key.endswith("_token")}
    (folder / "special_tokens_map.json").write_text(json.dumps(special, indent=2) + "\n")


def make_text_encoder(world: str) -> BertModel:
    width, layers = SIZES[world]
    config = BertConfig(
        vocab_size=make_tokenizer(world).get_vocab_size(), hidden_size=width, num_hidden_layers=layers, num_attention_heads=4,
        intermediate_size=384, max_position_embeddings=MAX_TOKENS, type_vocab_size=1, pad_token_id=PAD,
        hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0, attn_implementation="eager",
    )
    return BertModel(config, add_pooling_layer=False)


class AttributeHeads(nn.Module):
    """What the caption says of each attribute, read from the mean of its tokens' states, which is what a cross-attention
    that has learned nothing yet gets to see. Only training has it: the scenes' true attributes teach the encoder what
    words mean within minutes, where the pictures alone take hours.

    The rows of the heads have length 1, so that the states themselves must differ by as much as the logits do."""

    def __init__(self, world: str):
        super().__init__()
        self.classes = classes_of(WORLDS[world])
        self.heads = nn.ModuleDict({name: nn.Linear(SIZES[world][0], len(values)) for name, values in self.classes.items()})

    def logits(self, text: Tensor, mask: Tensor) -> dict[str, Tensor]:
        """text [B, L, E], mask [B, L] -> [B, classes] of each attribute."""
        mean = (text * mask[:, :, None]).sum(dim=1) / mask.sum(dim=1, keepdim=True)
        return {name: functional.linear(mean, functional.normalize(head.weight, dim=1), head.bias) for name, head in self.heads.items()}

    def loss(self, text: Tensor, mask: Tensor, scenes: list[Scene]) -> Tensor:
        """Mean cross-entropy over attributes; captions of two tokens or less were dropped, and do not count."""
        told = (mask.sum(dim=1) > 2).float()
        total = text.new_zeros(())
        for name, logits in self.logits(text, mask).items():
            labels = torch.tensor([self._label(scene, name) for scene in scenes], device=text.device)
            each = functional.cross_entropy(logits, labels, reduction="none", ignore_index=-100)
            total = total + (each * told).sum() / told.sum().clamp_min(1)
        return total / len(self.heads)

    def _label(self, scene: Scene, name: str) -> int:
        if len(scene.actors) > 1 and name in ("subject", "colour", "motion"):
            return -100                                     # two subjects: no one answer
        return self.classes[name].index(scene.attributes[name])


def pad_tokens(token_lists: list[list[int]]) -> tuple[Tensor, Tensor]:
    """Lists of ids -> ids [B, L] and mask [B, L], padded to the longest."""
    length = max(len(tokens) for tokens in token_lists)
    ids = torch.tensor([tokens + [PAD] * (length - len(tokens)) for tokens in token_lists])
    return ids, (ids != PAD).float()


def corrupt_tokens(tokens: list[int], source: random.Random, drop_caption: float, hide_word: float) -> list[int]:
    """A training caption: sometimes empty (the unconditional prompt), some words unknown."""
    if source.random() < drop_caption:
        return [START, END]
    if source.random() < 0.5:
        return tokens
    return [UNKNOWN if token > END and source.random() < 2 * hide_word else token for token in tokens]


def encode_prompts(encoder: BertModel, world: str, prompts: list[str]) -> tuple[Tensor, Tensor]:
    """-> hidden states [B, L, E] and mask [B, L]."""
    ids, mask = pad_tokens([tokenize(world, prompt) for prompt in prompts])
    ids, mask = ids.to(encoder.device), mask.to(encoder.device)
    return encoder(input_ids=ids, attention_mask=mask).last_hidden_state, mask
