// LTX-Video's transformer as the peer runs it best: its own fused operators wherever it has one. The shape column is that of
// workers/models/ltx/transformer.ts.
import type { FloatDType } from '../../workers/engine/tensor'
import type { LtxTransformerConfig } from '../../workers/models/ltx/transformer'
import type { WeightSource } from '../../workers/models/weight-source'
import type { RopeAngles } from '../../workers/models/ltx/rope'
import type { OnnxGraph } from './onnx-graph'
import { onnxLinear, putLinear, type PeerLinearFormat, type OnnxLinear } from './onnx-linear'

const QK_EPS = 1e-5
const OUT_EPS = 1e-6
const SLOTS = 6

/** Keys and values of a text for one block, f32 [B, L, D]; the same in all steps. */
export interface TextBlock {
  key: Float32Array
  value: Float32Array
}

export interface OnnxTransformerOptions {
  config: LtxTransformerConfig
  weights: WeightSource
  /** of the blocks' matrices; all others are plain */
  format: PeerLinearFormat
  dtype: FloatDType
  batch: number
  tokens: number
  textTokens: number
  text: readonly TextBlock[]
  rope: RopeAngles
}

/** Adds forward passes to a graph; all passes share the weights. */
export class OnnxTransformer {
  private readonly width: number
  private readonly names = new Map<string, string>()
  private readonly layers = new Map<string, OnnxLinear>()
  private readonly plain: PeerLinearFormat

  constructor(
    private readonly graph: OnnxGraph,
    private readonly o: OnnxTransformerOptions,
  ) {
    this.width = o.config.num_attention_heads * o.config.attention_head_dim
    this.plain = { kernel: 'MatMul', format: o.dtype, block: 0, accuracy: 0 }
  }

  /**
   * One evaluation.
   * @param tokens [B, N, C]
   * @param sinusoids [1, 256], of the one timestep
   */
  forward(tokens: string, sinusoids: string): string {
    const { graph } = this
    const first = this.silu(this.linear(sinusoids, 'time_embed.emb.timestep_embedder.linear_1', 256, this.width)) // [1, D]
    const embedded = this.linear(first, 'time_embed.emb.timestep_embedder.linear_2', this.width, this.width) // [1, D]
    const modulation = this.reshape(this.linear(this.silu(embedded), 'time_embed.linear', this.width, SLOTS * this.width), [1, SLOTS, this.width])
    let x = this.linear(tokens, 'proj_in', this.o.config.in_channels, this.width) // [B, N, D]
    for (let index = 0; index < this.o.config.num_layers; index++) x = this.block(x, index, modulation) // [B, N, D]
    const table = graph.node('Add', [this.reshape(embedded, [1, 1, this.width]), this.table('scale_shift_table', 2, [1])]) // [1, 2, D]
    const [shift, scale] = this.split(table, 2) as [string, string]
    const normed = graph.node('LayerNormalization', [x, this.ones()], { attributes: { axis: -1, epsilon: { float: OUT_EPS } } })
    const out = this.o.config.out_channels ?? this.o.config.in_channels
    return this.linear(this.modulated(normed, scale, shift), 'proj_out', this.width, out) // [B, N, C]
  }

  private block(x: string, index: number, modulation: string): string {
    const { graph, width } = this
    const name = `transformer_blocks.${index}`
    const heads = this.o.config.num_attention_heads
    const eps = this.o.config.norm_eps
    const table = graph.node('Add', [modulation, this.table(`${name}.scale_shift_table`, SLOTS, [1, 4])]) // [1, 6, D]
    const [shiftA, scaleA, gateA, shiftF, scaleF, gateF] = this.split(table, SLOTS) as [string, string, string, string, string, string]
    const attend = (q: string, k: string, v: string) => graph.node('MultiHeadAttention', [q, k, v], { contrib: true, attributes: { num_heads: heads } })
    const matrix = (input: string, part: string) => this.linear(input, `${name}.${part}`, width, width, this.o.format)
    const qk = (input: string, part: string) => this.rms(input, this.floats(`${name}.${part}.weight`, [width]), QK_EPS)

    const y = this.modulated(this.rms(x, this.ones(), eps), scaleA, shiftA) // [B, N, D]
    const q = this.rotate(qk(matrix(y, 'attn1.to_q'), 'attn1.norm_q'))
    const k = this.rotate(qk(matrix(y, 'attn1.to_k'), 'attn1.norm_k'))
    const attended = matrix(attend(q, k, matrix(y, 'attn1.to_v')), 'attn1.to_out.0')
    const after = graph.node('Add', [x, graph.node('Mul', [attended, gateA])]) // [B, N, D]

    const text = this.o.text[index] as TextBlock
    const shape = [this.o.batch, this.o.textTokens, width]
    const textWeight = (part: 'key' | 'value') => this.once(`text.${index}.${part}`, () => graph.weight(this.o.dtype, shape, text[part]))
    const query = qk(matrix(after, 'attn2.to_q'), 'attn2.norm_q')
    const crossOut = matrix(attend(query, textWeight('key'), textWeight('value')), 'attn2.to_out.0')
    // residual and norm in one, as the peer has it: outputs 0 and 3 are the norm and the sum
    const [normed, , , sum] = graph.nodeOf('SkipSimplifiedLayerNormalization', [crossOut, after, this.ones()], 4, {
      contrib: true,
      attributes: { epsilon: { float: eps } },
    }) as [string, string, string, string]
    const hiddenWidth = 4 * width
    const hidden = this.linear(this.modulated(normed, scaleF, shiftF), `${name}.ff.net.0.proj`, width, hiddenWidth, this.o.format, true)
    const fed = this.linear(hidden, `${name}.ff.net.2`, hiddenWidth, width, this.o.format)
    return graph.node('Add', [sum, graph.node('Mul', [fed, gateF])]) // [B, N, D]
  }

