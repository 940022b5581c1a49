// The header of a GGUF file (llama.cpp's format, versions 2 and 3, little-endian): metadata, and the byte range of each tensor.
// https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
import { GgufCursor, MoreBytes } from './gguf-cursor'
import { MIN_KEY_BYTES, readMetadata, type GgufValue, type TypedValue } from './gguf-metadata'
import { GGML_BLOCKS, ggmlTypeName, isReadable, type GgmlType } from './gguf-types'

/** A tensor in a file: `shape` values, row-major, each row whole blocks of `type`. */
export interface GgufTensor {
  type: GgmlType
  /** slowest dim first as in PyTorch: ggml's `ne` reversed; a row is the last dim */
  shape: readonly number[]
  /** byte range in the file; `end` is exclusive */
  start: number
  end: number
}

/** A validated header. */
export interface GgufHeader {
  version: number
  /** `general.architecture`: `t5encoder`, `t5`, …; some writers leave it out */
  architecture: string | undefined
  /** of tensor offsets, bytes */
  alignment: number
  metadata: ReadonlyMap<string, GgufValue>
  tensors: ReadonlyMap<string, GgufTensor>
  /** tensors of types that Kinora cannot read: an error only where one of them is needed */
  unreadable: ReadonlyMap<string, { type: string; shape: readonly number[] }>
}

/** The header, or the least number of leading bytes that are needed to read it. */
export type GgufReading = { done: true; header: GgufHeader } | { done: false; bytesNeeded: number }

/** The first bytes of every GGUF file: "GGUF". */
export const GGUF_MAGIC = [0x47, 0x47, 0x55, 0x46] as const
const DEFAULT_ALIGNMENT = 32
const MAX_DIMS = 4
/** Of tensors and of keys: far above any model's; bounds the memory that a false header can take. */
const MAX_COUNT = 65_536
/** ggml's own is 63; builds for image models raise it to 127. Bytes. */
const MAX_TENSOR_NAME_BYTES = 127
/** Bytes of the shortest entry: a name's length and one letter, the number of dims and one dim, type, offset. */
const MIN_TENSOR_BYTES = 8 + 1 + 4 + 8 + 4 + 8

/**
 * Reads the header from the file's leading bytes. If they are too few, the result is the least number that is needed; since
 * lengths are only found on the way, the caller should then read more than that (twice as many as before, say).
 * @param leading the file's first bytes, as many as were read so far
 * @param fileBytes length of the whole file
 * @param file its name, for the error
 * @throws AppError weights-corrupt
 * @throws RangeError when `fileBytes` is not a length
 */
export function readGgufHeader(leading: Uint8Array, fileBytes: number, file = 'GGUF file'): GgufReading {
  // without a file length, every length in the header would pass
  if (!Number.isSafeInteger(fileBytes) || fileBytes < 0) throw new RangeError(`${file}: expected its length in bytes, got ${fileBytes}`)
  const cursor = new GgufCursor(leading.subarray(0, fileBytes), fileBytes, file)
  try {
    return { done: true, header: readHeader(cursor, fileBytes) }
  } catch (thrown) {
    if (thrown instanceof MoreBytes) return { done: false, bytesNeeded: thrown.atLeast }
    throw thrown
  }
}

/**
 * The byte range of `count` rows of a tensor from `first` on, such as single rows of an embedding table.
 * @throws RangeError when the tensor has no such rows
 */
export function rowRange(tensor: GgufTensor, first: number, count: number): { start: number; end: number } {
  const rows = tensor.shape.slice(0, -1).reduce((product, size) => product * size, 1)
  if (!Number.isInteger(first) || !Number.isInteger(count) || first < 0 || count < 0 || first + count > rows) {
    throw new RangeError(`Expected rows within the tensor's ${rows}, got ${first} to ${first + count}.`)
  }
  const rowBytes = (tensor.end - tensor.start) / rows
  return { start: tensor.start + first * rowBytes, end: tensor.start + (first + count) * rowBytes }
}

function readHeader(cursor: GgufCursor, fileBytes: number): GgufHeader {
  const version = readVersion(cursor)
  const tensorCount = readCount(cursor, 'the number of tensors')
  const keyCount = readCount(cursor, 'the number of keys')
  cursor.ahead = keyCount * MIN_KEY_BYTES + tensorCount * MIN_TENSOR_BYTES
  const metadata = readMetadata(cursor, keyCount)
  const alignment = alignmentOf(cursor, metadata)
  const architecture = metadata.get('general.architecture')
  if (architecture && typeof architecture.value !== 'string') throw cursor.corrupt('general.architecture', 'a STRING', architecture.type)

  const { entries, unreadable } = readEntries(cursor, tensorCount)
  const dataStart = Math.ceil(cursor.at / alignment) * alignment
  const tensors = new Map<string, GgufTensor>()
  for (const [name, { type, shape, bytes, offset }] of entries) {
    if (offset % alignment !== 0) throw cursor.corrupt(`the offset of tensor ${name}`, `a multiple of ${alignment}`, `${offset}`)
    const start = dataStart + offset
    if (start + bytes > fileBytes) {
      throw cursor.corrupt(
        `tensor ${name}`,
        `to end within the file's ${fileBytes} bytes`,
        `an end at byte ${start + bytes}`,
        'the file may be truncated: download it again',
      )
    }
    tensors.set(name, { type, shape, start, end: start + bytes })
  }
  refuseOverlap(cursor, tensors)
  const values = new Map([...metadata].map(([key, { value }]) => [key, value]))
  return { version, architecture: architecture?.value as string | undefined, alignment, metadata: values, tensors, unreadable }
}

