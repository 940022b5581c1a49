// The header of a safetensors file: u64 little-endian length, then JSON that says where each tensor's bytes are.
// https://github.com/huggingface/safetensors#format
import * as v from 'valibot'
import { AppError } from '../../src/shared/errors'

/** Bytes of one element of each dtype that Kinora reads. */
export const DTYPE_BYTES = { F32: 4, F16: 2, BF16: 2, F8_E4M3: 1, I8: 1, U8: 1, I64: 8, I32: 4 } as const
export type Dtype = keyof typeof DTYPE_BYTES

/** Where one tensor lies: row-major little-endian bytes of `shape` elements. */
export interface TensorPlace {
  dtype: Dtype
  shape: readonly number[]
  /** bytes from the file's beginning; `end` is the first byte after it */
  start: number
  end: number
}

/** What the header says, once it is known not to lie. */
export interface SafetensorsHeader {
  /** free text of the file: `__metadata__` */
  metadata: Readonly<Record<string, string>>
  tensors: ReadonlyMap<string, TensorPlace>
}

const size = v.pipe(v.number(), v.safeInteger(), v.minValue(0))
const EntrySchema = v.strictObject({
  dtype: v.picklist(Object.keys(DTYPE_BYTES) as Dtype[]),
  shape: v.array(size),
  data_offsets: v.strictTuple([size, size]),
})

/** Bytes that say how long the header is. */
export const LENGTH_BYTES = 8

/** The reference reader's own limit: a longer header is an attack or a mistake. */
const MAX_HEADER_BYTES = 100_000_000

/**
 * The length of the JSON, which begins at byte 8.
 * @param first the file's first 8 bytes, or more
 * @param fileBytes length of the whole file
 * @throws AppError weights-corrupt
 */
export function headerLength(first: Uint8Array, fileBytes: number, file: string): number {
  const corrupt = corruptError(file)
  if (fileBytes < LENGTH_BYTES || first.length < LENGTH_BYTES) throw corrupt(`expected at least ${LENGTH_BYTES} bytes, got ${Math.min(fileBytes, first.length)}`)
  if (isZip(first) || isPickle(first)) throw corrupt('it is a PyTorch pickle, which can run code when it is opened; use the .safetensors file of the same model')
  const length = new DataView(first.buffer, first.byteOffset, LENGTH_BYTES).getBigUint64(0, true)
  if (length > BigInt(Math.min(MAX_HEADER_BYTES, fileBytes - LENGTH_BYTES))) {
    throw corrupt(`the header claims ${length} bytes in a file of ${fileBytes}`)
  }
  return Number(length)
}

/**
 * Reads the JSON and checks that the tensors tile the data exactly: no hole, no overlap, no name twice.
 * @param json the header's bytes, as long as `headerLength` says
 * @throws AppError weights-corrupt
 */
export function parseSafetensorsHeader(json: Uint8Array, fileBytes: number, file: string): SafetensorsHeader {
  const corrupt = corruptError(file)
  const dataStart = LENGTH_BYTES + json.length
  const { __metadata__: rawMetadata, ...rawEntries } = parseObject(json, corrupt)
  const metadata = rawMetadata ?? {}
  if (!isTextMap(metadata)) throw corrupt('__metadata__ is not a map of text to text')

  const tensors = new Map<string, TensorPlace>()
  for (const [name, raw] of Object.entries(rawEntries)) {
    const entry = v.safeParse(EntrySchema, raw)
    if (!entry.success) throw corrupt(`tensor ${name}: ${entry.issues[0].message}`)
    const { dtype, shape, data_offsets: [start, end] } = entry.output
    const expected = shape.reduce((product, n) => product * n, DTYPE_BYTES[dtype])
    if (end - start !== expected) throw corrupt(`tensor ${name}: ${dtype} [${shape.join(', ')}] takes ${expected} bytes, the header gives ${end - start}`)
    if (dataStart + end > fileBytes) throw corrupt(`tensor ${name} ends at byte ${dataStart + end} of a file of ${fileBytes}`)
    tensors.set(name, { dtype, shape, start: dataStart + start, end: dataStart + end })
  }

  // no holes and no overlaps, as the format asks: bytes that no tensor owns could hide anything
  let next = dataStart
  for (const { start, end } of [...tensors.values()].sort((a, b) => a.start - b.start || a.end - b.end)) {
    if (start !== next) throw corrupt(`the tensors leave a hole or overlap at byte ${Math.min(start, next) - dataStart} of the data`)
    next = end
  }
  if (next !== fileBytes) throw corrupt(`the tensors end at byte ${next}, the file at ${fileBytes}`)
  return { metadata, tensors }
}

type Corrupt = (reason: string) => AppError

function corruptError(file: string): Corrupt {
  return (reason) => new AppError('weights-corrupt', `${file} is not readable as safetensors: ${reason}.`, { file, reason })
}

/** A zip archive, as torch.save writes since 1.6. */
function isZip(first: Uint8Array): boolean {
  return first[0] === 0x50 && first[1] === 0x4b && first[2] === 0x03 && first[3] === 0x04
}

/** Pickle protocol 2 to 5 begins with 0x80 and its number; what follows would make a header of many terabytes. */
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
    throw corrupt('its header is not JSON')
  }
  if (typeof header !== 'object' || header === null || Array.isArray(header)) throw corrupt('its header is not an object')
  const twice = repeatedKey(text)
  if (twice !== undefined) throw corrupt(`tensor ${twice} is listed twice`)
  return header as Record<string, unknown>
}

/** The first key that an object's JSON has twice at its top level; JSON.parse keeps the last one and tells nobody. `text` is valid JSON. */
function repeatedKey(text: string): string | undefined {
  const seen = new Set<string>()
  let depth = 0
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\.)*"\s*:?|[{}[\]]/gs)) {
    if (token === '{' || token === '[') depth++
    else if (token === '}' || token === ']') depth--
    else if (depth === 1 && token.endsWith(':')) {
      const key = JSON.parse(token.slice(0, -1)) as string
      if (seen.has(key)) return key
      seen.add(key)
    }
  }
  return undefined
}

/** valibot's record would drop keys such as "prototype". */
function isTextMap(value: unknown): value is Record<string, string> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && Object.values(value).every((text) => typeof text === 'string')
}
