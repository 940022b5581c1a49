// 16-bit floats as u16 bit patterns and 8-bit floats as bytes, to and from f32. Float16Array is missing in supported browsers.

const f32 = new Float32Array(1)
const u32 = new Uint32Array(f32.buffer)

/** IEEE binary16 bits → f32. Exact; NaN stays NaN. */
export function f16ToF32(bits: Uint16Array): Float32Array<ArrayBuffer> {
  const values = new Float32Array(bits.length)
  const words = new Uint32Array(values.buffer)
  for (let i = 0; i < bits.length; i++) words[i] = f16BitsToF32Bits(bits[i]!)
  return values
}

/** bfloat16 bits → f32. Exact: bfloat16 is the upper half of an f32. */
export function bf16ToF32(bits: Uint16Array): Float32Array<ArrayBuffer> {
  const values = new Float32Array(bits.length)
  const words = new Uint32Array(values.buffer)
  for (let i = 0; i < bits.length; i++) words[i] = (bits[i]! << 16) >>> 0
  return values
}

/** Each byte's value as float8_e4m3fn: 4 bits of exponent (bias 7), 3 of mantissa, no infinities, NaN where all but the sign is 1. */
const F8_E4M3 = Float32Array.from({ length: 256 }, (_, byte) => {
  const sign = byte & 0x80 ? -1 : 1
  const exponent = (byte >>> 3) & 0xf
  const mantissa = (byte & 7) / 8
  if ((byte & 0x7f) === 0x7f) return NaN
  return sign * (exponent === 0 ? mantissa * 2 ** -6 : (1 + mantissa) * 2 ** (exponent - 7))
})

/** float8_e4m3fn bytes → f32, exact (Micikevicius et al. 2022, "FP8 formats for deep learning"). */
export function f8E4M3ToF32(bytes: Uint8Array): Float32Array<ArrayBuffer> {
  const values = new Float32Array(bytes.length)
  for (let i = 0; i < bytes.length; i++) values[i] = F8_E4M3[bytes[i]!]!
  return values
}

/** float8_e5m2 bytes → f32, exact: a float8_e5m2 is the upper half of an IEEE binary16 (Micikevicius et al. 2022). */
export function f8E5M2ToF32(bytes: Uint8Array): Float32Array<ArrayBuffer> {
  return f16ToF32(Uint16Array.from(bytes, (byte) => byte << 8))
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
  // a subnormal half is a normal f32: shift until the leading 1 is at bit 10
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
  // subnormal: in units of 2^-24, exact in double precision
  const units = Math.abs(f32[0]) * 2 ** 24
  const floor = Math.floor(units)
  const rest = units - floor
  return sign | (rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor)
}
