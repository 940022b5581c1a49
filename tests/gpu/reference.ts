// References for GPU tests: seeded random data, plain loops in double precision, and the error between two arrays.
import type { Gpu } from '../../workers/engine/device'
import { f16ToF32, f32ToF16 } from '../../workers/engine/half-floats'
import type { QuantizedActivations } from '../../workers/ops/quantize-activations'

/** A seeded generator of numbers in [0, 1) (mulberry32). */
export function randomSource(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}

/** `count` seeded values, standard normal times `scale`. */
export function randomValues(seed: number, count: number, scale = 1): Float32Array<ArrayBuffer> {
  const next = randomSource(seed)
  return Float32Array.from({ length: count }, () => scale * Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next()))
}

/** The values rounded to f16. */
export function asHalf(values: Float32Array): Float32Array<ArrayBuffer> {
  return f16ToF32(f32ToF16(values))
}

/** √(Σ(a−b)²) / √(Σb²), `b` being the reference. NaN or Infinity anywhere gives NaN or Infinity, which fails any tolerance. */
export function relativeError(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) throw new Error(`relativeError: expected ${b.length} values, got ${a.length}.`)
  let difference = 0
  let norm = 0
  for (let i = 0; i < b.length; i++) {
    const x = a[i] as number
    const y = b[i] as number
    difference += (x - y) ** 2
    norm += y * y
  }
  return Math.sqrt(difference) / (Math.sqrt(norm) || 1)
}

/** x·Wᵀ + b. x [rows, inner], w [out, inner], bias [out] → [rows, out] */
export function linearReference(x: Float32Array, w: Float32Array, bias: Float32Array | undefined, rows: number, inner: number, out: number) {
  const y = new Float32Array(rows * out)
  for (let m = 0; m < rows; m++) {
    for (let n = 0; n < out; n++) {
      let sum = bias?.[n] ?? 0
      for (let k = 0; k < inner; k++) sum += (x[m * inner + k] as number) * (w[n * inner + k] as number)
      y[m * out + n] = sum
    }
  }
  return y
}

/** x·sigmoid(x) */
export const siluReference = (x: number): number => x / (1 + Math.exp(-x))

/** GELU in its tanh form, torch's gelu(approximate='tanh') */
export const geluReference = (x: number): number => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)))

/** Sizes of an attention; see shaders/README.md. */
export interface AttentionCase {
  batch: number
  queries: number
  keys: number
  heads: number
  size: number // d
  scale?: number
}

/** q [B, N, H·d], k, v [B, M, H·d], mask [B, M], bias [H, N + M − 1] → [B, N, H·d]; two passes over each row of scores */
export function attentionReference(c: AttentionCase, q: Float32Array, k: Float32Array, v: Float32Array, mask?: Uint32Array, bias?: Float32Array): Float32Array {
  const width = c.heads * c.size
  const scale = c.scale ?? 1 / Math.sqrt(c.size)
  const out = new Float32Array(q.length)
  for (let b = 0; b < c.batch; b++) {
    for (let n = 0; n < c.queries; n++) {
      for (let h = 0; h < c.heads; h++) {
        const at = (b * c.queries + n) * width + h * c.size
        const scores = Array.from({ length: c.keys }, (_, m) => {
          if (mask?.[b * c.keys + m] === 0) return -Infinity
          let dot = 0
          for (let i = 0; i < c.size; i++) dot += (q[at + i] as number) * (k[(b * c.keys + m) * width + h * c.size + i] as number)
          return dot * scale + (bias?.[h * (c.queries + c.keys - 1) + m - n + c.queries - 1] ?? 0)
        })
        const top = Math.max(...scores)
        if (top === -Infinity) continue
        const powers = scores.map((score) => Math.exp(score - top))
        const total = powers.reduce((sum, power) => sum + power, 0)
        for (let i = 0; i < c.size; i++) {
          let sum = 0
          for (let m = 0; m < c.keys; m++) sum += (powers[m] as number) * (v[(b * c.keys + m) * width + h * c.size + i] as number)
          out[at + i] = sum / total
        }
      }
    }
  }
  return out
}

export interface NormReferenceOptions {
  kind: 'rms' | 'layer'
  eps: number
  weight?: Float32Array
  bias?: Float32Array
  /** [rows, D], already selected per row */
  scale?: Float32Array
  shift?: Float32Array
  silu?: boolean
}

/** x [rows, D] → [rows, D] */
export function normReference(x: Float32Array, size: number, o: NormReferenceOptions): Float32Array {
  const y = new Float32Array(x.length)
  for (let start = 0; start < x.length; start += size) {
    const row = x.subarray(start, start + size)
    const mean = o.kind === 'layer' ? row.reduce((sum, value) => sum + value, 0) / size : 0
    const square = row.reduce((sum, value) => sum + (value - mean) ** 2, 0) / size
    for (let c = 0; c < size; c++) {
      let value = ((row[c] as number) - mean) / Math.sqrt(square + o.eps)
      value = value * (o.weight?.[c] ?? 1) + (o.bias?.[c] ?? 0)
      value = value * (1 + (o.scale?.[start + c] ?? 0)) + (o.shift?.[start + c] ?? 0)
      y[start + c] = o.silu ? siluReference(value) : value
    }
  }
  return y
}

/** Angles: row r has position r % positions. cos, sin: [positions, D/2] */
export interface RopeReference {
  cos: Float32Array
  sin: Float32Array
  positions: number
}

/** RMS norm if there is an eps, then pairs rotated by their angles. x [rows, D] → [rows, D] */
export function normRopeReference(x: Float32Array, size: number, o: { weight?: Float32Array; eps?: number; rope?: RopeReference }): Float32Array {
  const y = new Float32Array(x.length)
  for (let start = 0, r = 0; start < x.length; start += size, r++) {
    const row = Array.from(x.subarray(start, start + size))
    if (o.eps !== undefined) {
      const length = Math.sqrt(row.reduce((sum, value) => sum + value * value, 0) / size + o.eps)
      row.forEach((value, c) => (row[c] = (value / length) * (o.weight?.[c] ?? 1)))
    }
    for (let i = 0; i < size / 2; i++) {
      const at = o.rope ? (r % o.rope.positions) * (size / 2) + i : 0
      const [cos, sin] = [o.rope?.cos[at] ?? 1, o.rope?.sin[at] ?? 0]
      const [a, b] = [row[2 * i] as number, row[2 * i + 1] as number]
      y[start + 2 * i] = a * cos - b * sin
      y[start + 2 * i + 1] = a * sin + b * cos
    }
  }
  return y
}

/** The int8 values of `inner` inputs a row with their padding, their scales, and the dequantized activations, [rows, inner]. */
export async function readQuantizedActivations(
  gpu: Gpu,
  quantized: QuantizedActivations,
  inner: number,
): Promise<{ q: Int8Array; scale: Float32Array; values: Float32Array }> {
  const [rows = 0, width = 0] = quantized.q.shape
  const q = new Int8Array(await gpu.readBytes(quantized.q))
  const scale = await gpu.read(quantized.scale)
  const values = new Float32Array(rows * inner)
  for (let row = 0; row < rows; row++) {
    for (let k = 0; k < inner; k++) values[row * inner + k] = (q[row * width + k] as number) * (scale[row * (width / 32) + Math.floor(k / 32)] as number)
  }
  return { q, scale, values }
}
