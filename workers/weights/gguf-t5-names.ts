// What llama.cpp calls the tensors of a T5 encoder, and what transformers' T5EncoderModel calls them.
// https://github.com/ggml-org/llama.cpp gguf-py/gguf/constants.py (TENSOR_NAMES) and gguf-py/gguf/tensor_mapping.py
//
// Nothing but the names differs: matrices are [out, in] and the position bias is [buckets, heads] in both.

/** Of one block: llama.cpp's stem → transformers' module. T5 v1.1 has a gated feed-forward: wi_0 is the gate, wi_1 what it gates. */
const BLOCK_STEMS = new Map([
  ['attn_norm', 'layer.0.layer_norm'],
  ['attn_q', 'layer.0.SelfAttention.q'],
  ['attn_k', 'layer.0.SelfAttention.k'],
  ['attn_v', 'layer.0.SelfAttention.v'],
  ['attn_o', 'layer.0.SelfAttention.o'],
  ['attn_rel_b', 'layer.0.SelfAttention.relative_attention_bias'], // block 0's only; all blocks use it
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
  ...[...OTHER_NAMES].map(([stored, name]) => [name, stored] as const),
  // the same table: transformers ties the two, and some files have only this one
  ['encoder.embed_tokens.weight', 'token_embd.weight'],
])

/** transformers' name of a llama.cpp tensor; undefined for what is no part of a T5 encoder, such as a decoder's `dec.…`. */
export function t5NameOfGguf(stored: string): string | undefined {
  const [, block, stem = ''] = /^enc\.blk\.(0|[1-9]\d*)\.(\w+)\.weight$/.exec(stored) ?? []
  if (block === undefined) return OTHER_NAMES.get(stored)
  const module = BLOCK_STEMS.get(stem)
  return module && `encoder.block.${block}.${module}.weight`
}

/** llama.cpp's name of a tensor of T5EncoderModel; undefined for what T5EncoderModel does not have. */
export function ggufNameOfT5(name: string): string | undefined {
  const [, block, module = ''] = /^encoder\.block\.(0|[1-9]\d*)\.(.+)\.weight$/.exec(name) ?? []
  if (block === undefined) return OTHER_MODULES.get(name)
  const stem = BLOCK_MODULES.get(module)
  return stem && `enc.blk.${block}.${stem}.weight`
}
