"""Parity cases of LTXVideoTransformer3DModel: small random weights in which every part matters.

Dims used in the comments
    B  batch   N  tokens   C  channels in and out   D  width   L  text tokens   E  text width
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import torch
from diffusers import LTXVideoTransformer3DModel
from torch import Tensor, nn

from fixture_case import reference_config, relative_change, write_case

Q8_LIMIT, Q4_LIMIT = 0.05, 0.2
# Uniform weights in ±gain/√inputs. The blocks speak louder than the tokens they are given, so that each part shows.
GAINS = {"time_embed.linear.weight": 0.25, "proj_in.weight": 0.5}
BLOCK_GAIN = 1.7
GATE = 0.5
NOISE = 130.0  # how much more int4's noise counts than the spread over tokens
GROUP = 32  # int4 weights: a scale for each 32 along the input


@dataclass
class Spec:
    """What a case covers."""
    seed: int
    heads: int
    head_dim: int
    layers: int
    channels: int
    caption: int
    batch: int
    grid: tuple[int, int, int]
    text_lengths: list[int]
    text_tokens: int
    note: str
    coords: bool = False            # video_coords instead of the grid's scalars
    per_token: bool = False
    original_keys: bool = False
    dtype: torch.dtype = torch.float32
    config: dict = field(default_factory=dict)
    steady: float = 0.02


CASES = {
    "ltx_transformer_coords": Spec(
        seed=1, heads=4, head_dim=16, layers=2, channels=24, caption=20, batch=2, grid=(3, 3, 5), text_lengths=[9, 4],
        text_tokens=9, coords=True, dtype=torch.bfloat16,
        note="batch 2, padded text, video_coords that differ in the batch, dim % 6 = 4, BF16 weights"),
    "ltx_transformer_tokens": Spec(
        seed=2, heads=4, head_dim=20, layers=1, channels=17, caption=36, batch=1, grid=(3, 5, 7), text_lengths=[5],
        text_tokens=11, per_token=True, dtype=torch.float16,
        note="per-token timesteps, grid with rope_interpolation_scale, odd channels and sizes, dim % 6 = 2, F16 weights"),
    "ltx_transformer_original_keys": Spec(
        seed=3, heads=4, head_dim=16, layers=1, channels=16, caption=32, batch=1, grid=(2, 4, 3), text_lengths=[6],
        text_tokens=7, original_keys=True, dtype=torch.bfloat16, config={"attention_bias": False},
        note="the original checkpoint's key names, BF16 weights, no bias in q, k and v"),
    "ltx_transformer_tokens_batch": Spec(
        seed=4, heads=3, head_dim=20, layers=1, channels=12, caption=24, batch=2, grid=(2, 3, 3), text_lengths=[3, 8],
        text_tokens=8, coords=True, per_token=True, dtype=torch.bfloat16, steady=3.0,
        note="batch 2 with per-token timesteps, head size 20, a width that is no multiple of 32, dim % 6 = 0, BF16 weights"),
}


def make_model(spec: Spec) -> LTXVideoTransformer3DModel:
    """Random everywhere: a gain of one, a gate or a bias of zero would hide a missing term."""
    model = LTXVideoTransformer3DModel(
        in_channels=spec.channels, out_channels=spec.channels, num_attention_heads=spec.heads,
        attention_head_dim=spec.head_dim, cross_attention_dim=spec.heads * spec.head_dim, num_layers=spec.layers,
        caption_channels=spec.caption, **spec.config).eval()
    generator = torch.Generator().manual_seed(spec.seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            if "norm" in name:
                parameter.copy_(1 + 0.3 * noise)
            elif name.endswith("scale_shift_table"):
                parameter.copy_(0.3 * noise)
                if "blocks" in name:  # the gates: rows 2 and 5
                    parameter[2] += GATE
                    parameter[5] += GATE
            elif parameter.ndim == 1:
                parameter.copy_(0.1 * noise)
            else:
                # uniform, as trained weights quantize: no far outliers
                uniform = torch.rand(parameter.shape, generator=generator) * 2 - 1
                gain = GAINS.get(name, BLOCK_GAIN)
                parameter.copy_(uniform * gain / parameter.shape[1] ** 0.5)
    return model


def make_inputs(spec: Spec) -> tuple[dict[str, Tensor], dict]:
    """Tensor arguments and scalar arguments of the forward pass."""
    generator = torch.Generator().manual_seed(100 + spec.seed)
    frames, height, width = spec.grid
    tokens = frames * height * width
    mask = torch.zeros(spec.batch, spec.text_tokens, dtype=torch.int64)
    for row, length in enumerate(spec.text_lengths):
        mask[row, :length] = 1
    shape = (spec.batch, tokens) if spec.per_token else (spec.batch,)
    # few distinct values, as conditioned generation has: known tokens are early, the rest is at the step's time
    choices = torch.tensor([0.0, 41.25, 417.3, 904.0])
    chosen = choices[torch.randint(0, 4, shape, generator=generator)]
    timestep = chosen if spec.per_token else 300 + 500 * torch.rand(shape, generator=generator)
    tensors = {
        "hidden_states": torch.randn(spec.batch, tokens, spec.channels, generator=generator),
        "encoder_hidden_states": torch.randn(spec.batch, spec.text_tokens, spec.caption, generator=generator),
        "encoder_attention_mask": mask,
        "timestep": timestep,
    }
    scale = [8 / 25, 32, 32]
    if not spec.coords:
        return tensors, {"num_frames": frames, "height": height, "width": width, "rope_interpolation_scale": scale}
    axes = torch.meshgrid(*(torch.arange(size, dtype=torch.float32) for size in spec.grid), indexing="ij")
    coords = torch.stack([axis.flatten() * factor for axis, factor in zip(axes, scale)])[None].repeat(spec.batch, 1, 1)
    coords[:, 0] += torch.arange(spec.batch)[:, None] * 0.36  # the second clip begins later
    return {**tensors, "video_coords": coords}, {}


Run = Callable[[], Tensor]


@contextmanager
def left_out(module: nn.Module) -> Iterator[None]:
    """The module gives zeros."""
    hook = module.register_forward_hook(lambda _module, _inputs, output: torch.zeros_like(output))
    try:
        yield
    finally:
        hook.remove()


def parts(model: LTXVideoTransformer3DModel) -> dict[str, nn.Module]:
    return {f"block {index} {name}": getattr(block, name)
            for index, block in enumerate(model.transformer_blocks) for name in ("attn1", "attn2", "ff")}


def rounded_to_int4(weight: Tensor) -> Tensor:
    """Groups of 32 along the input, the last one perhaps shorter; a group's extreme becomes -8."""
    rounded = []
    for group in weight.split(GROUP, dim=1):
        extreme = group.gather(1, group.abs().argmax(1, keepdim=True))
        step = extreme / -8
        rounded.append((group / step).round().clamp(-8, 7) * step)
    return torch.cat(rounded, dim=1)


