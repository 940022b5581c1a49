// A linear layer's weights as its kernels read them: panels of 8 outputs, in each of which the 8 outputs of one input are contiguous.
// A tile of 64 outputs is then 8 contiguous runs, and a kernel without workgroup memory reads one run in order.
import type { Scope } from '../engine/scope'
import { f32ToF16 } from '../engine/half-floats'
import type { Tensor } from '../engine/tensor'

export type WeightFormat = 'f32' | 'f16' | 'i8' | 'i4'

/** Outputs of a panel. */
export const PANEL = 8

/** Inputs that share a scale in i4. */
export const I4_GROUP = 32

/** The largest f16 value: beyond lies infinity. */
const MAX_HALF = 65504

/** y = x·Wᵀ + b, uploaded. The buffers' layout is private to the kernels; uploadLinear makes it or, from a file's bytes, ops/quantize.ts. */
export interface LinearWeight {
  format: WeightFormat
  out: number
  in: number
  /** [panels, in rounded up to 4, 8] f32 | i8 | i4; f16 has the dtype u32, two halves to a word */
  data: Tensor
  /** i8: f32 [panels, 8]; i4: f16 pairs in u32 [panels, ceil(in/32), 4] */
  scale?: Tensor
  /** f32 [panels, 8] */
  bias?: Tensor
}

/** Integers and scales: i8 has a scale per output, scale [out]; i4 one per group of 32 inputs, scale [out, ceil(in/32)]. */
export interface QuantizedValues {
  /** [out, in] */
  q: Int8Array
  scale: Float32Array
}

/** w ≈ q·scale[o], |q| ≤ 127, scale[o] = max |w| / 127. values [out, in]. Divides in f32, as ops/quantize.ts on the GPU. */
export function quantizeI8(values: Float32Array, out: number, inner: number): QuantizedValues {
  const q = new Int8Array(out * inner)
  const scale = new Float32Array(out)
  for (let o = 0; o < out; o++) {
    let largest = 0
    for (let k = o * inner; k < (o + 1) * inner; k++) largest = Math.max(largest, Math.abs(values[k] as number))
    const step = (scale[o] = Math.fround(largest / 127))
    if (step === 0) continue
    for (let k = o * inner; k < (o + 1) * inner; k++) q[k] = Math.max(-127, Math.min(127, Math.round(Math.fround((values[k] as number) / step))))
  }
  return { q, scale }
}

/** w ≈ q·scale[o, k / 32], q in −8 … 7. The scale's sign makes the group's extreme −8, which uses the full range. values [out, in] */
export function quantizeI4(values: Float32Array, out: number, inner: number): QuantizedValues {
  const groups = Math.ceil(inner / I4_GROUP)
  const q = new Int8Array(out * inner)
  const scale = new Float32Array(out * groups)
  for (let o = 0; o < out; o++) {
    for (let g = 0; g < groups; g++) {
      const first = o * inner + g * I4_GROUP
      const end = Math.min(first + I4_GROUP, (o + 1) * inner)
      let extreme = 0
      for (let k = first; k < end; k++) if (Math.abs(values[k] as number) > Math.abs(extreme)) extreme = values[k] as number
      const step = (scale[o * groups + g] = roundToHalf(Math.max(-MAX_HALF, Math.min(MAX_HALF, extreme / -8))))
      if (step === 0) continue
      for (let k = first; k < end; k++) q[k] = Math.max(-8, Math.min(7, Math.round(Math.fround((values[k] as number) / step))))
    }
  }
  return { q, scale }
}

/** q·scale. → [out, in] */
export function dequantize(source: QuantizedValues, out: number, inner: number): Float32Array<ArrayBuffer> {
  const perOutput = source.scale.length === out
  const groups = perOutput ? 1 : Math.ceil(inner / I4_GROUP)
  const values = new Float32Array(out * inner)
  for (let o = 0; o < out; o++) {
    for (let k = 0; k < inner; k++) {
      const scale = source.scale[perOutput ? o : o * groups + Math.floor(k / I4_GROUP)] as number
      values[o * inner + k] = (source.q[o * inner + k] as number) * scale
    }
  }
  return values
}

export interface LinearSource {
  /** [out, in], torch's order */
  values: Float32Array | QuantizedValues
  out: number
  in: number
  /** [out] */
  bias?: Float32Array
}

