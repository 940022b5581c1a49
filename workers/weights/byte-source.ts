// Random-access bytes: a file on a server, on the user's disk or in OPFS.
import { tooLarge } from '../../src/shared/file-bounds'

/** A file of known length; nothing is in memory before it is read. */
export interface ByteSource {
  /** for errors */
  readonly name: string
  /** length of the file */
  readonly bytes: number
  /**
   * Reads exactly the bytes from `start` up to, not including, `end`.
   * @throws AppError weights-missing, weights-truncated, weights-corrupt; the signal's reason when it fires
   */
  read(signal: AbortSignal, start: number, end: number): Promise<Uint8Array<ArrayBuffer>>
}

/** A file of the user's disk or of OPFS, or bytes in memory. */
export function blobSource(name: string, blob: Blob): ByteSource {
  return {
    name,
    bytes: blob.size,
    async read(signal, start, end) {
      signal.throwIfAborted()
      const bytes = new Uint8Array(await blob.slice(start, end).arrayBuffer())
      signal.throwIfAborted()
      return bytes
    },
  }
}

/**
 * Reads a small file whole: a config, an index, a tokenizer.
 * @param maxBytes the largest that is read
 * @throws AppError weights-corrupt when the file is larger, and what the source throws
 */
export async function readWhole(signal: AbortSignal, source: ByteSource, maxBytes: number): Promise<Uint8Array<ArrayBuffer>> {
  const { name, bytes } = source
  if (bytes > maxBytes) throw tooLarge(name, bytes, maxBytes, 'weights-corrupt')
  return source.read(signal, 0, bytes)
}
