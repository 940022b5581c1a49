"""Write a small tokenizer.json of T5's kind (Unigram, Metaspace, an end token), and ids that the tokenizers package gives for
some texts: tests/unit/fixtures/unigram-tokenizer.json and unigram-ids.json.

    python training/fixture_tokenizer.py --out tests/unit/fixtures
"""

import argparse
import json
from pathlib import Path

import tokenizers
from tokenizers import Regex, Tokenizer, decoders, normalizers, pre_tokenizers, processors
from tokenizers.models import Unigram

PIECES = ["▁a", "▁red", "▁sail", "boat", "ing", "▁the", "▁sea", "▁", "s", "e", "a", "i", "l", "n", "g", "t", "h", "r", "d", "o", "b",
          "▁sun", "set", "▁in", "u", "c", "m", "p", "w", "y", "k", "f", "v", ",", ".", "é", "▁caf", "▁white", "▁clouds", "clouds", "st",
          "▁slow", "ly", "ed", "er", "▁o", "ver", "0", "1", "2", "▁20", "-", "'", "ü", "日", "本"]
TEXTS = ["a red sailboat", "A white sailboat sailing over the sea, slowly.", "  two   spaces  ", "", " ", "café au sunset", "unknown: ☃ and emoji 🚀!",
         "日本 の sea", "tab\tand\nnewline", "2012-01-20", "don't", "ｆｕｌｌ ｗｉｄｔｈ ①", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "x</s>y", "<pad> red", "▁the sea"]


def make_tokenizer() -> Tokenizer:
    """As transformers writes T5's from its SentencePiece model."""
    # longer pieces are likelier than the product of their letters, yet not all in proportion
    vocabulary = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0)]
    vocabulary += [(piece, -2.0 - 1.7 * (index % 7) / 3 - 3.0 / len(piece)) for index, piece in enumerate(PIECES)]
    tokenizer = Tokenizer(Unigram(vocabulary, unk_id=2, byte_fallback=False))
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Strip(left=False, right=True), normalizers.Replace(Regex(" {2,}"), "▁")])
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always", split=True)])
    tokenizer.post_processor = processors.TemplateProcessing(single="$A </s>", pair="$A </s> $B </s>", special_tokens=[("</s>", 1)])
    tokenizer.decoder = decoders.Metaspace(replacement="▁", prepend_scheme="always")
    tokenizer.add_special_tokens(["<pad>", "</s>", "<unk>"])
    return tokenizer


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    out = parser.parse_args().out
    tokenizer = make_tokenizer()
    tokenizer.save(str(out / "unigram-tokenizer.json"), pretty=False)
    cases = [{"text": text, "ids": tokenizer.encode(text).ids} for text in TEXTS]
    made_with = f"training/fixture_tokenizer.py, tokenizers {tokenizers.__version__}"
    (out / "unigram-ids.json").write_text(json.dumps({"made_with": made_with, "cases": cases}, ensure_ascii=False, indent=1) + "\n")


if __name__ == "__main__":
    main()
