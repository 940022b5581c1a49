// A downloaded file as a byte source: read from OPFS alone, without any network request.
import { AppError } from '../../src/shared/errors'
import { chunkRange, type Journal } from '../storage/download-journal'
import { findDownloadedFile, readJournal } from '../storage/download-store'
import type { ByteSource } from './byte-source'
import { sha256Hex } from './sha256'

/** A completely downloaded file. */
export interface DownloadedSource extends ByteSource {
  /** of the whole file, in hex: the identity of its content, for cached copies */
  readonly sha256: string
}

/**
 * Opens a completely downloaded file. Each chunk's hash is verified when it is first read.
 * @param entryId of the CatalogueEntry
 * @param path of one of its files
 * @throws AppError weights-missing when it is not downloaded, or only in part
 */
export async function openDownloadedSource(signal: AbortSignal, entryId: string, path: string): Promise<DownloadedSource> {
  const [journal, file] = await Promise.all([readJournal(entryId, path), findDownloadedFile(entryId, path)])
  signal.throwIfAborted()
  if (journal === undefined || journal.whole === null || file === undefined) {
    const found = journal ? 'is only partly downloaded' : 'is not downloaded'
    throw new AppError('weights-missing', `${path} ${found}: download it in Models.`, { file: path, source: entryId, found })
  }
  return new VerifiedFile(path, journal, journal.whole, file)
}

class VerifiedFile implements DownloadedSource {
  readonly bytes: number
  private readonly verified = new Set<number>()

  constructor(
    readonly name: string,
    private readonly journal: Journal,
    readonly sha256: string,
    private readonly file: File,
  ) {
    this.bytes = journal.header.bytes
  }

  async read(signal: AbortSignal, start: number, end: number): Promise<Uint8Array<ArrayBuffer>> {
    if (start < 0 || end > this.bytes || start > end) throw new RangeError(`${this.name}: bytes ${start} to ${end} of ${this.bytes}`)
    const target = new Uint8Array(end - start)
    for (let at = start; at < end;) {
      signal.throwIfAborted()
      const chunk = Math.floor(at / this.journal.header.chunkBytes)
      const range = chunkRange(this.journal.header, chunk)
      const until = Math.min(range.end, end)
      target.set(await this.piece(chunk, range, at, until), at - start)
      at = until
    }
    signal.throwIfAborted()
    return target
  }

  /** Bytes inside one chunk; the whole chunk is read once to verify its hash. */
  private async piece(chunk: number, range: { start: number; end: number }, start: number, end: number): Promise<Uint8Array> {
    if (this.verified.has(chunk)) return this.slice(start, end)
    const bytes = await this.slice(range.start, range.end)
    const expected = this.journal.hashes.get(chunk) ?? null
    const found = await sha256Hex(bytes)
    if (found !== expected) {
      throw new AppError(
        'weights-corrupt',
        `${this.name} is damaged on this disk at bytes ${range.start} to ${range.end}: expected SHA-256 ${expected}, got ${found}. Verify it in Models, then download again: only the damaged chunk is fetched.`,
        {
          file: this.name,
          expected,
          found,
        },
      )
    }
    this.verified.add(chunk)
    return bytes.subarray(start - range.start, end - range.start)
  }

  private async slice(start: number, end: number): Promise<Uint8Array<ArrayBuffer>> {
    try {
      return new Uint8Array(await this.file.slice(start, end).arrayBuffer())
    } catch {
      throw new AppError('weights-missing', `${this.name} could not be read from this disk: it was deleted, or is being written. Download it in Models.`, {
        file: this.name,
      })
    }
  }
}
