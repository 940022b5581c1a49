// 16-bit floats as u16 bit patterns, to and from f32. JavaScript's own Float16Array is too young to rely on.

const f32 = new Float32Array(1)
const u32 = new Uint32Array(f32.buffer)

/** IEEE binary16 bits → f32. Exact: every half is a single, NaN stays NaN. */
export function f16ToF32(bits: Uint16Array): Float32Array<ArrayBuffer> {
  const values = new Float32Array(bits.length)
  const words = new Uint32Array(values.buffer)
  for (let i = 0; i < bits.length; i++) words[i] = f16BitsToF32Bits(bits[i]!)
  return values
}

/** bfloat16 bits → f32. Exact: bfloat16 is the upper half of a single. */
export function bf16ToF32(bits: Uint16Array): Float32Array<ArrayBuffer> {
  const values = new Float32Array(bits.length)
  const words = new Uint32Array(values.buffer)
  for (let i = 0; i < bits.length; i++) words[i] = (bits[i]! << 16) >>> 0
  return values
}

/** f32 → IEEE binary16 bits, rounded to nearest even; beyond ±65 504 (after rounding) becomes infinity. */
export function f32ToF16(values: ArrayLike<number>): Uint16Array<ArrayBuffer> {
  const bits = new Uint16Array(values.length)
  for (let i = 0; i < values.length; i++) bits[i] = f32ToF16Bits(values[i]!)
  return bits
}

function f16BitsToF32Bits(h: number): number {
  const sign = (h & 0x8000) << 16
  const exponent = (h >>> 10) & 0x1f
  const mantissa = h & 0x3ff
  if (exponent === 0x1f) return (sign | 0x7f800000 | (mantissa << 13)) >>> 0
  if (exponent !== 0) return (sign | ((exponent + 112) << 23) | (mantissa << 13)) >>> 0
  if (mantissa === 0) return sign >>> 0
  // a subnormal half is an ordinary single: shift until the leading 1 is at bit 10
  const shift = Math.clz32(mantissa) - 21
  return (sign | ((113 - shift) << 23) | (((mantissa << shift) & 0x3ff) << 13)) >>> 0
}

function f32ToF16Bits(value: number): number {
  f32[0] = value
  const word = u32[0]!
  const sign = (word >>> 16) & 0x8000
  const magnitude = word & 0x7fffffff
  if (magnitude > 0x7f800000) return sign | 0x7e00 // NaN
  if (magnitude >= 0x477ff000) return sign | 0x7c00 // rounds past 65 504
  if (magnitude >= 0x38800000) {
    // the odd bit decides ties: round half to even
    return sign | ((magnitude - 0x38000000 + 0xfff + ((magnitude >>> 13) & 1)) >>> 13)
  }
  // subnormal: in units of 2^-24, which double arithmetic holds exactly
  const units = Math.abs(f32[0]) * 2 ** 24
  const floor = Math.floor(units)
  const rest = units - floor
  return sign | (rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor)
}
