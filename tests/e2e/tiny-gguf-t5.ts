// The tiny T5 encoder of tiny-ltx.ts as a GGUF file, quantized.
import { ggufNameOfT5 } from '../../workers/models/t5/gguf-names'
import { writeSafetensors } from '../../workers/weights/safetensors'
import { ggufOf, key, tensor, text } from '../unit/write-gguf'
import { randomValues, t5Shapes } from './tiny-ltx'

/**
 * An encoder as llama.cpp's converter writes it, and the same values as safetensors: matrices are Q8_0, the second half of each
 * feed-forward, whose rows are 256 values, Q4_K, vectors and the position bias F32.
 */
export function tinyGgufT5(): { gguf: Uint8Array<ArrayBuffer>; safetensors: Uint8Array<ArrayBuffer> } {
  const parts = Object.entries(t5Shapes(256)).map(([name, shape], index) => {
    const values = randomValues(name, shape, index)
    if (shape.length === 1 || name.includes('relative_attention_bias')) return { name, shape, type: 0, bytes: new Uint8Array(values.buffer), values }
    return { name, shape, ...(shape[1] === 256 ? quantizeQ4K(values) : quantizeQ8(values)) }
  })
  let at = 0
  const tensors = parts.map(({ name, shape, type, bytes }) => {
    const offset = at
    at += Math.ceil(bytes.length / 32) * 32
    return { offset, entry: tensor(ggufNameOfT5(name) ?? name, shape.toReversed(), type, offset), bytes }
  })
  const gguf = new Uint8Array(ggufOf({ keys: [key('general.architecture', 8, text('t5encoder'))], tensors: tensors.map(({ entry }) => entry), dataBytes: at }))
  for (const { offset, bytes } of tensors) gguf.set(bytes, gguf.length - at + offset)
  return { gguf, safetensors: writeSafetensors(Object.fromEntries(parts.map(({ name, shape, values }) => [name, { dtype: 'F32', shape, values }]))) }
}

/** A tensor's type, as ggml counts them, its bytes, and the values that they stand for. */
interface Quantized {
  type: number
  bytes: Uint8Array
  values: Float32Array
}

/** Blocks of 32: an f16 scale, here 2^-8, and 32 whole numbers of 8 bits. */
function quantizeQ8(values: Float32Array): Quantized {
  const scale = 2 ** -8
  const bytes = new Uint8Array((values.length / 32) * 34)
  const whole = values.map((value) => Math.max(-127, Math.min(127, Math.round(value / scale))))
  for (let block = 0; block < values.length / 32; block++) {
    new DataView(bytes.buffer).setUint16(34 * block, 0x1c00, true)
    bytes.set(Int8Array.from(whole.subarray(32 * block, 32 * block + 32)), 34 * block + 2)
  }
  return { type: 8, bytes, values: whole.map((value) => value * scale) }
}

/** Blocks of 256: two f16, here 2^-6, of which the scales (6 bits, all 1) and least values (all 8) of 32 values each are multiples, and 4 bits a value. */
function quantizeQ4K(values: Float32Array): Quantized {
  const scale = 2 ** -6
  const bytes = new Uint8Array((values.length / 256) * 144)
  const whole = values.map((value) => Math.max(0, Math.min(15, Math.round(value / scale) + 8)))
  for (let block = 0; block < values.length / 256; block++) {
    const view = new DataView(bytes.buffer, 144 * block, 144)
    view.setUint16(0, 0x2400, true)
    view.setUint16(2, 0x2400, true)
    // scales 0-3, least values 0-3, then the low and high halves of 4-7
    for (let part = 0; part < 4; part++) {
      view.setUint8(4 + part, 1)
      view.setUint8(8 + part, 8)
      view.setUint8(12 + part, 0x81)
    }
    // 64 values in 32 bytes: the first 32 in the low halves
    for (let index = 0; index < 128; index++) {
      const first = 256 * block + 64 * Math.floor(index / 32) + (index % 32)
      view.setUint8(16 + index, (whole[first] ?? 0) | ((whole[first + 32] ?? 0) << 4))
    }
  }
  return { type: 12, bytes, values: whole.map((value) => (value - 8) * scale) }
}
