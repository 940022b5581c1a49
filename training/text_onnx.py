"""The text encoder as an ONNX graph, weights in int8."""

import tempfile
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from onnxruntime.quantization import QuantType, quantize_dynamic
from torch import Tensor, nn
from transformers import BertModel

from text_encoder import pad_tokens, tokenize


class TracedBert(nn.Module):
    """BertModel's forward in plain operations, which trace to a small graph with dynamic sizes."""

    def __init__(self, bert: BertModel):
        super().__init__()
        self.bert = bert
        self.heads = bert.config.num_attention_heads

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """ids and mask i64 [B, L] -> [B, L, D]."""
        embeddings = self.bert.embeddings
        length = input_ids.shape[1]
        x = embeddings.word_embeddings(input_ids) + embeddings.position_embeddings.weight[:length] + embeddings.token_type_embeddings.weight[0]
        x = embeddings.LayerNorm(x)                                                # [B, L, D]
        bias = ((1 - attention_mask.to(x.dtype)) * -10000.0)[:, None, None, :]     # [B, 1, 1, L]
        for layer in self.bert.encoder.layer:
            attention, width = layer.attention.self, x.shape[-1]
            q, k, v = (
                project(x).reshape(x.shape[0], -1, self.heads, width // self.heads).transpose(1, 2)
                for project in (attention.query, attention.key, attention.value)
            )                                                                      # [B, A, L, K]
            scores = q @ k.transpose(-1, -2) / (width // self.heads) ** 0.5 + bias
            y = (scores.softmax(dim=-1) @ v).transpose(1, 2).reshape(x.shape[0], -1, width)
            x = layer.attention.output.LayerNorm(layer.attention.output.dense(y) + x)
            hidden = layer.intermediate.intermediate_act_fn(layer.intermediate.dense(x))
            x = layer.output.LayerNorm(layer.output.dense(hidden) + x)
        return x


@torch.no_grad()
def export_text_encoder(bert: BertModel, world: str, path: Path, prompts: list[str]) -> dict:
    """Writes the int8 graph; returns relative errors against torch over `prompts`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    traced = TracedBert(bert.eval())
    ids, mask = pad_tokens([tokenize(world, prompt) for prompt in prompts])
    mask = mask.long()
    reference = bert(input_ids=ids, attention_mask=mask).last_hidden_state
    kept = mask.bool()
    assert torch.allclose(traced(ids, mask)[kept], reference[kept], atol=1e-4)

    with tempfile.TemporaryDirectory() as folder:
        plain = Path(folder) / "model.onnx"
        axes = {0: "batch", 1: "length"}
        torch.onnx.export(
            traced, (ids, mask), str(plain), input_names=["input_ids", "attention_mask"], output_names=["last_hidden_state"],
            dynamic_axes={"input_ids": axes, "attention_mask": axes, "last_hidden_state": axes}, opset_version=17, dynamo=False,
        )
        # Weights per channel: one scale a matrix loses a visible share of the meaning.
        quantize_dynamic(str(plain), str(path), weight_type=QuantType.QInt8, per_channel=True)

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    output = torch.from_numpy(session.run(None, {"input_ids": ids.numpy(), "attention_mask": mask.numpy()})[0])
    batched = ((output - reference)[kept].norm() / reference[kept].norm()).item()
    # Other sizes than the traced ones: one short prompt alone.
    alone = np.asarray([tokenize(world, prompts[0])])
    single = torch.from_numpy(session.run(None, {"input_ids": alone, "attention_mask": np.ones_like(alone)})[0])
    want = bert(input_ids=torch.from_numpy(alone)).last_hidden_state
    return {"batch": batched, "single": ((single - want).norm() / want.norm()).item()}
