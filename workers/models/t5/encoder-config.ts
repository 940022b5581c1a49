// transformers' T5Config, as far as its encoder reads it.
import * as v from 'valibot'
import { AppError } from '../../../src/shared/errors'
import { misfitError, MOST, numberIn, parseFields, wholeIn } from '../../../src/shared/file-bounds'

/** Widths of a head that the attention kernel takes. */
const HEAD_STEP = 4
const HEAD_MAX = 128

/** `text_encoder/config.json`; what is missing has the reference's default. */
export const T5EncoderConfigSchema = v.object({
  vocab_size: v.optional(wholeIn(1, MOST.vocabulary), 32128),
  d_model: v.optional(wholeIn(1, MOST.channels), 512),
  d_kv: v.optional(
    v.pipe(
      wholeIn(1, MOST.channels),
      v.check((width) => width % HEAD_STEP === 0 && width <= HEAD_MAX, `expected a multiple of ${HEAD_STEP} up to ${HEAD_MAX}`),
    ),
    64,
  ),
  d_ff: v.optional(wholeIn(1, MOST.channels), 2048),
  num_layers: v.optional(wholeIn(1, MOST.layers), 6),
  num_heads: v.optional(wholeIn(1, MOST.layers), 8),
  relative_attention_num_buckets: v.optional(wholeIn(1, 4096), 32),
  relative_attention_max_distance: v.optional(wholeIn(1, 1_000_000), 128),
  layer_norm_epsilon: v.optional(numberIn(0, 1), 1e-6),
  // T5 v1.1's. The reference's default is the first T5's 'relu', which has other weights: it must be said.
  feed_forward_proj: v.literal('gated-gelu'),
})
export type T5EncoderConfig = v.InferOutput<typeof T5EncoderConfigSchema>

/**
 * Reads `text_encoder/config.json`, parsed as JSON.
 * @throws AppError weights-corrupt when a size is not readable, or the feed-forward is not T5 v1.1's
 */
export function parseT5EncoderConfig(config: unknown): T5EncoderConfig {
  return parseFields(T5EncoderConfigSchema, config, (misfit) =>
    misfitError('weights-corrupt', 'text_encoder/config.json', "The text encoder's config.json does not fit", misfit),
  )
}

/**
 * The config of an encoder that comes without one, by the shapes of its weights. What they do not tell is as T5 v1.1 has it.
 * @param shapes by transformers' names
 * @throws AppError weights-corrupt when a weight is missing
 */
export function t5ConfigFromShapes(shapes: ReadonlyMap<string, { shape: readonly number[] }>, file: string): T5EncoderConfig {
  const shapeOf = (...names: string[]): readonly number[] => {
    const name = names.find((candidate) => shapes.has(candidate))
    const found = name !== undefined && shapes.get(name)?.shape
    if (found) return found
    throw new AppError('weights-corrupt', `${file} has no tensor ${names.join(' or ')}; expected a T5 v1.1 encoder.`, { file, tensor: names[0] ?? '' })
  }
  const [vocabulary, width] = shapes.has('encoder.embed_tokens.weight')
    ? shapeOf('encoder.embed_tokens.weight')
    : shapeOf('shared.weight', 'encoder.embed_tokens.weight')
  const [buckets, heads = 1] = shapeOf('encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight')
  const [inner = 0] = shapeOf('encoder.block.0.layer.0.SelfAttention.q.weight')
  const [wide] = shapeOf('encoder.block.0.layer.1.DenseReluDense.wi_1.weight')
  // a whole T5 has a decoder with blocks of its own
  const blocks = [...shapes.keys()].filter((name) => /^encoder\.block\.\d+\.layer\.1\.DenseReluDense\.wi_1\.weight$/.test(name)).length
  return parseT5EncoderConfig({
    vocab_size: vocabulary,
    d_model: width,
    d_kv: inner / heads,
    d_ff: wide,
    num_layers: blocks,
    num_heads: heads,
    relative_attention_num_buckets: buckets,
    feed_forward_proj: 'gated-gelu',
  })
}
