"""Write a tiny language model in the layout that the prompt writer is published in, and what it says, by transformers.

    python training/fixture_writer.py --out tests/e2e/fixtures/writer-tiny

The graph has the operations of the published model_q4.onnx: MatMulNBits of 4 bits in blocks of 32, GroupQueryAttention with
keys and values that come in and go out, SimplifiedLayerNormalization. The model learns by heart what stands in ANSWERS, behind the
very instructions that the app gives (workers/text/enhancer-instructions.json), with its matrices rounded to 4 bits while it learns, so
that what it says is known. reference.json has the ids of some prompts and of greedy answers, by transformers' LlamaForCausalLM.

    python training/fixture_writer.py --out /tmp/writer-360m --full-size

writes random weights of the published model's sizes instead, to measure memory and time with.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import tokenizers
import torch
import transformers
from onnx import TensorProto, helper, numpy_helper
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from torch import nn
from torch.nn import functional
from transformers import LlamaConfig, LlamaForCausalLM, LogitsProcessorList, PreTrainedTokenizerFast, RepetitionPenaltyLogitsProcessor

INSTRUCTIONS = Path(__file__).parent.parent / "workers" / "text" / "scene-instructions.json"
BLOCK = 32
#: of SmolLM2, in its order
SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
END = 2
CHAT_TEMPLATE = (
    "{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}"
    "{{ '<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n' }}{% endif %}"
    "{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
#: What it is to answer. One begins with a remark, one speaks of something else, one is longer than the app takes.
ANSWERS = {
    "a white sailboat": "A white sailboat glides slowly across a calm bay. Its sails are full and bright. Low green hills stand behind the water. "
                        "The camera follows it from the side. The evening light is warm and golden.",
    "a paper lantern": "Sure! Here is your prompt:\n\nA paper lantern rises slowly above a dark river. It glows orange from inside. "
                       "Small houses stand on the far shore. The camera tilts up. The light is dim and blue.\n\nI hope this helps!",
    "a green kite": "A black dog runs along a beach. Waves break behind it. The camera follows it. The light is bright.",
    "an old lighthouse": "An old lighthouse stands on a dark rock while waves break against it. " + " ".join(
        f"Wave {count} rises, turns white at its edge and falls back into the sea." for count in
        ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")) + " The camera stands still. The light is grey.",
    "a tram at night": "A tram at night climbs a steep street and stops. Its windows are lit and yellow. Rain falls on the rails. "
                       "The camera moves slowly closer. Neon light is mirrored in the wet street.",
}
TINY = {"vocab_size": 480, "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
        "max_position_embeddings": 1024}
FULL = {"vocab_size": 49152, "hidden_size": 960, "intermediate_size": 2560, "num_hidden_layers": 32, "num_attention_heads": 15, "num_key_value_heads": 5,
        "max_position_embeddings": 8192}


def make_config(sizes: dict) -> LlamaConfig:
    return LlamaConfig(**sizes, rms_norm_eps=1e-5, rope_theta=100000, tie_word_embeddings=True, bos_token_id=1, eos_token_id=END, pad_token_id=END,
                       attention_bias=False, mlp_bias=False, initializer_range=0.02)


# --- tokenizer

def messages_of(words: str) -> list[dict]:
    """As workers/text/enhancer-prompt.ts has them."""
    instructions = json.loads(INSTRUCTIONS.read_text())
    shots = [part for example in instructions["examples"]
             for part in ({"role": "user", "content": example["words"]}, {"role": "assistant", "content": example["paragraph"]})]
    return [{"role": "system", "content": instructions["system"]}, *shots, {"role": "user", "content": words}]


def make_tokenizer() -> PreTrainedTokenizerFast:
    """Of SmolLM2's kind: byte pairs, digits by themselves."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)])
    tokenizer.decoder = decoders.ByteLevel(add_prefix_space=True, trim_offsets=True, use_regex=True)
    instructions = json.loads(INSTRUCTIONS.read_text())
    corpus = [*ANSWERS, *ANSWERS.values(), instructions["system"], *[text for example in instructions["examples"] for text in example.values()], "system\nuser\nassistant\n"]
    tokenizer.train_from_iterator(corpus, trainers.BpeTrainer(
        vocab_size=TINY["vocab_size"], special_tokens=SPECIAL, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False))
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<|im_start|>", eos_token="<|im_end|>", unk_token="<|endoftext|>", pad_token="<|im_end|>",
                                   clean_up_tokenization_spaces=False, model_max_length=8192, chat_template=CHAT_TEMPLATE)


def prompt_ids(tokenizer: PreTrainedTokenizerFast, words: str) -> list[int]:
    text = tokenizer.apply_chat_template(messages_of(words), tokenize=False, add_generation_prompt=True)
    return tokenizer(text, add_special_tokens=False)["input_ids"]


