// LTXVideoTransformer3DModel.forward in plain loops: the reference of the engine where no run of diffusers is recorded.
// The shape column is that of workers/models/ltx/transformer.ts. The reference itself is tested against a recorded run.
import type { LtxTransformerConfig } from '../../workers/models/ltx/transformer'
import { sinusoids } from '../../workers/models/timestep-embedding'
import type { WeightSource } from '../../workers/models/weight-source'
import { attentionReference, geluReference, linearReference, normReference, normRopeReference, siluReference, type RopeReference } from './reference'

/** One evaluation. */
export interface LtxReferenceCall {
  config: LtxTransformerConfig
  weights: WeightSource
  batch: number
  /** [B, N, C] */
  tokens: Float32Array
  /** [B, L, E] */
  text: Float32Array
  /** [B, L], 1 = keep */
  mask: Uint32Array
  rope: RopeReference
  /** one for each of the B clips */
  timesteps: Float32Array
}

const SLOTS = 6

/** → the velocity of every token, [B, N, C] */
export function ltxReference({ config, weights, batch, tokens, text, mask, rope, timesteps }: LtxReferenceCall): Float32Array {
  const { num_attention_heads: heads, attention_head_dim: size, norm_eps: eps } = config
  const width = heads * size
  const count = tokens.length / (batch * config.in_channels) // N
  const textTokens = mask.length / batch // L
  const values = (name: string) => weights.get(name).values
  const linear = (x: Float32Array, name: string) => {
    const [out = 0, inner = 0] = weights.get(`${name}.weight`).shape
    return linearReference(x, values(`${name}.weight`), values(`${name}.bias`), x.length / inner, inner, out)
  }
  /** a row of a clip's table [B, slots, D], for each of its tokens: [B, N, D] */
  const each = (table: Float32Array, slots: number, slot: number) =>
    Float32Array.from({ length: batch * count * width }, (_, i) => table[(Math.floor(i / (count * width)) * slots + slot) * width + (i % width)] as number)
  const plus = (a: Float32Array, b: Float32Array) => a.map((value, i) => value + (b[i % b.length] as number))
  const gated = (a: Float32Array, gate: Float32Array, b: Float32Array) => a.map((value, i) => value + (gate[i] as number) * (b[i] as number))

  const captions = linear(linear(text, 'caption_projection.linear_1').map(geluReference), 'caption_projection.linear_2') // [B, L, D]
  const embedder = 'time_embed.emb.timestep_embedder'
  const embedded = linear(linear(sinusoids(timesteps), `${embedder}.linear_1`).map(siluReference), `${embedder}.linear_2`) // [B, D]
  const modulation = linear(embedded.map(siluReference), 'time_embed.linear') // [B, 6·D]
  let x = linear(tokens, 'proj_in') // [B, N, D]
  for (let index = 0; index < config.num_layers; index++) {
    const block = `transformer_blocks.${index}`
    const table = plus(modulation, values(`${block}.scale_shift_table`)) // [B, 6, D]
    const at = (slot: number) => each(table, SLOTS, slot)
    const qk = (y: Float32Array, part: string, rotation?: RopeReference) =>
      normRopeReference(linear(y, `${block}.${part}`), width, {
        weight: values(`${block}.${part.replace('to_', 'norm_')}.weight`),
        eps: 1e-5,
        ...(rotation && { rope: rotation }),
      })

    const y = normReference(x, width, { kind: 'rms', eps, scale: at(1), shift: at(0) }) // [B, N, D]
    const attended = attentionReference(
      { batch, queries: count, keys: count, heads, size },
      qk(y, 'attn1.to_q', rope),
      qk(y, 'attn1.to_k', rope),
      linear(y, `${block}.attn1.to_v`),
    )
    x = gated(x, at(2), linear(attended, `${block}.attn1.to_out.0`)) // [B, N, D]
    const crossOut = attentionReference(
      { batch, queries: count, keys: textTokens, heads, size },
      qk(x, 'attn2.to_q'),
      qk(captions, 'attn2.to_k'),
      linear(captions, `${block}.attn2.to_v`),
      mask,
    )
    x = plus(x, linear(crossOut, `${block}.attn2.to_out.0`)) // [B, N, D]
    const z = normReference(x, width, { kind: 'rms', eps, scale: at(4), shift: at(3) }) // [B, N, D]
    x = gated(x, at(5), linear(linear(z, `${block}.ff.net.0.proj`).map(geluReference), `${block}.ff.net.2`)) // [B, N, D]
  }
  const last = values('scale_shift_table')
  const outTable = Float32Array.from(
    { length: batch * 2 * width },
    (_, i) => (last[i % (2 * width)] as number) + (embedded[Math.floor(i / (2 * width)) * width + (i % width)] as number),
  ) // [B, 2, D]
  const normed = normReference(x, width, { kind: 'layer', eps: 1e-6, scale: each(outTable, 2, 1), shift: each(outTable, 2, 0) }) // [B, N, D]
  return linear(normed, 'proj_out') // [B, N, C]
}
