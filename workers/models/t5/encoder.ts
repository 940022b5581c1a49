// The encoder of T5 v1.1: transformers' T5EncoderModel with gated GELU. It holds no weights: they pass through the GPU half a block
// at a time, so T5-XXL (24 blocks, 4.7 billion weights) takes the memory of one block.
//
// L tokens of a prompt   D width (d_model)   H heads   I inner width of attention: H·d_kv   F width of the feed-forward (d_ff)
//
// A prompt runs without padding: a masked key has no part in the reference's softmax either, so its true tokens come out the same.
import { withScope, type Scope } from '../../engine/scope'
import type { FloatDType, Tensor } from '../../engine/tensor'
import { attention } from '../../ops/attention'
import { multiply } from '../../ops/elementwise'
import { linear, type WeightFormat } from '../../ops/linear'
import { norm } from '../../ops/norm'
import type { WeightStream } from '../../ops/weight-stream'
import type { T5EncoderConfig } from './encoder-config'
import { embeddingName, FINAL_NORM_NAME, loadHalf, POSITION_BIAS_NAME, type AttentionHalf, type FeedHalf } from './encoder-weights'
import { distanceBias } from './relative-position'
import { inTwoSlots } from '../two-slots'

/** How an encoder computes. */
export interface T5Options {
  /** of activations; the residual stream, norms, softmax, all sums and the feed-forward's inside are f32 in any case */
  precision: FloatDType
  /** of the blocks' matrices. A matrix is one binding: in f32 those of T5-XXL are over the 128 MiB that WebGPU promises. */
  linearFormat: WeightFormat
}

/** A prompt on its way through the blocks. */
interface Prompt {
  /** f32 [1, L, D], the residual stream, written in place */
  x: Tensor
  /** f32 [H, 2·L − 1] */
  distanceBias: Tensor
}

/** Turns tokens into embeddings. */
export class T5Encoder {
  constructor(
    readonly config: T5EncoderConfig,
    readonly options: T5Options,
    /** asked for each half of a block once a pass, in their order */
    private readonly weights: WeightStream,
  ) {}

  /**
   * Embeds prompts, all in one pass over the weights. Waits for the GPU after each half of a block.
   * @param scope where the results are allocated
   * @param prompts each prompt's true tokens, without padding, the end token included; at least one
   * @returns for each prompt f32 [1, L, D]
   * @throws AppError weights-corrupt when a weight is missing or does not fit; RangeError on an id that is not in the vocabulary
   */
  async encode(signal: AbortSignal, scope: Scope, prompts: readonly Uint32Array[]): Promise<Tensor[]> {
    const { gpu } = scope
    const { d_model: width, num_layers: blocks, layer_norm_epsilon: eps } = this.config
    return withScope(gpu, async (inner) => {
      const running = await this.begin(signal, inner, prompts) // [1, L, D] each
      const finalNorm = inner.upload(await this.weights.floats(signal, FINAL_NORM_NAME, [width]), [width], 'f32')
      const load = (own: Scope, index: number) => loadHalf(signal, own, index, this.config, this.options.linearFormat, this.weights)
      let index = 0
      for await (const half of inTwoSlots(signal, inner, 2 * blocks, load)) {
        const run = (): void => running.forEach((prompt) => inner.within((own) => this.runHalf(own, prompt, half)))
        if (index++ < 2) await gpu.compile(run) // the first of each kind: all others are alike
        run()
      }
      return running.map(({ x }) => norm(scope, x, { kind: 'rms', eps, weight: finalNorm })) // [1, L, D] each
    })
  }

  /** Looks up the embeddings and the position bias. */
  private async begin(signal: AbortSignal, scope: Scope, prompts: readonly Uint32Array[]): Promise<Prompt[]> {
    const { d_model: width, vocab_size: vocabulary, num_heads: heads, relative_attention_num_buckets: buckets } = this.config
    const ids = Uint32Array.from(prompts.flatMap((prompt) => [...prompt]))
    const outside = ids.find((id) => id >= vocabulary)
    if (outside !== undefined) throw new RangeError(`T5: expected ids below ${vocabulary}, got ${outside}.`)
    if (prompts.some(({ length }) => length === 0)) throw new RangeError('T5: expected at least one token in each prompt, got none.')
    const rows = await this.weights.rows(signal, embeddingName(this.weights), ids)
    if (rows.length !== ids.length * width) throw new RangeError(`T5: expected ${ids.length} rows of ${width}, got ${rows.length} values.`)
    const table = await this.weights.floats(signal, POSITION_BIAS_NAME, [buckets, heads])

    let first = 0
    return prompts.map(({ length }) => {
      const own = rows.subarray(first * width, (first + length) * width)
      first += length
      const bias = distanceBias(table, heads, length, { buckets, maxDistance: this.config.relative_attention_max_distance })
      return { x: scope.upload(own, [1, length, width], 'f32'), distanceBias: scope.upload(bias, [heads, 2 * length - 1], 'f32') }
    })
  }

  private runHalf(scope: Scope, prompt: Prompt, half: AttentionHalf | FeedHalf): void {
    if (half.kind === 'attention') this.runAttention(scope, prompt, half)
    else this.runFeed(scope, prompt, half)
  }

  private runAttention(scope: Scope, { x, distanceBias }: Prompt, half: AttentionHalf): void {
    const { num_heads: heads, layer_norm_epsilon: eps } = this.config
    const y = norm(scope, x, { kind: 'rms', eps, weight: half.norm, dtype: this.options.precision }) // [1, L, D]
    const q = linear(scope, y, half.query) // [1, L, I]
    const k = linear(scope, y, half.key) // [1, L, I]
    const v = linear(scope, y, half.value) // [1, L, I]
    const seen = attention(scope, q, k, v, { heads, scale: 1, distanceBias }) // [1, L, I]
    linear(scope, seen, half.out, { addTo: x }) // [1, L, D]
  }

  /** What is between the matrices is f32: trained weights give products past f16's 65 504 there (the reference keeps `wo` in f32 too). */
  private runFeed(scope: Scope, { x }: Prompt, half: FeedHalf): void {
    const { layer_norm_epsilon: eps } = this.config
    const y = norm(scope, x, { kind: 'rms', eps, weight: half.norm, dtype: this.options.precision }) // [1, L, D]
    const gate = linear(scope, y, half.gate, { activation: 'gelu-tanh', dtype: 'f32' }) // [1, L, F]
    const wide = linear(scope, y, half.wide, { dtype: 'f32' }) // [1, L, F]
    linear(scope, multiply(scope, gate, wide), half.out, { addTo: x }) // [1, L, D]
  }
}
