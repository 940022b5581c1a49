// The tensors of a T5 encoder in a GGUF file, under the names that transformers gives them. Quantized ones are multiplied out as they are read.
import { AppError } from '../../src/shared/errors'
import type { ByteSource } from './byte-source'
import { readGgufHeader, rowsPlace, type GgufHeader, type GgufTensorPlace } from './gguf'
import { dequantizeRows } from './gguf-blocks'
import { t5NameOfGguf } from './gguf-t5-names'
import type { TableEntry, TensorTable } from './tensor-table'

/** Leading bytes that are read at first: T5-XXL's header, whose vocabulary is in it, takes about a megabyte. */
const FIRST_BYTES = 2 ** 20
/** A header is no longer than this; none of a text encoder comes near it. */
const MAX_HEADER_BYTES = 2 ** 26

/**
 * Reads the header of a GGUF file.
 * @throws AppError weights-corrupt, and what the source throws
 */
export async function openGgufHeader(signal: AbortSignal, source: ByteSource): Promise<GgufHeader> {
  let wanted = Math.min(FIRST_BYTES, source.bytes)
  for (;;) {
    const reading = readGgufHeader(await source.read(signal, 0, wanted), source.bytes, source.name)
    if (reading.done) return reading.header
    if (reading.bytesNeeded > MAX_HEADER_BYTES) {
      throw new AppError('weights-corrupt', `${source.name} is not readable as GGUF: expected a header of at most ${MAX_HEADER_BYTES} bytes, got more.`, { file: source.name })
    }
    wanted = Math.min(Math.max(reading.bytesNeeded, 2 * wanted), source.bytes)
  }
}

/**
 * Opens a T5 encoder's GGUF file.
 * @throws AppError weights-corrupt when it is none
 */
export async function openGgufT5Table(signal: AbortSignal, source: ByteSource): Promise<TensorTable> {
  const { tensors } = await openGgufHeader(signal, source)
  const places = new Map<string, GgufTensorPlace>()
  for (const [stored, place] of [...tensors].sort((a, b) => a[1].start - b[1].start)) {
    const name = t5NameOfGguf(stored)
    if (name !== undefined) places.set(name, place)
  }
  if (places.size === 0) {
    const found = [...tensors.keys()][0] ?? 'no tensors'
    throw new AppError('weights-corrupt', `${source.name} holds no T5 encoder: expected tensors such as enc.blk.0.attn_q.weight, found ${found}.`, { file: source.name, found })
  }
  return {
    name: source.name,
    metadata: {},
    entries: new Map([...places].map(([name, { type, shape }]): [string, TableEntry] => [name, { dtype: isPlain(type) ? type : 'F32', shape }])),
    async rows(signal, name, first, count) {
      const place = places.get(name)
      if (!place) throw new RangeError(`${source.name} has no tensor ${name}.`)
      const { start, end } = place.shape.length > 1 ? rowsPlace(place, first, count) : elementsPlace(place, first, count)
      const bytes = await source.read(signal, start, end)
      return isPlain(place.type) ? bytes : new Uint8Array(dequantizeRows(place.type, bytes).buffer)
    },
  }
}

/** Types that a safetensors file may have, too. */
function isPlain(type: string): type is 'F32' | 'F16' | 'BF16' {
  return type === 'F32' || type === 'F16' || type === 'BF16'
}

/** A vector is one row to GGUF; its elements are rows here. Those of llama.cpp's T5 are F32. */
function elementsPlace(place: GgufTensorPlace, first: number, count: number): { start: number; end: number } {
  const bytes = (place.end - place.start) / (place.shape[0] ?? 1)
  if (!isPlain(place.type)) throw new AppError('weights-corrupt', `A vector is ${place.type}, expected F32, F16 or BF16.`, { found: place.type })
  return { start: place.start + first * bytes, end: place.start + (first + count) * bytes }
}
