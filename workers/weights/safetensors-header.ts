// The header of a safetensors file: a u64 little-endian length, then JSON with the byte range of each tensor.
// https://github.com/huggingface/safetensors#format
import * as v from 'valibot'
import { AppError, cutText } from '../../src/shared/errors'
import { listUpTo, misfitOf, MOST } from '../../src/shared/file-bounds'

/** Bytes of one element of each dtype that Kinora reads. */
export const DTYPE_BYTES = { F32: 4, F16: 2, BF16: 2, F8_E4M3: 1, F8_E5M2: 1, I8: 1, U8: 1, I64: 8, I32: 4 } as const
export type Dtype = keyof typeof DTYPE_BYTES

/** Bits of one element of the format's other dtypes. A file may have such tensors, as long as nobody needs them. */
const OTHER_BITS: Readonly<Record<string, number>> = {
  F4: 4,
  F6_E2M3: 6,
  F6_E3M2: 6,
  BOOL: 8,
  F8_E4M3FNUZ: 8,
  F8_E5M2FNUZ: 8,
  F8_E8M0: 8,
  I16: 16,
  U16: 16,
  U32: 32,
  C64: 64,
  F64: 64,
  U64: 64,
}

/** A tensor in a file: row-major little-endian bytes of `shape` elements. */
export interface TensorRange {
  dtype: Dtype
  shape: readonly number[]
  /** byte range in the file; `end` is exclusive */
  start: number
  end: number
}

/** A validated header. */
export interface SafetensorsHeader {
  /** free text of the file: `__metadata__` */
  metadata: Readonly<Record<string, string>>
  tensors: ReadonlyMap<string, TensorRange>
  /** tensors of the format's other dtypes, which Kinora cannot read: an error only where one of them is needed */
  unreadable: ReadonlyMap<string, Omit<TensorRange, 'dtype'> & { dtype: string }>
}

/** Of a tensor's shape. */
const MAX_DIMS = 16
const size = v.pipe(v.number(), v.safeInteger(), v.minValue(0))
const EntrySchema = v.strictObject({
  dtype: v.string(),
  shape: listUpTo(size, MAX_DIMS),
  data_offsets: v.strictTuple([size, size]),
})

/** The entry that is no tensor. */
const METADATA = '__metadata__'

/** Bytes of the header's length. */
export const LENGTH_BYTES = 8

/**
 * Bytes of the longest header that is read. Those of the largest models have some 200 kB; the reference implementation reads 100 MB, which
 * takes a browser many seconds and a gigabyte.
 */
const MAX_HEADER_BYTES = 2 ** 24

/**
 * The length of the JSON, which starts at byte 8.
 * @param first the file's first 8 bytes, or more
 * @param fileBytes length of the whole file
 * @throws AppError weights-corrupt
 */
export function headerLength(first: Uint8Array, fileBytes: number, file: string): number {
  const corrupt = corruptError(file)
  if (fileBytes < LENGTH_BYTES || first.length < LENGTH_BYTES)
    throw corrupt(`expected at least ${LENGTH_BYTES} bytes, got ${Math.min(fileBytes, first.length)}`)
  if (isZip(first) || isPickle(first))
    throw corrupt('it is a PyTorch pickle, which can run code when it is loaded; use the .safetensors file of the same model')
  const length = new DataView(first.buffer, first.byteOffset, LENGTH_BYTES).getBigUint64(0, true)
  const most = Math.min(MAX_HEADER_BYTES, fileBytes - LENGTH_BYTES)
  if (length > BigInt(most)) throw corrupt(`expected a header of at most ${most} bytes, got ${length}; the file may be truncated: download it again`)
  return Number(length)
}

/**
 * Parses the JSON and checks that the tensors cover the data exactly: no gap, no overlap, no duplicate name.
 * @param json the header's bytes, of the length given by `headerLength`
 * @throws AppError weights-corrupt
 */
