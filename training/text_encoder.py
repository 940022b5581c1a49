"""The starter's text side: one token a word, and a small BERT trained with the transformer."""

import json
import random
from pathlib import Path

import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from torch import Tensor
from transformers import BertConfig, BertModel

from world.captions import known_words

MAX_TOKENS = 48
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
PAD, UNKNOWN, START, END = range(4)


def vocabulary() -> dict[str, int]:
    return {word: index for index, word in enumerate(SPECIAL + known_words())}


def make_tokenizer() -> Tokenizer:
    tokenizer = Tokenizer(models.WordLevel(vocabulary(), unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B [SEP]", special_tokens=[("[CLS]", START), ("[SEP]", END)])
    return tokenizer


def save_tokenizer(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = make_tokenizer()
    tokenizer.enable_truncation(MAX_TOKENS)
    tokenizer.save(str(folder / "tokenizer.json"))
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": MAX_TOKENS, "do_lower_case": True,
        "pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]",
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(config, indent=2) + "\n")
    special = {key: value for key, value in config.items() if key.endswith("_token")}
    (folder / "special_tokens_map.json").write_text(json.dumps(special, indent=2) + "\n")


def make_text_encoder() -> BertModel:
    config = BertConfig(
        vocab_size=len(vocabulary()), hidden_size=128, num_hidden_layers=2, num_attention_heads=4,
        intermediate_size=384, max_position_embeddings=MAX_TOKENS, type_vocab_size=1, pad_token_id=PAD,
        hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0, attn_implementation="eager",
    )
    return BertModel(config, add_pooling_layer=False)


def pad_tokens(token_lists: list[list[int]]) -> tuple[Tensor, Tensor]:
    """Lists of ids -> ids [B, L] and mask [B, L], padded to the longest."""
    length = max(len(tokens) for tokens in token_lists)
    ids = torch.tensor([tokens + [PAD] * (length - len(tokens)) for tokens in token_lists])
    return ids, (ids != PAD).float()


def corrupt_tokens(tokens: list[int], source: random.Random, drop_caption: float, hide_word: float) -> list[int]:
    """A training caption: sometimes empty (the unconditional prompt), some words unknown."""
    if source.random() < drop_caption:
        return [START, END]
    return [UNKNOWN if token > END and source.random() < hide_word else token for token in tokens]


def encode_prompts(encoder: BertModel, prompts: list[str]) -> tuple[Tensor, Tensor]:
    """-> hidden states [B, L, 128] and mask [B, L]."""
    tokenizer = make_tokenizer()
    ids, mask = pad_tokens([tokenizer.encode(prompt).ids[:MAX_TOKENS] for prompt in prompts])
    return encoder(input_ids=ids, attention_mask=mask).last_hidden_state, mask
