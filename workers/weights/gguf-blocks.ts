// Dequantization of GGUF tensors to f32, bit for bit as ggml does it.
// Layouts: https://github.com/ggml-org/llama.cpp ggml/src/ggml-common.h (block_*); arithmetic: ggml/src/ggml-quants.c (dequantize_row_*)
//
// Scales are read from a table and every product is a double, rounded once when it is stored: d·scale·q has at most
// 25 significant bits, so ggml's f32 arithmetic rounds no earlier, and a difference rounded by way of double is the same.
import { f16ToF32 } from '../engine/half-floats'
import { GGML_BLOCKS, type GgmlType } from './gguf-types'

/** Every f16 as f32, by its bits: a lookup is faster than decoding exponent and mantissa. 256 KiB. */
const HALVES = f16ToF32(Uint16Array.from({ length: 65_536 }, (_, bits) => bits))

/** Dequantizes whole blocks; `out` has the length of their values. */
type Dequantize = (bytes: Uint8Array, out: Float32Array) => void
const DEQUANTIZE: Record<GgmlType, Dequantize> = {
  F32: copyF32,
  F16: dequantizeF16,
  BF16: dequantizeBF16,
  Q8_0: dequantizeQ8_0,
  Q4_K: dequantizeQ4_K,
  Q5_K: dequantizeQ5_K,
  Q6_K: dequantizeQ6_K,
}

/** Number of values in `bytes` bytes of a type. @throws RangeError when they are not whole blocks */
export function valueCount(type: GgmlType, bytes: number): number {
  const block = GGML_BLOCKS[type]
  if (bytes % block.bytes !== 0) throw new RangeError(`${type}: expected whole blocks of ${block.bytes} bytes, got ${bytes} bytes`)
  return (bytes / block.bytes) * block.values
}

/**
 * Dequantizes some rows, or any whole blocks, of a tensor.
 * @param bytes as they are in the file; may be unaligned
 * @param out of exactly as many values
 * @returns out
 * @throws RangeError when the bytes are not whole blocks, or `out` has another length
 */
export function dequantizeRows(type: GgmlType, bytes: Uint8Array, out = new Float32Array(valueCount(type, bytes.length))): Float32Array<ArrayBuffer> {
  const count = valueCount(type, bytes.length)
  if (out.length !== count) throw new RangeError(`${type}: expected an output of ${count} values, got ${out.length}`)
  DEQUANTIZE[type](bytes, out)
  return out
}

/** F32: little-endian, as the typed arrays of every platform with browsers are. */
function copyF32(bytes: Uint8Array, out: Float32Array): void {
  new Uint8Array(out.buffer, out.byteOffset, out.byteLength).set(bytes)
}

/** F16: IEEE binary16. */
function dequantizeF16(bytes: Uint8Array, out: Float32Array): void {
  for (let i = 0, at = 0; i < out.length; i++, at += 2) out[i] = HALVES[bytes[at]! | (bytes[at + 1]! << 8)]!
}

/** BF16: the upper half of an f32. */
function dequantizeBF16(bytes: Uint8Array, out: Float32Array): void {
  const words = new Uint32Array(out.buffer, out.byteOffset, out.length)
  for (let i = 0, at = 0; i < words.length; i++, at += 2) words[i] = (bytes[at]! << 16) | (bytes[at + 1]! << 24)
}

/**
 * Q8_0, 32 values in 34 bytes: value = d·q
 *   0  f16  d
 *   2  i8   q[32]
 */
function dequantizeQ8_0(bytes: Uint8Array, out: Float32Array): void {
  for (let block = 0, y = 0; block < bytes.length; block += 34) {
    const d = halfAt(bytes, block)
    for (let q = block + 2; q < block + 34; q++) out[y++] = d * ((bytes[q]! << 24) >> 24)
  }
}

/**
 * Q4_K, 256 values in 144 bytes: eight groups of 32, value = d·scale[g]·q − dmin·min[g], q of 4 bits
 *   0   f16  d
 *   2   f16  dmin
 *   4   u8   scale and min of the eight groups, 6 bits each, packed (`groupScale`, `groupMin`)
 *   16  u8   qs[4][32]: low nibbles are groups 0, 2, 4, 6, high nibbles groups 1, 3, 5, 7
 */
