// The safetensors format: u64 little-endian header length, a JSON header, then the tensors' bytes.
// https://github.com/huggingface/safetensors#format
import * as v from 'valibot'
import { AppError } from '../../src/shared/errors'
import { bf16ToF32, f16ToF32 } from '../engine/half-floats'

/** Bytes of one element of each dtype that Kinora reads. */
export const DTYPE_BYTES = { F32: 4, F16: 2, BF16: 2, I8: 1, U8: 1, I64: 8, I32: 4 } as const
export type Dtype = keyof typeof DTYPE_BYTES

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

/** Typed views of a tensor's elements. F16 and BF16 are their bits. */
export interface ElementViews {
  F32: Float32Array<ArrayBuffer>
  F16: Uint16Array<ArrayBuffer>
  BF16: Uint16Array<ArrayBuffer>
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
  I8: Int8Array,
  U8: Uint8Array,
  I64: BigInt64Array,
  I32: Int32Array,
}

const size = v.pipe(v.number(), v.safeInteger(), v.minValue(0))
const EntrySchema = v.strictObject({
  dtype: v.picklist(Object.keys(DTYPE_BYTES) as Dtype[]),
  shape: v.array(size),
  data_offsets: v.strictTuple([size, size]),
})

/** The reference reader's own limit: a longer header is an attack or a mistake. */
const MAX_HEADER_BYTES = 100_000_000

/**
 * Reads the header and checks that the tensors tile the data exactly. Copies nothing.
 * @param bytes the whole file
 * @param file its name, for the error
 * @throws AppError weights-corrupt
 */
export function openSafetensors(bytes: Uint8Array<ArrayBuffer>, file = 'safetensors file'): Safetensors {
  const corrupt = (reason: string) => new AppError('weights-corrupt', `${file} is not readable as safetensors: ${reason}.`, { file, reason })

  if (bytes.length < 8) throw corrupt(`expected at least 8 bytes, got ${bytes.length}`)
  const headerBytes = new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0, true)
  if (headerBytes > BigInt(Math.min(MAX_HEADER_BYTES, bytes.length - 8))) {
    throw corrupt(`the header claims ${headerBytes} bytes in a file of ${bytes.length}`)
  }
  const dataStart = 8 + Number(headerBytes)

  const header = parseHeader(bytes.subarray(8, dataStart), corrupt)
  const { __metadata__: rawMetadata, ...rawEntries } = header
  const metadata = rawMetadata ?? {}
  if (!isTextMap(metadata)) throw corrupt('__metadata__ is not a map of text to text')

  const tensors = new Map<string, StoredTensor>()
  const spans: [start: number, end: number][] = []
  for (const [name, raw] of Object.entries(rawEntries)) {
    const entry = v.safeParse(EntrySchema, raw)
    if (!entry.success) throw corrupt(`tensor ${name}: ${entry.issues[0].message}`)
    const { dtype, shape, data_offsets: [start, end] } = entry.output
    const expected = shape.reduce((product, n) => product * n, DTYPE_BYTES[dtype])
    if (end - start !== expected) throw corrupt(`tensor ${name}: ${dtype} [${shape.join(', ')}] takes ${expected} bytes, the header gives ${end - start}`)
    if (dataStart + end > bytes.length) throw corrupt(`tensor ${name} ends at byte ${dataStart + end} of a file of ${bytes.length}`)
    tensors.set(name, { dtype, shape, bytes: bytes.subarray(dataStart + start, dataStart + end) })
    spans.push([start, end])
  }

  // no holes and no overlaps, as the format asks: bytes that no tensor owns could hide anything
  spans.sort((a, b) => a[0] - b[0] || a[1] - b[1])
  let next = 0
  for (const [start, end] of spans) {
    if (start !== next) throw corrupt(`the tensors leave a hole or overlap at byte ${Math.min(start, next)} of the data`)
    next = end
  }
  if (dataStart + next !== bytes.length) throw corrupt(`the tensors end at byte ${dataStart + next}, the file at ${bytes.length}`)

  return {
    metadata,
    names: [...tensors.keys()],
    has: (name) => tensors.has(name),
    tensor(name) {
      const tensor = tensors.get(name)
      if (!tensor) throw new AppError('weights-corrupt', `${file} has no tensor ${name}.`, { file, tensor: name })
      return tensor
    },
  }
}

/**
 * A tensor's elements as a typed view; copied only when the file left them unaligned.
 * @throws AppError weights-corrupt when the tensor is of another dtype
 */
export function elementsOf<D extends Dtype>(tensor: StoredTensor, dtype: D): ElementViews[D] {
  if (tensor.dtype !== dtype) {
    throw new AppError('weights-corrupt', `A tensor is ${tensor.dtype}, expected ${dtype}.`, { expected: dtype, found: tensor.dtype })
  }
  const width = DTYPE_BYTES[dtype]
  const bytes = tensor.bytes.byteOffset % width === 0 ? tensor.bytes : tensor.bytes.slice()
  return new VIEW_TYPES[dtype](bytes.buffer, bytes.byteOffset, bytes.length / width)
}

/**
 * A float tensor's elements as f32: F32 as a view, F16 and BF16 converted.
 * @throws AppError weights-corrupt when the tensor holds integers
 */
export function floatsOf(tensor: StoredTensor): Float32Array<ArrayBuffer> {
  if (tensor.dtype === 'F16') return f16ToF32(elementsOf(tensor, 'F16'))
  if (tensor.dtype === 'BF16') return bf16ToF32(elementsOf(tensor, 'BF16'))
  return elementsOf(tensor, 'F32')
}

/** What to write: any typed array whose bytes are `shape` elements of `dtype`. */
export interface TensorToWrite {
  dtype: Dtype
  shape: readonly number[]
  values: ArrayBufferView
}

/** A safetensors file of these tensors, in their order, each aligned to 8 bytes when its forerunners' sizes allow. */
export function writeSafetensors(tensors: Record<string, TensorToWrite>, metadata: Record<string, string> = {}): Uint8Array<ArrayBuffer> {
  const header = Object.create(null) as Record<string, unknown> // a tensor may be called __proto__
  if (Object.keys(metadata).length > 0) header['__metadata__'] = metadata
  // widest elements first, so that every tensor is aligned without padding (which the format forbids)
  const order = Object.entries(tensors).sort((a, b) => DTYPE_BYTES[b[1].dtype] - DTYPE_BYTES[a[1].dtype])
  let offset = 0
  for (const [name, { dtype, shape, values }] of order) {
    const expected = shape.reduce((product, n) => product * n, DTYPE_BYTES[dtype])
    if (values.byteLength !== expected) {
      throw new RangeError(`tensor ${name}: ${dtype} [${shape.join(', ')}] takes ${expected} bytes, got ${values.byteLength}`)
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

function parseHeader(bytes: Uint8Array<ArrayBuffer>, corrupt: (reason: string) => AppError): Record<string, unknown> {
  let header: unknown
  try {
    header = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch {
    throw corrupt('its header is not JSON')
  }
  if (typeof header !== 'object' || header === null || Array.isArray(header)) throw corrupt('its header is not an object')
  return header as Record<string, unknown>
}

/** valibot's record would drop keys such as "prototype". */
function isTextMap(value: unknown): value is Record<string, string> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && Object.values(value).every((text) => typeof text === 'string')
}