export function parseSafetensorsHeader(json: Uint8Array, fileBytes: number, file: string): SafetensorsHeader {
  const corrupt = corruptError(file)
  const dataStart = LENGTH_BYTES + json.length
  const header = parseObject(json, corrupt)
  const metadata = (Object.hasOwn(header, METADATA) ? header[METADATA] : undefined) ?? {}
  if (!isStringMap(metadata)) throw corrupt('expected __metadata__ to be an object of strings')

  const tensors = new Map<string, TensorRange>()
  const unreadable = new Map<string, Omit<TensorRange, 'dtype'> & { dtype: string }>()
  const entries = Object.entries(header).filter(([key]) => key !== METADATA)
  if (entries.length > MOST.tensors) throw corrupt(`expected at most ${MOST.tensors} tensors, got ${entries.length}`)
  for (const [key, raw] of entries) {
    const name = cutText(key)
    const entry = v.safeParse(EntrySchema, raw, { abortEarly: true })
    if (!entry.success) throw corrupt(`tensor ${name}: ${misfitOf(entry.issues[0]).text}`)
    const {
      dtype,
      shape,
      data_offsets: [start, end],
    } = entry.output
    const elementBytes = isDtype(dtype) ? DTYPE_BYTES[dtype] : Object.hasOwn(OTHER_BITS, dtype) ? OTHER_BITS[dtype]! / 8 : undefined
    if (elementBytes === undefined) throw corrupt(`tensor ${name}: expected a dtype of the format (${Object.keys(DTYPE_BYTES).join(', ')}, …), got ${dtype}`)
    const expected = shape.reduce((product, n) => product * n, elementBytes)
    if (end - start !== expected) throw corrupt(`tensor ${name}: expected ${expected} bytes for ${dtype} [${shape.join(', ')}], got ${end - start}`)
    if (dataStart + end > fileBytes)
      throw corrupt(
        `tensor ${name}: expected an end within the file's ${fileBytes} bytes, got byte ${dataStart + end}; the file may be truncated: download it again`,
      )
    const range = { shape, start: dataStart + start, end: dataStart + end }
    if (isDtype(dtype)) tensors.set(key, { dtype, ...range })
    else unreadable.set(key, { dtype, ...range })
  }

  // the format allows no gaps and no overlaps: unowned bytes could hide anything
  let next = dataStart
  for (const { start, end } of [...tensors.values(), ...unreadable.values()].sort((a, b) => a.start - b.start || a.end - b.end)) {
    if (start !== next) throw corrupt(`the tensors have a gap or overlap at byte ${Math.min(start, next) - dataStart} of the data`)
    next = end
  }
  if (next !== fileBytes) throw corrupt(`expected the tensors to end at byte ${fileBytes}, as the file does, got ${next}`)
  return { metadata, tensors, unreadable }
}

function isDtype(name: string): name is Dtype {
  return Object.hasOwn(DTYPE_BYTES, name)
}

type Corrupt = (reason: string) => AppError

function corruptError(file: string): Corrupt {
  return (reason) => new AppError('weights-corrupt', `${file} is not readable as safetensors: ${reason}.`, { file, reason })
}

/** A zip archive, as torch.save writes since 1.6. */
function isZip(first: Uint8Array): boolean {
  return first[0] === 0x50 && first[1] === 0x4b && first[2] === 0x03 && first[3] === 0x04
}

/** Pickle protocols 2 to 5 start with 0x80 and their number; read as a length, the bytes after that would be terabytes. */
function isPickle(first: Uint8Array): boolean {
  return first[0] === 0x80 && (first[1] ?? 0) >= 2 && (first[1] ?? 0) <= 5 && first.subarray(4, LENGTH_BYTES).some((byte) => byte !== 0)
}

function parseObject(bytes: Uint8Array, corrupt: Corrupt): Record<string, unknown> {
  let text: string
  let header: unknown
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
    header = JSON.parse(text)
  } catch {
    throw corrupt('expected a header in JSON')
  }
  if (typeof header !== 'object' || header === null || Array.isArray(header)) throw corrupt('expected a header that is a JSON object')
  const duplicate = duplicateKey(text)
  if (duplicate !== undefined) throw corrupt(`expected one entry for tensor ${cutText(duplicate)}, got two`)
  return header as Record<string, unknown>
}

const [QUOTE, BACKSLASH, COLON, SPACE] = [0x22, 0x5c, 0x3a, 0x20]
const [OPEN_LIST, OPEN_OBJECT, CLOSE_LIST, CLOSE_OBJECT] = [0x5b, 0x7b, 0x5d, 0x7d]

/**
 * The first duplicate key at the top level of a JSON object, which JSON.parse would drop silently. `text` is valid JSON. Not by a regular
 * expression: one that takes strings of megabytes runs out of stack.
 */
function duplicateKey(text: string): string | undefined {
  const seen = new Set<string>()
  let depth = 0
  let at = 0
  while (at < text.length) {
    const code = text.charCodeAt(at)
    if (code === QUOTE) {
      const start = at++
      while (text.charCodeAt(at) !== QUOTE) at += text.charCodeAt(at) === BACKSLASH ? 2 : 1
      at++
      let next = at
      while (text.charCodeAt(next) <= SPACE) next++
      if (depth === 1 && text.charCodeAt(next) === COLON) {
        const key = JSON.parse(text.slice(start, at)) as string
        if (seen.has(key)) return key
        seen.add(key)
      }
    } else {
      if (code === OPEN_LIST || code === OPEN_OBJECT) depth++
      else if (code === CLOSE_LIST || code === CLOSE_OBJECT) depth--
      at++
    }
  }
  return undefined
}

/** Whether a value is an object of strings. valibot's record would drop keys such as "prototype". */
function isStringMap(value: unknown): value is Record<string, string> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && Object.values(value).every((text) => typeof text === 'string')
}
