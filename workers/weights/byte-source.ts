// Bytes that can be read piece by piece: a file on a server, on the user's disk, or in the origin's private file system.

/** A file of known length; nothing of it is in memory until it is read. */
export interface ByteSource {
  /** for errors */
  readonly name: string
  /** length in all */
  readonly bytes: number
  /**
   * Reads bytes `start` up to, not including, `end`: exactly that many.
   * @throws AppError weights-missing, weights-truncated, weights-corrupt; the signal's reason when it fires
   */
  read(signal: AbortSignal, start: number, end: number): Promise<Uint8Array<ArrayBuffer>>
}

/** A file of the user's disk or of OPFS, or bytes at hand. */
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