def rounded_to_int8(weight: Tensor) -> Tensor:
    """A scale for each output channel."""
    step = weight.abs().amax(1, keepdim=True) / 127
    return (weight / step).round() * step


@contextmanager
def quantized(model: LTXVideoTransformer3DModel, rounded: Callable[[Tensor], Tensor]) -> Iterator[None]:
    """The blocks' matrices, rounded."""
    linears = [module for module in model.transformer_blocks.modules() if isinstance(module, nn.Linear)]
    kept = [module.weight.detach().clone() for module in linears]
    for module in linears:
        module.weight.copy_(rounded(module.weight))
    try:
        yield
    finally:
        for module, weight in zip(linears, kept):
            module.weight.copy_(weight)


def hidden_before_projection(model: LTXVideoTransformer3DModel, run: Run, rows: Tensor | slice = slice(None)) -> Tensor:
    """What proj_out is given: [B·N, D], or those rows of it."""
    seen: list[Tensor] = []
    hook = model.proj_out.register_forward_pre_hook(lambda _module, inputs: seen.append(inputs[0].flatten(0, 1).double()))
    run()
    hook.remove()
    return seen[0][rows]


def aim_projection(model: LTXVideoTransformer3DModel, run: Run, steady: float, generator: torch.Generator,
                   rows: Tensor | slice = slice(None)) -> None:
    """Points proj_out at the directions that leaving out a part changes most.

    A plain random projection moves by at most √2 when a part is missing, since the final norm fixes the length of what
    it projects; the case would then pass int4's limit with a part missing. So the rows of proj_out are random mixtures
    of the leading solutions p of  (changes when a part is left out) p = λ (spread over tokens + int4's noise) p,
    and the bias removes the mean over tokens (all of [B·N], or `rows` of them). All weights before it stay random.
    """
    full = hidden_before_projection(model, run, rows)
    centre = full.mean(0)
    spread = (full - centre).T @ (full - centre)
    with quantized(model, rounded_to_int4):
        noise = hidden_before_projection(model, run, rows) - full
    changes = []
    for module in parts(model).values():
        with left_out(module):
            change = hidden_before_projection(model, run, rows) - full
        changes.append(change.T @ change)
    width = full.shape[1]
    identity = torch.eye(width, dtype=torch.float64)
    cost = spread + NOISE * noise.T @ noise + identity * (spread.trace() / width * steady + noise.square().sum() / width * NOISE)
    whiten = torch.linalg.inv(torch.linalg.cholesky(cost))
    shares = torch.ones(len(changes), dtype=torch.float64)
    rank = min(len(changes), model.proj_out.out_features)
    for _ in range(60):  # until no part matters much less than another
        total = sum(share * whiten @ change @ whiten.T for share, change in zip(shares, changes))
        leading = torch.linalg.eigh(total).eigenvectors[:, -rank:].T @ whiten
        leading = leading / ((leading @ spread) * leading).sum(1, keepdim=True).sqrt()
        energy = torch.stack([((leading @ change) * leading).sum() for change in changes])
        shares = shares * (energy.mean() / energy) ** 0.5
    mixture = torch.linalg.qr(torch.randn(model.proj_out.out_features, rank, generator=generator, dtype=torch.float64)).Q
    rows = mixture @ leading * full.shape[0] ** 0.5
    model.proj_out.weight.copy_(rows)
    model.proj_out.bias.copy_(-(model.proj_out.weight.double() @ centre) + 0.02 * model.proj_out.bias)


