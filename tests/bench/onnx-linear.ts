// The peer's implementations of a linear layer.
import type { FloatDType } from '../../workers/engine/tensor'
import { I4_GROUP, quantizeI4, quantizeI8, type WeightFormat } from '../../workers/ops/linear-weight'
import type { OnnxGraph } from './onnx-graph'

/** The peer's representation of a matrix. */
export interface PeerLinearFormat {
  kernel: string
  format: WeightFormat
  /** inputs that share a scale in quantized weights */
  block: number
  /** of MatMulNBits: 0 keeps float activations, 4 quantizes them to int8 */
  accuracy: 0 | 4
}

/** A layer's values, [out, in], torch's order. */
export interface LinearValues {
  values: Float32Array
  out: number
  in: number
  /** [out] */
  bias?: Float32Array
}

/**
 * The candidates for weights of this format. Our int8 weights have a scale per output; the peer gets equal scales of blocks.
 * @param int8 with int8 activations
 */
export function linearFormats(format: WeightFormat, inner: number, int8 = false): PeerLinearFormat[] {
  if (format === 'f32' || format === 'f16') return [{ kernel: 'MatMul', format, block: 0, accuracy: 0 }]
  const bits = format === 'i8' ? 8 : 4
  const blocks = format === 'i8' && !int8 ? [32, 128].filter((block) => inner % block === 0) : [I4_GROUP]
  return blocks.map((block) => ({
    kernel: `MatMulNBits ${bits} bits, blocks of ${block}${int8 ? ', int8 activations' : ''}`,
    format,
    block,
    accuracy: int8 ? 4 : 0,
  }))
}

/** A layer whose weights are in a graph. */
export interface OnnxLinear {
  operator: 'MatMul' | 'MatMulNBits'
  /** initializers after x */
  weights: readonly string[]
  bias: string | undefined
  attributes: Record<string, number>
}

/**
 * Adds a layer's weights to the graph. Quantized weights are the same numbers as ours, those of `linear-weight.ts`, in the layout of
 * MatMulNBits.
 */
export function putLinear(graph: OnnxGraph, layer: LinearValues, { format, block, accuracy }: PeerLinearFormat, dtype: FloatDType): OnnxLinear {
  const { values, out, in: inner } = layer
  const bias = layer.bias && graph.weight(dtype, [out], layer.bias)
  if (format === 'f32' || format === 'f16') {
    const weights = [graph.weight(dtype, [inner, out], transposed(values, out, inner))]
    return { operator: 'MatMul', weights, bias, attributes: {} }
  }
  const bits = format === 'i8' ? 8 : 4
  const { q, scale } = format === 'i8' ? quantizeI8(values, out, inner) : quantizeI4(values, out, inner)
  const blocks = inner / block
  const packed = new Uint8Array((out * inner * bits) / 8)
  if (bits === 8) for (let i = 0; i < q.length; i++) packed[i] = (q[i] as number) + 128
  else for (let i = 0; i < packed.length; i++) packed[i] = ((q[2 * i] as number) + 8) | (((q[2 * i + 1] as number) + 8) << 4)
  const scales = Float32Array.from({ length: out * blocks }, (_, i) => scale[bits === 8 ? Math.floor(i / blocks) : i] as number)
  const weights = [graph.weight('u8', [out, blocks, (block * bits) / 8], packed), graph.weight(dtype, [out * blocks], scales)]
  return { operator: 'MatMulNBits', weights, bias, attributes: { K: inner, N: out, bits, block_size: block, accuracy_level: accuracy } }
}

/** x·Wᵀ + b */
export function onnxLinear(graph: OnnxGraph, x: string, { operator, weights, bias, attributes }: OnnxLinear): string {
  if (operator === 'MatMulNBits') return graph.node(operator, [x, ...weights, ...(bias ? ['', '', bias] : [])], { contrib: true, attributes })
  const y = graph.node(operator, [x, ...weights])
  return bias ? graph.node('Add', [y, bias]) : y
}

function transposed(values: Float32Array, out: number, inner: number): Float32Array {
  const result = new Float32Array(values.length)
  for (let o = 0; o < out; o++) for (let k = 0; k < inner; k++) result[k * out + o] = values[o * inner + k] as number
  return result
}