function dequantizeQ4_K(bytes: Uint8Array, out: Float32Array): void {
  for (let block = 0, y = 0; block < bytes.length; block += 144) {
    const d = halfAt(bytes, block)
    const dmin = halfAt(bytes, block + 2)
    for (let group = 0; group < 8; group++) {
      const scale = d * groupScale(bytes, block + 4, group)
      const min = dmin * groupMin(bytes, block + 4, group)
      const shift = (group & 1) * 4
      const qs = block + 16 + (group >> 1) * 32
      for (let q = qs; q < qs + 32; q++) out[y++] = scale * ((bytes[q]! >> shift) & 15) - min
    }
  }
}

/**
 * Q5_K, 256 values in 176 bytes: as Q4_K, with q of 5 bits
 *   0   f16  d
 *   2   f16  dmin
 *   4   u8   scale and min of the eight groups, as in Q4_K
 *   16  u8   qh[32]: bit g of byte i is the fifth bit of value i of group g
 *   48  u8   qs[4][32]: the low four bits, as in Q4_K
 */
function dequantizeQ5_K(bytes: Uint8Array, out: Float32Array): void {
  for (let block = 0, y = 0; block < bytes.length; block += 176) {
    const d = halfAt(bytes, block)
    const dmin = halfAt(bytes, block + 2)
    const qh = block + 16
    for (let group = 0; group < 8; group++) {
      const scale = d * groupScale(bytes, block + 4, group)
      const min = dmin * groupMin(bytes, block + 4, group)
      const shift = (group & 1) * 4
      const qs = block + 48 + (group >> 1) * 32
      for (let i = 0; i < 32; i++) {
        const q = ((bytes[qs + i]! >> shift) & 15) | (((bytes[qh + i]! >> group) & 1) << 4)
        out[y++] = scale * q - min
      }
    }
  }
}

/**
 * Q6_K, 256 values in 210 bytes: sixteen groups of 16, value = d·scale[g]·(q − 32), q of 6 bits
 *   0    u8   ql[2][64]: the low four bits; each half's 64 bytes hold its values 0–63 in low nibbles, 64–127 in high ones
 *   128  u8   qh[2][32]: the high two bits; byte i of a half holds those of its values i, i+32, i+64, i+96, lowest first
 *   192  i8   scale[16]
 *   208  f16  d
 */
function dequantizeQ6_K(bytes: Uint8Array, out: Float32Array): void {
  for (let block = 0, y = 0; block < bytes.length; block += 210) {
    const d = halfAt(bytes, block + 208)
    for (let group = 0; group < 16; group++) {
      const scale = d * ((bytes[block + 192 + group]! << 24) >> 24)
      // eight groups make a half of 128 values, two groups a run of 32 that shares its shifts
      const half = group >> 3
      const run = (group >> 1) & 3
      const first = (group & 1) * 16
      const ql = block + half * 64 + (run & 1) * 32 + first
      const qh = block + 128 + half * 32 + first
      const lowShift = (run >> 1) * 4
      const highShift = run * 2
      for (let i = 0; i < 16; i++) {
        const q = ((bytes[ql + i]! >> lowShift) & 15) | (((bytes[qh + i]! >> highShift) & 3) << 4)
        out[y++] = scale * (q - 32)
      }
    }
  }
}

function halfAt(bytes: Uint8Array, at: number): number {
  return HALVES[bytes[at]! | (bytes[at + 1]! << 8)]!
}

/**
 * The 6-bit scale of group 0–7 in a K-quant's twelve packed bytes at `at`: groups 0–3 are the low six bits of bytes 0–3;
 * of groups 4–7 the low four bits are the low nibbles of bytes 8–11, the high two the top bits of bytes 0–3.
 */
function groupScale(bytes: Uint8Array, at: number, group: number): number {
  if (group < 4) return bytes[at + group]! & 63
  return (bytes[at + 4 + group]! & 15) | ((bytes[at + group - 4]! >> 6) << 4)
}

/** The 6-bit min of group 0–7: as the scale, from bytes 4–7 and the high nibbles of bytes 8–11. */
function groupMin(bytes: Uint8Array, at: number, group: number): number {
  if (group < 4) return bytes[at + 4 + group]! & 63
  return (bytes[at + 4 + group]! >> 4) | ((bytes[at + group]! >> 6) << 4)
}
