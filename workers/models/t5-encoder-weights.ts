// T5's weights: where they are read from, and half a block of them on the GPU.
//
// D width (d_model)   I inner width of attention, all heads together   F width of the feed-forward (d_ff)
import type { Scope } from '../engine/scope'
import type { Tensor } from '../engine/tensor'
import type { LinearWeight, WeightFormat } from '../ops/linear'
import { loadFloats, loadLinear } from './load-linear'
import type { T5EncoderConfig } from './t5-encoder-config'
import type { WeightSource } from './weight-source'

/** Names that files give the table of embeddings; where both are there, they are the same table. */
export const EMBEDDING_NAMES = ['shared.weight', 'encoder.embed_tokens.weight'] as const
/** f32 [buckets, H]: the position bias of all blocks, which the first one keeps */
export const POSITION_BIAS_NAME = 'encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight'
/** f32 [D] */
export const FINAL_NORM_NAME = 'encoder.final_layer_norm.weight'

/** Where an encoder's weights are read from, a tensor at a time: over the network, from disk, from memory. */
export interface T5Weights {
  /** embeddings of these ids, in order: [ids, D]. Rows are read one by one: the table of T5-XXL is half a gigabyte. */
  rows(signal: AbortSignal, ids: Uint32Array): Promise<Float32Array>
  /**
   * A source that holds at least `name` (and its scale, if it is stored as int8). Asked for once in a pass, in the order of the
   * blocks, and the source is let go before the next name is asked for.
   */
  read(signal: AbortSignal, name: string): Promise<WeightSource>
}

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
export async function loadHalf(
  signal: AbortSignal, scope: Scope, index: number, config: T5EncoderConfig, format: WeightFormat, weights: T5Weights,
): Promise<AttentionHalf | FeedHalf> {
  const { d_model: width, d_ff: wide } = config
  const inner = config.num_heads * config.d_kv
  const layer = `encoder.block.${Math.floor(index / 2)}.layer.${index % 2}`
  const matrix = async (part: string, out: number, inputs: number): Promise<LinearWeight> => {
    const name = `${layer}.${part}`
    return loadLinear(scope, await weights.read(signal, `${name}.weight`), name, out, inputs, format)
  }
  const normName = `${layer}.layer_norm.weight`
  const norm = loadFloats(scope, await weights.read(signal, normName), normName, [width])
  if (index % 2 === 0) {
    const query = await matrix('SelfAttention.q', inner, width)
    const key = await matrix('SelfAttention.k', inner, width)
    const value = await matrix('SelfAttention.v', inner, width)
    return { kind: 'attention', norm, query, key, value, out: await matrix('SelfAttention.o', width, inner) }
  }
  const gate = await matrix('DenseReluDense.wi_0', wide, width)
  const up = await matrix('DenseReluDense.wi_1', wide, width)
  return { kind: 'feed', norm, gate, wide: up, out: await matrix('DenseReluDense.wo', width, wide) }
}

/** Weights that are in memory as a whole. */
export function weightsInMemory(source: WeightSource): T5Weights {
  return {
    read: () => Promise.resolve(source),
    rows(_signal, ids) {
      const { shape, values } = source.get(EMBEDDING_NAMES.find((name) => source.has(name)) ?? EMBEDDING_NAMES[0])
      const width = shape[1] ?? 0
      const rows = new Float32Array(ids.length * width)
      ids.forEach((id, place) => rows.set(values.subarray(id * width, (id + 1) * width), place * width))
      return Promise.resolve(rows)
    },
  }
}
