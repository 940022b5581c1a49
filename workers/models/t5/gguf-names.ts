// Tensor names of a T5 encoder: those of llama.cpp and those of transformers' T5EncoderModel.
// https://github.com/ggml-org/llama.cpp gguf-py/gguf/constants.py (TENSOR_NAMES) and gguf-py/gguf/tensor_mapping.py
//
// Only the names differ: matrices are [out, in] and the position bias is [buckets, heads] in both.

/** In a block: llama.cpp's stem → transformers' module. T5 v1.1 has a gated feed-forward: wi_0 is the gate, wi_1 the gated projection. */
const BLOCK_STEMS = new Map([
  ['attn_norm', 'layer.0.layer_norm'],
  ['attn_q', 'layer.0.SelfAttention.q'],
  ['attn_k', 'layer.0.SelfAttention.k'],
  ['attn_v', 'layer.0.SelfAttention.v'],
  ['attn_o', 'layer.0.SelfAttention.o'],
  ['attn_rel_b', 'layer.0.SelfAttention.relative_attention_bias'], // of block 0 only; used by all blocks
  ['ffn_norm', 'layer.1.layer_norm'],
  ['ffn_gate', 'layer.1.DenseReluDense.wi_0'],
  ['ffn_up', 'layer.1.DenseReluDense.wi_1'],
  ['ffn_down', 'layer.1.DenseReluDense.wo'],
])
const BLOCK_MODULES = new Map([...BLOCK_STEMS].map(([stem, module]) => [module, stem]))

/** Outside the blocks. */
const OTHER_NAMES = new Map([
  ['token_embd.weight', 'shared.weight'],
  ['enc.output_norm.weight', 'encoder.final_layer_norm.weight'],
])
const OTHER_MODULES = new Map([
  ...[...OTHER_NAMES].map(([ggufName, name]) => [name, ggufName] as const),
  // the same table: transformers ties the two, and some files have only this name
  ['encoder.embed_tokens.weight', 'token_embd.weight'],
])

/** transformers' name of a llama.cpp tensor; undefined if it is not part of a T5 encoder, such as a decoder's `dec.…`. */
export function t5NameOfGguf(ggufName: string): string | undefined {
  const [, block, stem = ''] = /^enc\.blk\.(0|[1-9]\d*)\.(\w+)\.weight$/.exec(ggufName) ?? []
  if (block === undefined) return OTHER_NAMES.get(ggufName)
  const module = BLOCK_STEMS.get(stem)
  return module && `encoder.block.${block}.${module}.weight`
}

/** llama.cpp's name of a tensor of T5EncoderModel; undefined if T5EncoderModel has no such tensor. */
export function ggufNameOfT5(name: string): string | undefined {
  const [, block, module = ''] = /^encoder\.block\.(0|[1-9]\d*)\.(.+)\.weight$/.exec(name) ?? []
  if (block === undefined) return OTHER_MODULES.get(name)
  const stem = BLOCK_MODULES.get(module)
  return stem && `enc.blk.${block}.${stem}.weight`
}
