// What the GPU tests compare with: seeded random data, plain loops in double precision, and how far two arrays are apart.
import { f16ToF32, f32ToF16 } from '../../workers/engine/half-floats'

/** A generator of numbers in [0, 1) that a seed fixes (mulberry32). */
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

/** `count` values, standard normal times `scale`, fixed by the seed. */
export function randomValues(seed: number, count: number, scale = 1): Float32Array<ArrayBuffer> {
  const next = randomSource(seed)
  return Float32Array.from({ length: count }, () => scale * Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next()))
}

/** The values as a half-precision tensor holds them. */
export function asHalf(values: Float32Array): Float32Array<ArrayBuffer> {
  return f16ToF32(f32ToF16(values))
}

/** √(Σ(a−b)²) / √(Σb²), `b` being the reference. NaN or Infinity anywhere gives NaN or Infinity, which no tolerance admits. */
export function relativeError(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) throw new Error(`relativeError: ${a.length} values against a reference of ${b.length}.`)
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