/** Packs a layer's weights and uploads them; quantizes or dequantizes when the source has another format. */
export function uploadLinear(scope: Scope, source: LinearSource, format: WeightFormat): LinearWeight {
  const { values, out, in: inner, bias } = source
  const count = values instanceof Float32Array ? values.length : values.q.length
  if (count !== out * inner) throw new Error(`uploadLinear: expected ${out * inner} weights of [${out}, ${inner}], got ${count}.`)
  if (bias && bias.length !== out) throw new Error(`uploadLinear: expected a bias of ${out} values, got ${bias.length}.`)
  const panels = Math.ceil(out / PANEL)
  const padded = { panels, out, inner, rows: Math.ceil(inner / 4) * 4 }
  const paddedBias = bias && padOutputs(bias, panels)
  const common = { format, out, in: inner, ...(paddedBias && { bias: scope.upload(paddedBias, [panels, PANEL], 'f32') }) }

  if (format === 'i8' || format === 'i4') {
    const quantized = asQuantized(values, format, out, inner)
    const words = format === 'i8' ? packI8(quantized.q, padded) : packI4(quantized.q, padded)
    const data = scope.upload(new Uint8Array(words.buffer), [panels, padded.rows, PANEL], format)
    if (format === 'i8') return { ...common, data, scale: scope.upload(padOutputs(quantized.scale, panels), [panels, PANEL], 'f32') }
    const groups = Math.ceil(inner / I4_GROUP)
    const halves = f32ToF16(inPanels(quantized.scale, { panels, out, inner: groups, rows: groups }))
    return { ...common, data, scale: scope.upload(new Uint32Array(halves.buffer), [panels, groups, PANEL / 2], 'u32') }
  }
  const floats = inPanels(values instanceof Float32Array ? values : dequantize(values, out, inner), padded)
  if (format === 'f32') return { ...common, data: scope.upload(floats, [panels, padded.rows, PANEL], 'f32') }
  const words = new Uint32Array(f32ToF16(floats).buffer)
  return { ...common, data: scope.upload(words, [panels, padded.rows, PANEL / 2], 'u32') }
}

interface PaddedShape {
  panels: number
  out: number
  inner: number
  /** inner with its padding */
  rows: number
}

function asQuantized(values: LinearSource['values'], format: 'i8' | 'i4', out: number, inner: number): QuantizedValues {
  const scales = format === 'i8' ? out : out * Math.ceil(inner / I4_GROUP)
  if (values instanceof Float32Array) return format === 'i8' ? quantizeI8(values, out, inner) : quantizeI4(values, out, inner)
  if (values.scale.length !== scales) throw new Error(`uploadLinear: expected ${scales} scales for ${format}, got ${values.scale.length}.`)
  return values
}

/** [out, inner] → [panels, rows, 8], zero-padded */
function inPanels(values: Float32Array, { panels, out, inner, rows }: PaddedShape): Float32Array<ArrayBuffer> {
  const result = new Float32Array(panels * rows * PANEL)
  for (let o = 0; o < out; o++) {
    const start = Math.floor(o / PANEL) * rows * PANEL + (o % PANEL)
    for (let k = 0; k < inner; k++) result[start + k * PANEL] = values[o * inner + k] as number
  }
  return result
}

/** Four neighboring outputs to a word, the first in the lowest byte. */
function packI8(q: Int8Array, { panels, out, inner, rows }: PaddedShape): Int8Array<ArrayBuffer> {
  const result = new Int8Array(panels * rows * PANEL)
  for (let o = 0; o < out; o++) {
    const start = Math.floor(o / PANEL) * rows * PANEL + (o % PANEL)
    for (let k = 0; k < inner; k++) result[start + k * PANEL] = q[o * inner + k] as number
  }
  return result
}

/** A panel's eight outputs to a word, the first in the lowest four bits. */
function packI4(q: Int8Array, { panels, out, inner, rows }: PaddedShape): Uint32Array<ArrayBuffer> {
  const result = new Uint32Array(panels * rows)
  for (let o = 0; o < out; o++) {
    const start = Math.floor(o / PANEL) * rows
    const shift = (o % PANEL) * 4
    for (let k = 0; k < inner; k++) {
      const at = start + k
      result[at] = (result[at] as number) | (((q[o * inner + k] as number) & 15) << shift)
    }
  }
  return result
}

function padOutputs(values: Float32Array, panels: number): Float32Array<ArrayBuffer> {
  const result = new Float32Array(panels * PANEL)
  result.set(values)
  return result
}

function roundToHalf(value: number): number {
  const half = new Uint16Array(f32ToF16([value]))
  const exponent = ((half[0] as number) >>> 10) & 31
  const fraction = (half[0] as number) & 1023
  const size = exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1024) * 2 ** (exponent - 15)
  return Math.sign(value) * size
}
