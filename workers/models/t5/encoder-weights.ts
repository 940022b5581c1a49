// T5's weights: their names, and half a block of them on the GPU.
//
// D width (d_model)   I inner width of attention, all heads together   F width of the feed-forward (d_ff)
import type { Scope } from '../../engine/scope'
import type { Tensor } from '../../engine/tensor'
import type { LinearWeight, WeightFormat } from '../../ops/linear'
import { buildFrom, requestsOf, type WeightRequest, type WeightStream, type WeightTaker } from '../../ops/weight-stream'
import type { T5EncoderConfig } from './encoder-config'

/** Names that files give the table of embeddings. Where both are there and differ, transformers' T5EncoderModel reads the encoder's own. */
export const EMBEDDING_NAMES = ['encoder.embed_tokens.weight', 'shared.weight'] as const
/** f32 [buckets, H]: the position bias of all blocks, which the first one keeps */
export const POSITION_BIAS_NAME = 'encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight'
/** f32 [D] */
export const FINAL_NORM_NAME = 'encoder.final_layer_norm.weight'

/** The attention half of a block: y = o(attention(q(n(x)), k(n(x)), v(n(x)))). */
export interface AttentionHalf {
  kind: 'attention'
  /** f32 [D] */
  norm: Tensor
  /** D → I */
  query: LinearWeight
  key: LinearWeight
  value: LinearWeight
  /** I → D */
  out: LinearWeight
}

/** The feed-forward half of a block: y = out(gelu(gate(n(x))) · wide(n(x))). */
export interface FeedHalf {
  kind: 'feed'
  /** f32 [D] */
  norm: Tensor
  /** D → F, `wi_0` */
  gate: LinearWeight
  /** D → F, `wi_1` */
  wide: LinearWeight
  /** F → D, `wo` */
  out: LinearWeight
}

/**
 * Uploads half a block; `index` counts halves: attention 0, feed-forward 0, attention 1, …
 * @throws AppError weights-corrupt when a weight is missing or does not fit
 */
export function loadHalf(
  signal: AbortSignal,
  scope: Scope,
  index: number,
  config: T5EncoderConfig,
  format: WeightFormat,
  weights: WeightStream,
): Promise<AttentionHalf | FeedHalf> {
  return buildFrom(signal, scope, weights, (take) => takeHalf(take, index, config, format))
}

/** All that an encoder reads through the GPU, half by half, in order: how large it will be is known before a byte of it is there. */
export function halfRequests(config: T5EncoderConfig, format: WeightFormat, weights: WeightStream): WeightRequest[][] {
  return Array.from({ length: 2 * config.num_layers }, (_, index) => requestsOf(weights, (take) => takeHalf(take, index, config, format)))
}

function takeHalf(take: WeightTaker, index: number, config: T5EncoderConfig, format: WeightFormat): AttentionHalf | FeedHalf {
  const { d_model: width, d_ff: wide } = config
  const inner = config.num_heads * config.d_kv
  const layer = `encoder.block.${Math.floor(index / 2)}.layer.${index % 2}`
  const matrix = (part: string, out: number, inputs: number) => take.linear(`${layer}.${part}`, out, inputs, format)
  const norm = take.floats(`${layer}.layer_norm.weight`, [width])
  if (index % 2 === 0) {
    return {
      kind: 'attention',
      norm,
      query: matrix('SelfAttention.q', inner, width),
      key: matrix('SelfAttention.k', inner, width),
      value: matrix('SelfAttention.v', inner, width),
      out: matrix('SelfAttention.o', width, inner),
    }
  }
  return {
    kind: 'feed',
    norm,
    gate: matrix('DenseReluDense.wi_0', wide, width),
    wide: matrix('DenseReluDense.wi_1', wide, width),
    out: matrix('DenseReluDense.wo', width, wide),
  }
}

/** Checks by the headers of files that an encoder will find all that it reads. @throws AppError weights-corrupt */
export function requireEncoderWeights(config: T5EncoderConfig, weights: WeightStream): void {
  const { d_model: width, vocab_size: vocabulary, num_heads: heads, relative_attention_num_buckets: buckets } = config
  weights.require?.([
    { kind: 'floats', name: embeddingName(weights), shape: [vocabulary, width] },
    { kind: 'floats', name: POSITION_BIAS_NAME, shape: [buckets, heads] },
    { kind: 'floats', name: FINAL_NORM_NAME, shape: [width] },
    ...halfRequests(config, 'f32', weights).flat(),
  ])
}

/** The name that these weights give the table of embeddings. */
export function embeddingName(weights: Pick<WeightStream, 'has'>): string {
  return EMBEDDING_NAMES.find((name) => weights.has(name)) ?? 'shared.weight'
}
