"""Parity cases of transformers' T5EncoderModel (v1.1: gated GELU): small weights in which every part matters.

Dims used in the comments
    B  batch   L  tokens   D  width (d_model)   H  heads   F  width of the feed-forward (d_ff)
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import torch
import transformers
from torch import Tensor, nn
from transformers import T5Config, T5EncoderModel

from fixture_case import relative_change, write_case
from fixture_transformer import Q4_LIMIT, Q8_LIMIT, left_out, rounded_to_int4, rounded_to_int8

VOCABULARY = 24
BLOCK_GAIN = 1.7       # uniform weights in ±gain/√inputs
WANTED_CHANGE = 2.2    # what a missing part changes, at least: ten times int4's limit and a margin
WANTED_NOISE = 0.09    # what int4 weights change, at most
NEIGHBOURS = 12        # ids that stand at one place: half of the vocabulary
AIM_STEPS = 1500
AIM_RATE = 4e-3


@dataclass
class Spec:
    """What a case covers."""
    seed: int
    d_model: int
    d_kv: int
    d_ff: int
    heads: int
    layers: int
    lengths: list[int]              # of the prompts; shorter ones are padded
    tokens: int                     # L
    dtype: torch.dtype
    table: str                      # the key that the embedding table is stored under
    note: str
    score_gain: float = BLOCK_GAIN  # of q and k
    bias_spread: float = 1.5        # of the position bias: about as much as the scores' own
    config: dict = field(default_factory=dict)


CASES = {
    "t5_encoder": Spec(
        seed=11, d_model=32, d_kv=8, d_ff=64, heads=4, layers=2, lengths=[13, 6], tokens=13, dtype=torch.bfloat16,
        table="shared.weight", note="batch 2 with a padded mask, odd length, BF16 weights, table under shared.weight"),
    "t5_encoder_long": Spec(
        seed=12, d_model=32, d_kv=8, d_ff=48, heads=3, layers=2, lengths=[149], tokens=149, dtype=torch.float16,
        table="encoder.embed_tokens.weight", score_gain=0.7, bias_spread=3.0,
        note="149 tokens: distances past the maximum of 128; F16 weights, table under encoder.embed_tokens.weight"),
    "t5_encoder_wide_head": Spec(
        seed=13, d_model=28, d_kv=20, d_ff=52, heads=3, layers=2, lengths=[4, 11, 7], tokens=11, dtype=torch.bfloat16,
        table="shared.weight", config={"relative_attention_num_buckets": 20, "relative_attention_max_distance": 9},
        note="heads · d_kv ≠ d_model, no width a multiple of 32, 20 buckets up to 9 tokens, batch 3, BF16 weights"),
}


def make_model(spec: Spec) -> T5EncoderModel:
    """Random everywhere: a gain of one or a bias of zero would hide a missing term."""
    config = T5Config(vocab_size=VOCABULARY, d_model=spec.d_model, d_kv=spec.d_kv, d_ff=spec.d_ff, num_heads=spec.heads,
                      num_layers=spec.layers, feed_forward_proj="gated-gelu", tie_word_embeddings=False, **spec.config)
    model = T5EncoderModel._from_config(config, attn_implementation="eager").eval()
    generator = torch.Generator().manual_seed(spec.seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            if "norm" in name:
                parameter.copy_(1 + 0.3 * noise)
            elif "relative_attention_bias" in name:
                parameter.copy_(spec.bias_spread * noise)
            elif name == "shared.weight":
                parameter.copy_(noise)
            else:
                # uniform, as trained weights quantize: no far outliers
                uniform = torch.rand(parameter.shape, generator=generator) * 2 - 1
                gain = spec.score_gain if name.endswith(("q.weight", "k.weight")) else BLOCK_GAIN
                parameter.copy_(uniform * gain / parameter.shape[1] ** 0.5)
    return model


def make_inputs(spec: Spec) -> dict[str, Tensor]:
    """Ids stand at padded places too: whoever looks there is found out."""
    generator = torch.Generator().manual_seed(100 + spec.seed)
    mask = torch.zeros(len(spec.lengths), spec.tokens, dtype=torch.int64)
    for row, length in enumerate(spec.lengths):
        mask[row, :length] = 1
    # words drift through the vocabulary, so that near and far keys differ also in a long prompt
    drift = torch.arange(spec.tokens) * VOCABULARY // spec.tokens
    near = torch.randint(0, NEIGHBOURS, mask.shape, generator=generator)
    return {"input_ids": (drift + near) % VOCABULARY, "attention_mask": mask}


Run = Callable[[], Tensor]


def runner(model: T5EncoderModel, tensors: dict[str, Tensor]) -> Run:
    """The forward pass: [B, L, D], zeros at padded places."""
    kept = tensors["attention_mask"][..., None]
    return lambda: model(**tensors).last_hidden_state * kept


@contextmanager
def changed(module: nn.Module, change: Callable[[Tensor, Tensor], Tensor]) -> Iterator[None]:
    """The module gives change(its input, its output)."""
    hook = module.register_forward_hook(lambda _module, inputs, output: change(inputs[0], output))
    try:
        yield
    finally:
        hook.remove()


def omissions(spec: Spec, model: T5EncoderModel) -> dict[str, list[AbstractContextManager]]:
    """Everything that an implementation may leave out, and must be found out for."""
    first = model.encoder.block[0].layer[0].SelfAttention
    table = first.relative_attention_bias
    found = {"position bias": [left_out(table)]}
    for index, block in enumerate(model.encoder.block):
        attention = block.layer[0].SelfAttention
        found[f"block {index} attention"] = [left_out(attention.o)]
        found[f"block {index} feed-forward"] = [left_out(block.layer[1].DenseReluDense.wo)]
    found["the scores' scale of one"] = [changed(block.layer[0].SelfAttention.q, lambda _input, output: output * spec.d_kv ** -0.5)
                                for block in model.encoder.block]
    if spec.tokens > first.relative_attention_max_distance:
        half = first.relative_attention_num_buckets // 2
        found["the last buckets"] = [changed(table, lambda bucket, bias: bias * (bucket % half != half - 1)[..., None])]
    return found


def run_without(omitted: list[AbstractContextManager], run: Run) -> Tensor:
    with ExitStack() as stack:
        for context in omitted:
            stack.enter_context(context)
        return run()


def rounded_weights(model: T5EncoderModel, rounded: Callable[[Tensor], Tensor]) -> list[AbstractContextManager]:
    """The blocks' matrices, rounded; gradients pass as if they were not."""
    contexts = []
    for module in model.encoder.block.modules():
        if isinstance(module, nn.Linear):
            weight = module.weight.detach()
            error = rounded(weight) - weight
            contexts.append(changed(module, lambda x, y, error=error: y + x @ error.T))  # x·(W + error)ᵀ
    return contexts


