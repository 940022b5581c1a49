// Safetensors files in memory: reading tensors by name, and writing a file.
// https://github.com/huggingface/safetensors#format
import { AppError } from '../../src/shared/errors'
import { bf16ToF32, f16ToF32, f8E4M3ToF32, f8E5M2ToF32 } from '../engine/half-floats'
import { DTYPE_BYTES, headerLength, LENGTH_BYTES, parseSafetensorsHeader, type Dtype } from './safetensors-header'

/** One tensor: row-major little-endian bytes of `shape` elements. */
export interface StoredTensor {
  dtype: Dtype
  shape: readonly number[]
  /** a view into the file, not a copy; its byteOffset may be unaligned */
  bytes: Uint8Array<ArrayBuffer>
}

/** An opened safetensors file. */
export interface Safetensors {
  /** free text of the file: `__metadata__` */
  metadata: Readonly<Record<string, string>>
  names: readonly string[]
  has(name: string): boolean
  /** @throws AppError weights-corrupt when there is no such tensor */
  tensor(name: string): StoredTensor
}

/** Typed arrays of a tensor's elements. F16, BF16, F8_E4M3 and F8_E5M2 are raw bits. */
export interface ElementViews {
  F32: Float32Array<ArrayBuffer>
  F16: Uint16Array<ArrayBuffer>
  BF16: Uint16Array<ArrayBuffer>
  F8_E4M3: Uint8Array<ArrayBuffer>
  F8_E5M2: Uint8Array<ArrayBuffer>
  I8: Int8Array<ArrayBuffer>
  U8: Uint8Array<ArrayBuffer>
  I64: BigInt64Array<ArrayBuffer>
  I32: Int32Array<ArrayBuffer>
}

type ViewType<D extends Dtype> = new (buffer: ArrayBuffer, offset: number, length: number) => ElementViews[D]
const VIEW_TYPES: { [D in Dtype]: ViewType<D> } = {
  F32: Float32Array,
  F16: Uint16Array,
  BF16: Uint16Array,
  F8_E4M3: Uint8Array,
  F8_E5M2: Uint8Array,
  I8: Int8Array,
  U8: Uint8Array,
  I64: BigInt64Array,
  I32: Int32Array,
}

/**
 * Reads the header and checks that the tensors cover the data exactly. Copies no tensor.
 * @param bytes the whole file
 * @param file its name, for the error
 * @throws AppError weights-corrupt
 */
export function openSafetensors(bytes: Uint8Array<ArrayBuffer>, file = 'safetensors file'): Safetensors {
  const dataStart = LENGTH_BYTES + headerLength(bytes, bytes.length, file)
  const { metadata, tensors, unreadable } = parseSafetensorsHeader(bytes.subarray(LENGTH_BYTES, dataStart), bytes.length, file)
  return {
    metadata,
    names: [...tensors.keys()],
    has: (name) => tensors.has(name),
    tensor(name) {
      const tensor = tensors.get(name)
      if (!tensor) throw noTensor(file, name, unreadable.get(name)?.dtype)
      return { dtype: tensor.dtype, shape: tensor.shape, bytes: bytes.subarray(tensor.start, tensor.end) }
    },
  }
}

/** The error for a tensor that a model needs. @param dtype of the tensor, if the file has it in one that Kinora cannot read */
export function noTensor(file: string, name: string, dtype: string | undefined): AppError {
  if (dtype === undefined) return new AppError('weights-corrupt', `${file}: expected a tensor ${name}, which the file does not have.`, { file, tensor: name })
  return new AppError('weights-corrupt', `${file}: the tensor ${name} is stored as ${dtype}, which Kinora cannot read: use the same model in 16-bit floats.`, {
    file,
    tensor: name,
    found: dtype,
  })
}

/**
 * A tensor's elements as a typed array: a view, or a copy if they are not aligned in the file.
 * @throws AppError weights-corrupt when the tensor has another dtype
 */
export function elementsOf<D extends Dtype>(tensor: StoredTensor, dtype: D): ElementViews[D] {
  if (tensor.dtype !== dtype) {
    throw new AppError('weights-corrupt', `A tensor of the file: expected ${dtype}, got ${tensor.dtype}.`, { expected: dtype, found: tensor.dtype })
  }
  const width = DTYPE_BYTES[dtype]
  const bytes = tensor.bytes.byteOffset % width === 0 ? tensor.bytes : tensor.bytes.slice()
  return new VIEW_TYPES[dtype](bytes.buffer, bytes.byteOffset, bytes.length / width)
}

/**
 * A float tensor's elements as f32: F32 as elementsOf, F16, BF16, F8_E4M3 and F8_E5M2 converted.
 * @throws AppError weights-corrupt when the tensor has an integer dtype
 */
export function floatsOf(tensor: StoredTensor): Float32Array<ArrayBuffer> {
  if (tensor.dtype === 'F16') return f16ToF32(elementsOf(tensor, 'F16'))
  if (tensor.dtype === 'BF16') return bf16ToF32(elementsOf(tensor, 'BF16'))
  if (tensor.dtype === 'F8_E4M3') return f8E4M3ToF32(elementsOf(tensor, 'F8_E4M3'))
  if (tensor.dtype === 'F8_E5M2') return f8E5M2ToF32(elementsOf(tensor, 'F8_E5M2'))
  return elementsOf(tensor, 'F32')
}

/** A tensor to write: any typed array whose bytes are `shape` elements of `dtype`. */
export interface TensorToWrite {
  dtype: Dtype
  shape: readonly number[]
  values: ArrayBufferView
}

/** A safetensors file of these tensors, ordered by the width of their elements, so that each is aligned to it. */
export function writeSafetensors(tensors: Record<string, TensorToWrite>, metadata: Record<string, string> = {}): Uint8Array<ArrayBuffer> {
  const header = Object.create(null) as Record<string, unknown> // a tensor may be called __proto__
  if (Object.keys(metadata).length > 0) header['__metadata__'] = metadata
  // widest elements first, so that every tensor is aligned without padding (which the format forbids)
  const order = Object.entries(tensors).sort((a, b) => DTYPE_BYTES[b[1].dtype] - DTYPE_BYTES[a[1].dtype])
  let offset = 0
  for (const [name, { dtype, shape, values }] of order) {
    const expected = shape.reduce((product, n) => product * n, DTYPE_BYTES[dtype])
    if (values.byteLength !== expected) {
      throw new RangeError(`tensor ${name}: expected ${expected} bytes for ${dtype} [${shape.join(', ')}], got ${values.byteLength}.`)
    }
    header[name] = { dtype, shape, data_offsets: [offset, offset + expected] }
    offset += expected
  }
  const text = new TextEncoder().encode(JSON.stringify(header))
  const headerBytes = Math.ceil(text.length / 8) * 8
  const file = new Uint8Array(8 + headerBytes + offset)
  new DataView(file.buffer).setBigUint64(0, BigInt(headerBytes), true)
  file.fill(0x20, 8, 8 + headerBytes) // spaces, which JSON ignores
  file.set(text, 8)
  let at = 8 + headerBytes
  for (const [, { values }] of order) {
    file.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength), at)
    at += values.byteLength
  }
  return file
}
