// The header of a GGUF file (llama.cpp's format, versions 2 and 3, little-endian): metadata, and where each tensor's bytes are.
// https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
import { GgufCursor, MoreBytes } from './gguf-cursor'
import { MIN_KEY_BYTES, readMetadata, type GgufValue, type TypedValue } from './gguf-metadata'
import { GGML_BLOCKS, ggmlTypeName, isReadable, type GgmlType } from './gguf-types'

/** Where one tensor lies: `shape` values, row-major, each row whole blocks of `type`. */
export interface GgufTensorPlace {
  type: GgmlType
  /** as PyTorch has it, slowest dim first: ggml's `ne` reversed; a row is the last dim */
  shape: readonly number[]
  /** bytes from the file's beginning; `end` is the first byte after it */
  start: number
  end: number
}

/** What the header says, once it is known not to lie. */
export interface GgufHeader {
  version: number
  /** `general.architecture`: `t5encoder`, `t5`, …; some writers leave it out */
  architecture: string | undefined
  /** of every tensor's beginning, bytes */
  alignment: number
  metadata: ReadonlyMap<string, GgufValue>
  tensors: ReadonlyMap<string, GgufTensorPlace>
}

/** The header, or how many of the file's leading bytes it needs in all: at least that many, perhaps more. */
export type GgufReading = { done: true; header: GgufHeader } | { done: false; bytesNeeded: number }

const MAGIC = 0x46554747 // "GGUF"
const DEFAULT_ALIGNMENT = 32
const MAX_DIMS = 4
/** Far above any model's; what a lying header can make us keep is bounded by it. */
const MAX_COUNT = 65_536
/** ggml's own is 63; builds for image models raise it to 127. Bytes. */
const MAX_TENSOR_NAME_BYTES = 127
/** Bytes of the shortest entry: a name's length and one letter, the number of dims and one dim, type, offset. */
const MIN_TENSOR_BYTES = 8 + 1 + 4 + 8 + 4 + 8

/**
 * Reads the header from the file's leading bytes. With too few of them it answers how many it needs at least; who then
 * reads on does well to read more than that (say, twice what there is), since lengths are found only on the way.
 * @param leading the file's first bytes, as many as there are so far
 * @param fileBytes length of the whole file
 * @param file its name, for the error
 * @throws AppError weights-corrupt
 * @throws RangeError when `fileBytes` is no length
 */
export function readGgufHeader(leading: Uint8Array, fileBytes: number, file = 'GGUF file'): GgufReading {
  // of a file without end every length would be believed
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
 * The bytes of `count` rows of a tensor, `first` on: for an embedding table of which few rows are wanted.
 * @throws RangeError when the tensor has no such rows
 */
export function rowsPlace(tensor: GgufTensorPlace, first: number, count: number): { start: number; end: number } {
  const rows = tensor.shape.slice(0, -1).reduce((product, size) => product * size, 1)
  if (!Number.isInteger(first) || !Number.isInteger(count) || first < 0 || count < 0 || first + count > rows) {
    throw new RangeError(`rows ${first} to ${first + count} of a tensor of ${rows} rows`)
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

  const entries = readEntries(cursor, tensorCount)
  const dataStart = Math.ceil(cursor.at / alignment) * alignment
  const tensors = new Map<string, GgufTensorPlace>()
  for (const [name, { type, shape, bytes, offset }] of entries) {
    if (offset % alignment !== 0) throw cursor.corrupt(`the offset of tensor ${name}`, `a multiple of ${alignment}`, `${offset}`)
    const start = dataStart + offset
    if (start + bytes > fileBytes) {
      throw cursor.corrupt(`tensor ${name}`, `to end within the file's ${fileBytes} bytes`, `an end at byte ${start + bytes}`, 'the file may be cut short: download it again')
    }
    tensors.set(name, { type, shape, start, end: start + bytes })
  }
  refuseOverlap(cursor, tensors)
  const values = new Map([...metadata].map(([key, { value }]) => [key, value]))
  return { version, architecture: architecture?.value as string | undefined, alignment, metadata: values, tensors }
}

function readVersion(cursor: GgufCursor): number {
  cursor.ahead = 4 + 8 + 8 // the version and the two counts
  const magic = cursor.u32('the first 4 bytes')
  if (magic !== MAGIC) {
    const bytes = [0, 8, 16, 24].map((shift) => ((magic >>> shift) & 255).toString(16).padStart(2, '0')).join(' ')
    throw cursor.corrupt('the first 4 bytes', '47 47 55 46 ("GGUF")', bytes, 'this is another kind of file')
  }
  cursor.ahead -= 4
  const version = cursor.u32('the version')
  // 2 and 3 with their bytes the other way around
  if (version !== 0 && (version & 0xffff) === 0) throw cursor.corrupt('the byte order', 'little-endian', 'big-endian', "take the model's little-endian file")
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
  // the format asks for a multiple of 8, llama.cpp for a power of two
  if (typeof value !== 'number' || value < 8 || (value & (value - 1)) !== 0) {
    throw cursor.corrupt('general.alignment', 'a power of two, 8 or more', String(value))
  }
  return value
}

/** A tensor as the header lists it: `offset` counts from where the data begins, which is known only after the last entry. */
interface Entry {
  type: GgmlType
  shape: readonly number[]
  bytes: number
  offset: number
}

function readEntries(cursor: GgufCursor, count: number): Map<string, Entry> {
  const entries = new Map<string, Entry>()
  for (let i = 0; i < count; i++) {
    cursor.ahead -= MIN_TENSOR_BYTES
    const name = cursor.text(`the name of tensor ${i}`, MAX_TENSOR_NAME_BYTES)
    if (name === '') throw cursor.corrupt(`the name of tensor ${i}`, 'a name', 'none')
    if (entries.has(name)) throw cursor.corrupt(`tensor ${name}`, 'to be listed once', 'it twice')
    entries.set(name, readEntry(cursor, name))
  }
  return entries
}

function readEntry(cursor: GgufCursor, name: string): Entry {
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
  const offset = cursor.u64(`the offset of tensor ${name}`)
  const readable = Object.keys(GGML_BLOCKS).join(', ')
  if (!isReadable(type)) throw cursor.corrupt(`the type of tensor ${name}`, `one of ${readable}`, type, 'take the same model in one of those')
  const block = GGML_BLOCKS[type]
  const row = shape.at(-1) ?? 1
  if (row % block.values !== 0) throw cursor.corrupt(`a row of tensor ${name}`, `a multiple of ${type}'s ${block.values} values`, `${row}`)
  return { type, shape, bytes: (elements / block.values) * block.bytes, offset }
}

/** Padding between tensors is allowed, a byte that belongs to two of them is not. */
function refuseOverlap(cursor: GgufCursor, tensors: ReadonlyMap<string, GgufTensorPlace>): void {
  let before = { name: '', end: 0 }
  for (const [name, { start, end }] of [...tensors].sort((a, b) => a[1].start - b[1].start)) {
    if (start < before.end) throw cursor.corrupt(`tensor ${name}`, `to begin at byte ${before.end} or later, where tensor ${before.name} ends`, `byte ${start}`)
    before = { name, end }
  }
}