def assert_parts_matter(name: str, model: LTXVideoTransformer3DModel, run: Run) -> None:
    reference = run()
    for part, module in parts(model).items():
        with left_out(module):
            change = relative_change(reference, run())
        print(f"  {name}: without {part} out changes by {change:.2f}")
        assert change >= 10 * Q4_LIMIT, f"{name}: leaving out {part} changes out by only {change:.3f}"
    for format, rounded, limit in (("int4", rounded_to_int4, Q4_LIMIT), ("int8", rounded_to_int8, Q8_LIMIT)):
        with quantized(model, rounded):
            change = relative_change(reference, run())
        print(f"  {name}: {format} weights change out by {change:.3f}")
        assert change < 0.75 * limit, f"{name}: {format} weights change out by {change:.3f}"
    for key, parameter in model.named_parameters():
        kept = parameter.clone()
        parameter.zero_()
        change = relative_change(reference, run())
        parameter.copy_(kept)
        assert change > 1e-2, f"{name}: {key} changes out by only {change:.5f}"


def original_names(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """The inverse of diffusers' convert_ltx_transformer_checkpoint_to_diffusers, checked against it."""
    from diffusers.loaders.single_file_utils import convert_ltx_transformer_checkpoint_to_diffusers as convert

    renames = {"proj_in": "patchify_proj", "time_embed": "adaln_single", "norm_q": "q_norm", "norm_k": "k_norm"}
    renamed = {}
    for key, value in weights.items():
        for ours, theirs in renames.items():
            key = key.replace(ours, theirs)
        renamed["model.diffusion_model." + key] = value
    assert convert(dict(renamed)).keys() == weights.keys()
    return renamed


@torch.no_grad()
def make_case(name: str, spec: Spec) -> tuple[LTXVideoTransformer3DModel, dict[str, Tensor], dict, Tensor]:
    model = make_model(spec)
    tensors, scalars = make_inputs(spec)
    run = lambda: model(**tensors, **scalars).sample  # noqa: E731
    model.to(spec.dtype).float()  # the values that will be stored
    aim_projection(model, run, spec.steady, torch.Generator().manual_seed(200 + spec.seed))
    model.to(spec.dtype).float()
    assert_parts_matter(name, model, run)
    return model, tensors, scalars, run()


def write_transformer_cases(out: Path) -> None:
    for name, spec in CASES.items():
        model, tensors, scalars, sample = make_case(name, spec)
        weights = {key: value.to(spec.dtype) for key, value in model.state_dict().items()}
        io = {f"in.{key}": value for key, value in tensors.items()} | {"out.sample": sample}
        write_case(out / name, reference_config(model), original_names(weights) if spec.original_keys else weights,
                   "forward", scalars, io, spec.note)