def aim(spec: Spec, model: T5EncoderModel, run: Run) -> None:
    """Moves the weights until every omission shows and int4's noise does not.

    The last norm fixes the length of what comes out, so with plain random weights a missing part changes out by √2 at
    most, and the case would pass int4's limit with that part missing. So Adam moves the random weights a little: until
    what is left of the stream at the end is small against what the parts, each on its own, put in.
    """
    model.requires_grad_(True)
    adam = torch.optim.Adam(model.parameters(), lr=AIM_RATE)
    for _ in range(AIM_STEPS):
        reference = run()
        missing = torch.stack([
            torch.relu(WANTED_CHANGE - (run_without(omitted, run) - reference).norm() / reference.norm())
            for omitted in omissions(spec, model).values()])
        noise = (run_without(rounded_weights(model, rounded_to_int4), run) - reference).norm() / reference.norm()
        loss = missing.square().sum() + 100 * torch.relu(noise - WANTED_NOISE).square()
        if loss == 0:
            break
        adam.zero_grad()
        loss.backward()
        adam.step()
    model.requires_grad_(False)


def assert_parts_matter(name: str, spec: Spec, model: T5EncoderModel, run: Run) -> None:
    reference = run()
    for part, omitted in omissions(spec, model).items():
        change = relative_change(reference, run_without(omitted, run))
        print(f"  {name}: without {part} out changes by {change:.2f}")
        assert change >= 10 * Q4_LIMIT, f"{name}: leaving out {part} changes out by only {change:.3f}"
    for format, rounded, limit in (("int4", rounded_to_int4, Q4_LIMIT), ("int8", rounded_to_int8, Q8_LIMIT)):
        change = relative_change(reference, run_without(rounded_weights(model, rounded), run))
        print(f"  {name}: {format} weights change out by {change:.3f}")
        assert change < 0.75 * limit, f"{name}: {format} weights change out by {change:.3f}"
    for key, parameter in model.named_parameters():
        kept = parameter.clone()
        parameter.zero_()
        change = relative_change(reference, run())
        parameter.copy_(kept)
        assert change > 1e-2, f"{name}: {key} changes out by only {change:.5f}"


def make_case(name: str, spec: Spec) -> tuple[T5EncoderModel, dict[str, Tensor], Tensor]:
    model = make_model(spec)
    tensors = make_inputs(spec)
    run = runner(model, tensors)
    aim(spec, model, run)
    with torch.no_grad():
        model.to(spec.dtype).float()  # the values that will be stored
        assert_parts_matter(name, spec, model, run)
        return model, tensors, run()


def reference_config(model: T5EncoderModel) -> dict:
    """The reference's own config, as it would save it, without the version of the library."""
    config = {"_class_name": type(model).__name__, **model.config.to_diff_dict()}
    config.pop("transformers_version", None)
    return config


def write_t5_cases(out: Path) -> None:
    for name, spec in CASES.items():
        model, tensors, embeds = make_case(name, spec)
        weights = {key.replace("shared.weight", spec.table): value.to(spec.dtype) for key, value in model.named_parameters()}
        io = {f"in.{key}": value for key, value in tensors.items()} | {"out.last_hidden_state": embeds}
        write_case(out / name, reference_config(model), weights, "forward", {}, io,
                   f"{spec.note}; zeros at padded places", f"training/fixtures.py, transformers {transformers.__version__}, torch {torch.__version__}")
