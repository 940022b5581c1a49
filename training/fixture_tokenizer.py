"""Write small tokenizers of T5's kind, and ids that the tokenizers package gives for some texts: into tests/unit/fixtures

- unigram-tokenizer.json and unigram-ids.json: Unigram, Metaspace, an end token, and NFKC for a normalizer;
- charsmap-tokenizer.json.gz and charsmap-ids.json: a SentencePiece model trained on a few sentences, as transformers writes T5's
  from it, with the "Precompiled" normalizer that the published tokenizer.json has: nmt_nfkc, SentencePiece's own character table.

    python training/fixture_tokenizer.py --out tests/unit/fixtures
"""

import argparse
import gzip
import io
import json
from pathlib import Path

import sentencepiece
import tokenizers
import transformers
from tokenizers import Regex, Tokenizer, decoders, normalizers, pre_tokenizers, processors
from tokenizers.models import Unigram
from transformers import T5Tokenizer
from transformers.utils import sentencepiece_model_pb2_new as model_pb2

PIECES = ["▁a", "▁red", "▁sail", "boat", "ing", "▁the", "▁sea", "▁", "s", "e", "a", "i", "l", "n", "g", "t", "h", "r", "d", "o", "b",
          "▁sun", "set", "▁in", "u", "c", "m", "p", "w", "y", "k", "f", "v", ",", ".", "é", "▁caf", "▁white", "▁clouds", "clouds", "st",
          "▁slow", "ly", "ed", "er", "▁o", "ver", "0", "1", "2", "▁20", "-", "'", "ü", "日", "本"]
TEXTS = ["a red sailboat", "A white sailboat sailing over the sea, slowly.", "  two   spaces  ", "", " ", "café au sunset", "unknown: ☃ and emoji 🚀!",
         "日本 の sea", "tab\tand\nnewline", "2012-01-20", "don't", "ｆｕｌｌ ｗｉｄｔｈ ①", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "x</s>y", "<pad> red", "▁the sea"]

SENTENCES = [f"{who} {does} {where}{end}"
             for who in ("a red sailboat", "a white dog", "the old lighthouse", "un café", "eine Möwe", "ein Schiff", "l'étoile", "日本の海", "白い船")
             for does in ("moves slowly", "is seen", "sails and turns", "läuft über", "fährt", "brille", "が見える")
             for where in ("over the sea", "in the first office of 2012", "at sunset, waffles on it", "das Wasser", "sur la mer", "海の上")
             for end in (".", "!", " (1/2)", ": 25 °C", ", 3.5 kg", "…")]
ODD_TEXTS = [
    *TEXTS, "ﬁrst oﬃce: waﬄes", "Ａ ｒｅｄ ｓａｉｌｂｏａｔ，２０１２！", "cafe\u0301 and café", "A\u030angstro\u0308m \u212b \u2126", "zero\u200bwidth\u200cand\u200djoiner\ufeffs",
    "soft\u00adhyphen", "no\u00a0break\u2007spaces\u202fin\u3000it", "line\u2028and\u2029paragraph\u0085next", "control\u0000\u0001\u0007\u001b\u007fs", "\u008f\u009f",
    "replacement\ufffd sign", "half ½ ¼ x² H₂O ℃ ㎏ ㍿ ™ № …", "～ and ~ and ∼", "ｶﾞｷﾞ ﾊﾟ が か\u3099", "한국어 \u1112\u1161\u11ab", "日本の海が見える。", "👩\u200d🚀 and 👍🏽 and 🇯🇵 ❤\ufe0f",
    "\U0001d400\U0001d7d8 𠮷 \U0001f132", "مرحبا لا ﷺ", "नमस्ते क्षि", "e\u0301\u0323\u0302 stacked", "\u0301alone", "＜/s＞ and ＜pad＞", "  leading, trailing  ", "\t\r\n", "a\r\nb\tc",
    "▁▁two marks ▁", "“quotes” ‘so’ «là»", "\ud55c\u1100", "Ǆ ǆ ĳ ŉ ſ ß ẞ İ ı", "x" * 40]


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


def train_tokenizer() -> Tokenizer:
    """Of T5's settings: the end is 1, an unknown piece 2, no beginning."""
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(SENTENCES + ODD_TEXTS), model_writer=model, model_type="unigram", vocab_size=400, character_coverage=1.0,
        normalization_rule_name="nmt_nfkc", hard_vocab_limit=False, pad_id=0, eos_id=1, unk_id=2, bos_id=-1, num_threads=1, minloglevel=2)
    trained = model_pb2.ModelProto.FromString(model.getvalue())
    pieces = [(piece.piece, piece.score) for piece in trained.pieces]
    charsmap = trained.normalizer_spec.precompiled_charsmap
    return T5Tokenizer(vocab=pieces, extra_ids=0, additional_special_tokens=[], _spm_precompiled_charsmap=charsmap)._tokenizer


def write_ids(file: Path, tokenizer: Tokenizer, texts: list[str], made_with: str, normalized: bool = False) -> None:
    cases = [{"text": text, **({"normalized": tokenizer.normalizer.normalize_str(text)} if normalized else {}), "ids": tokenizer.encode(text).ids}
             for text in texts]
    file.write_text(json.dumps({"made_with": f"training/fixture_tokenizer.py, {made_with}", "cases": cases}, ensure_ascii=False, indent=1) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    out = parser.parse_args().out
    tokenizer = make_tokenizer()
    tokenizer.save(str(out / "unigram-tokenizer.json"), pretty=False)
    write_ids(out / "unigram-ids.json", tokenizer, TEXTS, f"tokenizers {tokenizers.__version__}")

    tokenizer = train_tokenizer()
    # without a date in its header, so that the same tokenizer is the same file
    (out / "charsmap-tokenizer.json.gz").write_bytes(gzip.compress(tokenizer.to_str().encode(), mtime=0))
    versions = f"sentencepiece {sentencepiece.__version__}, transformers {transformers.__version__}, tokenizers {tokenizers.__version__}"
    write_ids(out / "charsmap-ids.json", tokenizer, ODD_TEXTS, versions, normalized=True)


if __name__ == "__main__":
    main()