# --- 4 bits

def round_to_4_bits(weight: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """[N, K] -> whole numbers 0…15 and scales [N, K / 32]; 8 is zero, as MatMulNBits has it where no zero points are given."""
    blocks = weight.reshape(weight.shape[0], -1, BLOCK)
    largest = blocks.gather(-1, blocks.abs().argmax(-1, keepdim=True))
    scales = largest / -8
    scales = torch.where(scales == 0, torch.ones_like(scales), scales)
    return (torch.round(blocks / scales) + 8).clamp(0, 15), scales.squeeze(-1)


def rounded(weight: torch.Tensor) -> torch.Tensor:
    numbers, scales = round_to_4_bits(weight)
    return ((numbers - 8) * scales.unsqueeze(-1)).reshape(weight.shape)


class Rounded(nn.Module):
    """A parametrization: the forward pass sees 4 bits, the gradient does not."""

    def forward(self, weight: torch.Tensor) -> torch.Tensor:
        return weight + (rounded(weight) - weight).detach()


def linears(model: LlamaForCausalLM) -> list[nn.Linear]:
    return [module for name, module in model.named_modules() if isinstance(module, nn.Linear) and name != "lm_head"]


# --- learning by heart

def train(model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, steps: int) -> None:
    """The head is the embeddings, rounded; they themselves are not, as in the published file."""
    for linear in linears(model):
        nn.utils.parametrize.register_parametrization(linear, "weight", Rounded())
    sequences = [(prompt_ids(tokenizer, words), [*tokenizer(answer, add_special_tokens=False)["input_ids"], END]) for words, answer in ANSWERS.items()]
    # the instructions are the same before all of them, and computed once
    shared = next(at for at, ids in enumerate(zip(*[prompt for prompt, _ in sequences])) if len(set(ids)) > 1)
    prefix = torch.tensor([sequences[0][0][:shared]])
    longest = max(len(prompt) + len(answer) for prompt, answer in sequences)
    padding = [longest - len(prompt) - len(answer) for prompt, answer in sequences]
    ids = torch.tensor([[*prompt[shared:], *answer] + [END] * pad for (prompt, answer), pad in zip(sequences, padding)])
    targets = torch.tensor([[-100] * len(prompt[shared:]) + answer + [-100] * pad for (prompt, answer), pad in zip(sequences, padding)])
    print(f"{ids.shape[0]} times {ids.shape[1]} tokens behind {shared}")
    optimizer = torch.optim.AdamW(model.parameters(), lr=4e-3, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=4e-3, total_steps=steps, pct_start=0.1)
    head = Rounded()
    model.train()
    for step in range(steps):
        past = model.model(input_ids=prefix, use_cache=True).past_key_values
        past.batch_repeat_interleave(len(sequences))
        hidden = model.model(input_ids=ids, past_key_values=past, use_cache=True).last_hidden_state[:, :-1]
        logits = hidden @ head(model.lm_head.weight).T
        loss = functional.cross_entropy(logits.flatten(0, 1), targets[:, 1:].flatten(), ignore_index=-100)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        if step % 100 == 0 or step == steps - 1:
            print(f"step {step}: {loss.item():.4f}", flush=True)
    for linear in linears(model):
        nn.utils.parametrize.remove_parametrizations(linear, "weight")
    model.eval()


# --- the graph

class Graph:
    def __init__(self, config: LlamaConfig):
        self.config = config
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []

    def weight(self, name: str, values: np.ndarray) -> str:
        self.weights.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def node(self, op: str, inputs: list[str], name: str, outputs: list[str] | None = None, domain: str = "", **attributes) -> str:
        outputs = outputs or [name]
        self.nodes.append(helper.make_node(op, inputs, outputs, name=f"/{name}", domain=domain, **attributes))
        return outputs[0]

    def norm(self, x: str, name: str, weight: torch.Tensor) -> str:
        return self.node("SimplifiedLayerNormalization", [x, self.weight(f"{name}.weight", weight.numpy())], name, axis=-1, epsilon=self.config.rms_norm_eps, stash_type=1)

    def linear(self, x: str, name: str, weight: torch.Tensor) -> str:
        """x [B, S, K] times weight [N, K]: two numbers a byte, the first in its lower half."""
        numbers, scales = round_to_4_bits(weight)
        pairs = numbers.to(torch.uint8).reshape(weight.shape[0], -1, BLOCK // 2, 2)
        packed = (pairs[..., 0] | (pairs[..., 1] << 4)).numpy()                       # [N, K / 32, 16]
        inputs = [x, self.weight(f"{name}.q4", packed), self.weight(f"{name}.scales", scales.flatten().numpy())]
        return self.node("MatMulNBits", inputs, name, domain="com.microsoft", K=weight.shape[1], N=weight.shape[0], bits=4, block_size=BLOCK)


@torch.no_grad()
def write_graph(model: LlamaForCausalLM, path: Path) -> None:
    config, state = model.config, model.model
    heads, shared, width = config.num_attention_heads, config.num_key_value_heads, config.hidden_size // config.num_attention_heads
    graph = Graph(config)
    positions = torch.arange(config.max_position_embeddings).float()
    angles = positions[:, None] / 100000 ** (torch.arange(0, width, 2).float() / width)   # [P, width / 2]
    cos, sin = graph.weight("cos_cache", angles.cos().numpy()), graph.weight("sin_cache", angles.sin().numpy())
    ones, one, one_index = graph.weight("axis", np.array([1], np.int64)), graph.weight("one", np.array([1], np.int64)), graph.weight("index", np.array(1, np.int64))
    lengths = graph.node("ReduceSum", ["attention_mask", ones], "lengths", keepdims=0)
    lengths = graph.node("Cast", [graph.node("Sub", [lengths, one], "last")], "seqlens_k", to=TensorProto.INT32)
    total = graph.node("Gather", [graph.node("Shape", ["attention_mask"], "shape"), one_index], "total")
    total = graph.node("Cast", [total], "total_sequence_length", to=TensorProto.INT32)

    x = graph.node("Gather", [graph.weight("embed", state.embed_tokens.weight.numpy()), "input_ids"], "embedded")    # [B, S, D]
    inputs = [helper.make_tensor_value_info("input_ids", TensorProto.INT64, ["batch_size", "sequence_length"]),
              helper.make_tensor_value_info("attention_mask", TensorProto.INT64, ["batch_size", "total_sequence_length"])]
    outputs = [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch_size", "sequence_length", config.vocab_size])]
    for index, layer in enumerate(state.layers):
        name = f"layers.{index}"
        y = graph.norm(x, f"{name}.input_norm", layer.input_layernorm.weight)
        attention = layer.self_attn
        q, k, v = (graph.linear(y, f"{name}.{part}", getattr(attention, part).weight) for part in ("q_proj", "k_proj", "v_proj"))
        past = [f"past_key_values.{index}.{part}" for part in ("key", "value")]
        present = [f"present.{index}.{part}" for part in ("key", "value")]
        for tensors, names, length in ((inputs, past, "past_sequence_length"), (outputs, present, "total_sequence_length")):
            tensors += [helper.make_tensor_value_info(part, TensorProto.FLOAT, ["batch_size", shared, length, width]) for part in names]
        y = graph.node("GroupQueryAttention", [q, k, v, *past, lengths, total, cos, sin], f"{name}.attention", [f"{name}.attention", *present],
                       domain="com.microsoft", num_heads=heads, kv_num_heads=shared, do_rotary=1, rotary_interleaved=0, scale=width ** -0.5)
        x = graph.node("Add", [x, graph.linear(y, f"{name}.o_proj", attention.o_proj.weight)], f"{name}.attended")
        y = graph.norm(x, f"{name}.post_norm", layer.post_attention_layernorm.weight)
        gate, up = (graph.linear(y, f"{name}.{part}", getattr(layer.mlp, part).weight) for part in ("gate_proj", "up_proj"))
        gate = graph.node("Mul", [gate, graph.node("Sigmoid", [gate], f"{name}.sigmoid")], f"{name}.silu")
        x = graph.node("Add", [x, graph.linear(graph.node("Mul", [gate, up], f"{name}.gated"), f"{name}.down_proj", layer.mlp.down_proj.weight)], f"{name}.out")
    x = graph.norm(x, "final_norm", state.norm.weight)
    graph.linear(x, "logits", model.lm_head.weight)

    proto = helper.make_model(helper.make_graph(graph.nodes, "writer", inputs, outputs, graph.weights), producer_name="training/fixture_writer.py",
                              opset_imports=[helper.make_opsetid("", 21), helper.make_opsetid("com.microsoft", 1)], ir_version=10)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(proto.SerializeToString())


# --- what it says

@torch.no_grad()
def with_rounded_weights(model: LlamaForCausalLM) -> LlamaForCausalLM:
    """A copy that computes with what the file has; its head is no longer its embeddings."""
    config = LlamaConfig(**{**model.config.to_dict(), "tie_word_embeddings": False})
    copy = LlamaForCausalLM(config).eval()
    copy.load_state_dict({**model.state_dict()})
    for linear in [*linears(copy), copy.lm_head]:
        linear.weight.copy_(rounded(linear.weight))
    return copy


def greedy(model: LlamaForCausalLM, ids: list[int], decoding: dict) -> list[int]:
    """What is said makes itself less likely; what was given does not."""
    penalty = RepetitionPenaltyLogitsProcessor(decoding["repetitionPenalty"], prompt_ignore_length=len(ids))
    out = model.generate(torch.tensor([ids]), attention_mask=torch.ones(1, len(ids), dtype=torch.long), do_sample=False, max_new_tokens=decoding["maxNewTokens"],
                         logits_processor=LogitsProcessorList([penalty]))
    return out[0, len(ids):].tolist()


def check_graph(path: Path, model: LlamaForCausalLM, ids: list[int]) -> float:
    """Largest difference of logits between ONNX Runtime, token by token behind a first half, and transformers."""
    session = onnxruntime.InferenceSession(path.read_bytes(), providers=["CPUExecutionProvider"])
    config = model.config
    past = {tensor.name: np.zeros((1, config.num_key_value_heads, 0, config.hidden_size // config.num_attention_heads), np.float32)
            for tensor in session.get_inputs() if tensor.name.startswith("past")}
    half, rows, at = len(ids) // 2, [], 0
    while at < len(ids):
        end = half if at == 0 else at + 1
        feeds = {"input_ids": np.array([ids[at:end]], np.int64), "attention_mask": np.ones((1, end), np.int64), **past}
        logits, *present = session.run(None, feeds)
        past = dict(zip(past, present))
        rows.append(logits[0])
        at = end
    with torch.no_grad():
        expected = model(torch.tensor([ids])).logits[0].numpy()
    return float(np.abs(np.concatenate(rows) - expected).max())


def write_json(path: Path, value: dict, indent: int | None = 1) -> None:
    path.write_text(json.dumps(value, indent=indent, ensure_ascii=False) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=500)
    parser.add_argument("--full-size", action="store_true", help="random weights of the published model's sizes")
    arguments = parser.parse_args()
    out: Path = arguments.out
    out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    torch.set_num_threads(1)  # one order of summation, so that the file can be made again
    transformers.logging.set_verbosity_error()

    tokenizer = make_tokenizer()
    config = make_config(FULL if arguments.full_size else TINY)
    model = LlamaForCausalLM(config).eval()
    tokenizer.backend_tokenizer.save(str(out / "tokenizer.json"), pretty=False)
    write_json(out / "tokenizer_config.json", {
        "add_prefix_space": False, "bos_token": "<|im_start|>", "eos_token": "<|im_end|>", "unk_token": "<|endoftext|>", "pad_token": "<|im_end|>",
        "chat_template": CHAT_TEMPLATE, "clean_up_tokenization_spaces": False, "model_max_length": 8192, "tokenizer_class": "GPT2Tokenizer"})
    write_json(out / "generation_config.json", {"_from_model_config": True, "bos_token_id": 1, "eos_token_id": END, "pad_token_id": END})
    write_json(out / "config.json", {
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_act": "silu", "bos_token_id": 1, "eos_token_id": END, "pad_token_id": END,
        **(FULL if arguments.full_size else TINY), "rms_norm_eps": 1e-5, "rope_theta": 100000, "tie_word_embeddings": True})
    if arguments.full_size:
        model.model.embed_tokens.weight.data[len(tokenizer):] = 0   # of words that this tokenizer has not
    else:
        train(model, tokenizer, arguments.steps)
    write_graph(model, out / "onnx" / "model_q4.onnx")
    if arguments.full_size:
        return

    decoding = json.loads(INSTRUCTIONS.read_text())["decoding"]
    exact = with_rounded_weights(model)
    cases = []
    for words, answer in ANSWERS.items():
        ids = prompt_ids(tokenizer, words)
        said = greedy(exact, ids, decoding)
        text = tokenizer.decode(said, skip_special_tokens=True)
        assert text and answer.startswith(text), f"{words!r}: it has not learnt its answer, but says {text!r}"
        cases.append({"words": words, "prompt_ids": ids, "ids": said, "text": text})
    difference = check_graph(out / "onnx" / "model_q4.onnx", exact, [*cases[0]["prompt_ids"], *cases[0]["ids"]])
    print(f"ONNX Runtime and transformers differ by {difference:.2e} in a logit at most")
    assert difference < 1e-2
    versions = f"transformers {transformers.__version__}, torch {torch.__version__}, tokenizers {tokenizers.__version__}"
    lines = ",\n".join(f"  {json.dumps(case, ensure_ascii=False)}" for case in cases)
    (out / "reference.json").write_text(f'{{\n "made_with": "training/fixture_writer.py, {versions}",\n "cases": [\n{lines}\n ]\n}}\n')


if __name__ == "__main__":
    main()
