import { expect, test } from 'vitest'
import { parseT5EncoderConfig, t5ConfigFromShapes } from '../../workers/models/t5/encoder-config'

const shapes = (entries: Record<string, number[]>) => new Map(Object.entries(entries).map(([name, shape]) => [name, { shape }]))

/** The tensors of T5-XXL's encoder that determine its sizes. */
const XXL = {
  'shared.weight': [32128, 4096],
  'encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight': [32, 64],
  'encoder.block.0.layer.0.SelfAttention.q.weight': [4096, 4096],
  ...Object.fromEntries(Array.from({ length: 24 }, (_, index) => [`encoder.block.${index}.layer.1.DenseReluDense.wi_1.weight`, [10240, 4096]])),
}

test('derives the config of T5-XXL from its shapes', () => {
  const published = { vocab_size: 32128, d_model: 4096, d_kv: 64, d_ff: 10240, num_layers: 24, num_heads: 64, feed_forward_proj: 'gated-gelu' }
  expect(t5ConfigFromShapes(shapes(XXL), 't5.safetensors')).toEqual(parseT5EncoderConfig(published))
})

test('names a missing tensor', () => {
  const { 'shared.weight': _table, ...rest } = XXL
  expect(() => t5ConfigFromShapes(shapes(rest), 't5.safetensors')).toThrow(
    't5.safetensors has no tensor shared.weight or encoder.embed_tokens.weight; expected a T5 v1.1 encoder.',
  )
})
