// transformers' T5Config, as far as its encoder reads it.
import * as v from 'valibot'
import { AppError } from '../../src/shared/errors'

/** Widths of a head that the attention kernel takes. */
const HEAD_STEP = 4
const HEAD_MAX = 128

/** `text_encoder/config.json`; what is missing has the reference's default. */
export const T5EncoderConfigSchema = v.object({
  vocab_size: v.optional(v.number(), 32128),
  d_model: v.optional(v.number(), 512),
  d_kv: v.optional(
    v.pipe(
      v.number(),
      v.check((width) => width % HEAD_STEP === 0 && width <= HEAD_MAX, `expected a multiple of ${HEAD_STEP} up to ${HEAD_MAX}`),
    ),
    64,
  ),
  d_ff: v.optional(v.number(), 2048),
  num_layers: v.optional(v.number(), 6),
  num_heads: v.optional(v.number(), 8),
  relative_attention_num_buckets: v.optional(v.number(), 32),
  relative_attention_max_distance: v.optional(v.number(), 128),
  layer_norm_epsilon: v.optional(v.number(), 1e-6),
  // T5 v1.1's. The reference's default is the first T5's 'relu', which has other weights: it must be said.
  feed_forward_proj: v.literal('gated-gelu'),
})
export type T5EncoderConfig = v.InferOutput<typeof T5EncoderConfigSchema>

/**
 * Reads `text_encoder/config.json`, parsed as JSON.
 * @throws AppError weights-corrupt when a size is not readable, or the feed-forward is not T5 v1.1's
 */
export function parseT5EncoderConfig(config: unknown): T5EncoderConfig {
  const parsed = v.safeParse(T5EncoderConfigSchema, config)
  if (parsed.success) return parsed.output
  const issue = parsed.issues[0]
  throw new AppError('weights-corrupt', `The text encoder's config.json does not fit: ${v.getDotPath(issue) ?? 'it'}: ${issue.message}.`, {
    file: 'text_encoder/config.json',
  })
}