  /** x·Wᵀ + b, or gelu of that: FastGelu includes the bias. */
  private linear(x: string, name: string, inner: number, out: number, format = this.plain, gelu = false): string {
    const { graph, o } = this
    let layer = this.layers.get(name)
    if (!layer) {
      const bias = o.weights.get(`${name}.bias`).values
      layer = putLinear(graph, { values: o.weights.get(`${name}.weight`).values, in: inner, out, ...(!gelu && { bias }) }, format, o.dtype)
      this.layers.set(name, layer)
    }
    const y = onnxLinear(graph, x, layer)
    return gelu ? graph.node('FastGelu', [y, this.floats(`${name}.bias`, [out])], { contrib: true }) : y
  }

  private silu(x: string): string {
    return this.graph.node('QuickGelu', [x], { contrib: true, attributes: { alpha: { float: 1 } } })
  }

  private rms(x: string, gain: string, eps: number): string {
    return this.graph.node('SimplifiedLayerNormalization', [x, gain], { attributes: { axis: -1, epsilon: { float: eps } } })
  }

  /** `scale` includes the 1. */
  private modulated(x: string, scale: string, shift: string): string {
    return this.graph.node('Add', [this.graph.node('Mul', [x, scale]), shift])
  }

  private rotate(x: string): string {
    const { rope, dtype, batch, tokens } = this.o
    const pairs = this.width / 2
    const cos = this.once('cos', () => this.graph.weight(dtype, [tokens, pairs], rope.cos))
    const sin = this.once('sin', () => this.graph.weight(dtype, [tokens, pairs], rope.sin))
    const positions = this.once('positions', () =>
      this.graph.weight(
        'i64',
        [batch, tokens],
        Array.from({ length: batch * tokens }, (_, i) => i % tokens),
      ),
    )
    // all heads are one to it: each has angles of its own
    return this.graph.node('RotaryEmbedding', [x, positions, cos, sin], { contrib: true, attributes: { interleaved: 1 } })
  }

  /** A table [1, slots, D] with 1 added to the scales. */
  private table(name: string, slots: number, scales: readonly number[]): string {
    return this.once(name, () => {
      const values = this.o.weights.get(name).values.slice()
      for (const slot of scales) for (let i = 0; i < this.width; i++) values[slot * this.width + i] = (values[slot * this.width + i] as number) + 1
      return this.graph.weight(this.o.dtype, [1, slots, this.width], values)
    })
  }

  private split(table: string, parts: number): string[] {
    return this.graph.nodeOf('Split', [table], parts, { attributes: { axis: 1, num_outputs: parts } }) // [1, 1, D] each
  }

  private reshape(x: string, shape: readonly number[]): string {
    return this.graph.node('Reshape', [x, this.once(`shape ${shape.join()}`, () => this.graph.weight('i64', [shape.length], shape))])
  }

  private ones(): string {
    return this.once('ones', () => this.graph.weight(this.o.dtype, [this.width], new Float32Array(this.width).fill(1)))
  }

  private floats(name: string, shape: readonly number[]): string {
    return this.once(name, () => this.graph.weight(this.o.dtype, shape, this.o.weights.get(name).values))
  }

  private once(key: string, make: () => string): string {
    const name = this.names.get(key) ?? make()
    this.names.set(key, name)
    return name
  }
}
