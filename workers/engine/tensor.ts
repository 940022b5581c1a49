// A tensor is a shape, a dtype and a GPU buffer. It owns nothing: a Scope does.

/** Element types on the GPU. i8 is packed four to a u32 word, i4 eight to a word. */
export type DType = 'f32' | 'f16' | 'u32' | 'i32' | 'i8' | 'i4'

/** Element types activations can have. */
export type FloatDType = 'f32' | 'f16'

const BITS: Record<DType, number> = { f32: 32, f16: 16, u32: 32, i32: 32, i8: 8, i4: 4 }

/** A contiguous, row-major array in a GPU buffer. */
export interface Tensor {
  readonly shape: readonly number[]
  readonly dtype: DType
  readonly buffer: GPUBuffer
}

/** The number of elements of a shape. */
export function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1)
}

/** Bytes a tensor takes, rounded up to whole 4-byte words. */
export function tensorBytes(shape: readonly number[], dtype: DType): number {
  return Math.ceil((elementCount(shape) * BITS[dtype]) / 32) * 4
}

/** The same elements under another shape; throws when the counts differ. */
export function reshape(tensor: Tensor, shape: readonly number[]): Tensor {
  if (elementCount(shape) !== elementCount(tensor.shape)) {
    throw new Error(`reshape: [${tensor.shape.join(', ')}] does not have the elements of [${shape.join(', ')}].`)
  }
  return { ...tensor, shape }
}

/** The size of dimension `axis` (negative counts from the end); throws when there is none. */
export function dim(tensor: Tensor, axis: number): number {
  const size = tensor.shape.at(axis)
  if (size === undefined) throw new Error(`dim: [${tensor.shape.join(', ')}] has no axis ${axis}.`)
  return size
}

/** f32 → IEEE half bits, round to nearest even, overflow to ±Inf. */
export function toHalfBits(values: ArrayLike<number>): Uint16Array<ArrayBuffer> {
  const out = new Uint16Array(values.length)
  const float = new Float32Array(1)
  const bits = new Uint32Array(float.buffer)
  for (let i = 0; i < values.length; i++) {
    float[0] = values[i] as number
    const word = bits[0] as number
    const sign = (word >>> 16) & 0x8000
    const exponent = (word >>> 23) & 0xff
    const fraction = word & 0x7fffff
    if (exponent === 0xff) out[i] = sign | 0x7c00 | (fraction ? 0x200 : 0)
    else {
      const e = exponent - 112 // 127 − 15
      if (e >= 31) out[i] = sign | 0x7c00
      else if (e <= 0) {
        if (e < -10) out[i] = sign
        else {
          const shift = 14 - e
          const mantissa = fraction | 0x800000
          const half = mantissa >>> shift
          const rest = mantissa & ((1 << shift) - 1)
          const middle = 1 << (shift - 1)
          out[i] = sign | (half + (rest > middle || (rest === middle && (half & 1) === 1) ? 1 : 0))
        }
      } else {
        const half = (e << 10) | (fraction >>> 13)
        const rest = fraction & 0x1fff
        // a carry out of the mantissa rightly steps the exponent
        out[i] = sign | (half + (rest > 0x1000 || (rest === 0x1000 && (half & 1) === 1) ? 1 : 0))
      }
    }
  }
  return out
}

/** IEEE half bits → f32. */
export function fromHalfBits(bits: Uint16Array): Float32Array<ArrayBuffer> {
  const out = new Float32Array(bits.length)
  for (let i = 0; i < bits.length; i++) {
    const half = bits[i] as number
    const sign = half & 0x8000 ? -1 : 1
    const exponent = (half >>> 10) & 31
    const fraction = half & 0x3ff
    if (exponent === 0) out[i] = sign * fraction * 2 ** -24
    else if (exponent === 31) out[i] = fraction ? NaN : sign * Infinity
    else out[i] = sign * (1 + fraction / 1024) * 2 ** (exponent - 15)
  }
  return out
}