function readVersion(cursor: GgufCursor): number {
  cursor.ahead = 4 + 8 + 8 // the version and the two counts
  const magic = cursor.u32('the first 4 bytes')
  const first = [0, 8, 16, 24].map((shift) => (magic >>> shift) & 255)
  if (first.join() !== GGUF_MAGIC.join()) {
    const bytes = first.map((byte) => byte.toString(16).padStart(2, '0')).join(' ')
    throw cursor.corrupt('the first 4 bytes', '47 47 55 46 ("GGUF")', bytes, 'this is not a GGUF file')
  }
  cursor.ahead -= 4
  const version = cursor.u32('the version')
  // versions 2 and 3 byte-swapped
  if (version !== 0 && (version & 0xffff) === 0) throw cursor.corrupt('the byte order', 'little-endian', 'big-endian', "use the model's little-endian file")
  if (version !== 2 && version !== 3) throw cursor.corrupt('the version', '2 or 3', `${version}`, 'convert the model with a current llama.cpp')
  cursor.ahead -= 8
  return version
}

function readCount(cursor: GgufCursor, what: string): number {
  const count = cursor.u64(what)
  cursor.ahead = 0
  if (count > MAX_COUNT) throw cursor.corrupt(what, `at most ${MAX_COUNT}`, `${count}`)
  return count
}

function alignmentOf(cursor: GgufCursor, metadata: ReadonlyMap<string, TypedValue>): number {
  const found = metadata.get('general.alignment')
  if (!found) return DEFAULT_ALIGNMENT
  const { type, value } = found
  if (type !== 'UINT32') throw cursor.corrupt('general.alignment', 'a UINT32', type)
  // the format requires a multiple of 8, llama.cpp a power of two
  if (typeof value !== 'number' || value < 8 || (value & (value - 1)) !== 0) {
    throw cursor.corrupt('general.alignment', 'a power of two, 8 or more', String(value))
  }
  return value
}

/** A tensor entry of the header: `offset` is relative to the start of the data, which is known only after the last entry. */
interface Entry {
  type: GgmlType
  shape: readonly number[]
  bytes: number
  offset: number
}

function readEntries(cursor: GgufCursor, count: number): { entries: Map<string, Entry>; unreadable: Map<string, { type: string; shape: readonly number[] }> } {
  const entries = new Map<string, Entry>()
  const unreadable = new Map<string, { type: string; shape: readonly number[] }>()
  for (let i = 0; i < count; i++) {
    cursor.ahead -= MIN_TENSOR_BYTES
    const name = cursor.text(`the name of tensor ${i}`, MAX_TENSOR_NAME_BYTES)
    if (name === '') throw cursor.corrupt(`the name of tensor ${i}`, 'a name', 'none')
    if (entries.has(name) || unreadable.has(name)) throw cursor.corrupt(`tensor ${name}`, 'one entry', 'two')
    const { type, shape, offset } = readEntry(cursor, name)
    if (isReadable(type)) entries.set(name, { type, shape, offset, bytes: bytesOf(cursor, name, type, shape) })
    else unreadable.set(name, { type, shape })
  }
  return { entries, unreadable }
}

function readEntry(cursor: GgufCursor, name: string): { type: string; shape: readonly number[]; offset: number } {
  const dimCount = cursor.u32(`the number of dims of tensor ${name}`)
  if (dimCount < 1 || dimCount > MAX_DIMS) throw cursor.corrupt(`the number of dims of tensor ${name}`, `1 to ${MAX_DIMS}`, `${dimCount}`)
  const shape: number[] = []
  let elements = 1
  for (let i = 0; i < dimCount; i++) {
    const size = cursor.u64(`dim ${i} of tensor ${name}`)
    if (size < 1) throw cursor.corrupt(`dim ${i} of tensor ${name}`, 'at least 1', `${size}`)
    elements *= size
    shape.unshift(size)
  }
  if (!Number.isSafeInteger(elements)) throw cursor.corrupt(`tensor ${name}`, 'fewer than 2^53 values', `[${shape.join(', ')}]`)

  const type = ggmlTypeName(cursor.u32(`the type of tensor ${name}`))
  return { type, shape, offset: cursor.u64(`the offset of tensor ${name}`) }
}

function bytesOf(cursor: GgufCursor, name: string, type: GgmlType, shape: readonly number[]): number {
  const block = GGML_BLOCKS[type]
  const row = shape.at(-1) ?? 1
  if (row % block.values !== 0) throw cursor.corrupt(`a row of tensor ${name}`, `a multiple of ${type}'s ${block.values} values`, `${row}`)
  return (shape.reduce((product, size) => product * size, 1) / block.values) * block.bytes
}

/** Padding between tensors is allowed, overlap is not. */
function refuseOverlap(cursor: GgufCursor, tensors: ReadonlyMap<string, GgufTensor>): void {
  let previous = { name: '', end: 0 }
  for (const [name, { start, end }] of [...tensors].sort((a, b) => a[1].start - b[1].start)) {
    if (start < previous.end)
      throw cursor.corrupt(`tensor ${name}`, `to start at byte ${previous.end} or later, where tensor ${previous.name} ends`, `byte ${start}`)
    previous = { name, end }
  }
}
