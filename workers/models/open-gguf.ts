// GGUF files: recognized by their first bytes, and what they contain.
import { AppError } from '../../src/shared/errors'
import type { ByteSource } from '../weights/byte-source'
import { GGUF_MAGIC, readGgufHeader, type GgufHeader } from '../weights/gguf'
import { refuseShard } from '../weights/safetensors-table'
import { MAX_HEADER_BYTES } from '../weights/gguf-cursor'
import { checkpointKind, type CheckpointKind, type TensorShapes } from './checkpoint-kind'
import { t5NameOfGguf } from './t5/gguf-names'

/** Leading bytes of the first read: T5-XXL's header with its vocabulary takes about a megabyte. */
const FIRST_BYTES = 2 ** 20

/** Whether a file is GGUF, whatever its name: by its first bytes. */
export async function isGguf(signal: AbortSignal, source: ByteSource): Promise<boolean> {
  const first = await source.read(signal, 0, Math.min(GGUF_MAGIC.length, source.bytes))
  return first.length === GGUF_MAGIC.length && GGUF_MAGIC.every((byte, index) => first[index] === byte)
}

/**
 * Reads the header of a GGUF file.
 * @throws AppError weights-corrupt, and what the source throws
 */
export async function openGgufHeader(signal: AbortSignal, source: ByteSource): Promise<GgufHeader> {
  refuseShard(source.name)
  let wanted = Math.min(FIRST_BYTES, source.bytes)
  for (;;) {
    const reading = readGgufHeader(await source.read(signal, 0, wanted), source.bytes, source.name)
    if (reading.done) return reading.header
    if (reading.bytesNeeded > MAX_HEADER_BYTES) {
      throw new AppError(
        'weights-corrupt',
        `${source.name} is not readable as GGUF: expected a header of at most ${MAX_HEADER_BYTES} bytes, got one of at least ${reading.bytesNeeded}.`,
        { file: source.name },
      )
    }
    wanted = Math.min(Math.max(reading.bytesNeeded, 2 * wanted), source.bytes)
  }
}

/** What a GGUF file contains. @throws AppError weights-corrupt, naming the unsupported model if it is recognized */
export function ggufKind({ tensors, unreadable }: GgufHeader, file: string): CheckpointKind {
  // a T5 encoder has llama.cpp's names; converters of video models keep the original ones
  const named = [...tensors, ...unreadable].map(([name, { shape }]) => [t5NameOfGguf(name) ?? name, { shape }] as const)
  return checkpointKind(new Map(named) satisfies TensorShapes, file)
}
