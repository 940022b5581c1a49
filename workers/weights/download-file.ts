// One file between its server and this disk, chunk by chunk: what is here is read and checked, what is not is fetched and kept.
import { AppError } from '../../src/shared/errors'
import { chunkCount, chunkRange, keptBytes, type Journal } from '../storage/download-journal'
import { StoredChunks } from '../storage/download-store'
import type { ByteSource } from './byte-source'
import { openHttpSource, type HttpSource, type HttpSourceOptions } from './http-source'
import { sha256Hex } from './sha256'

/** Bytes of a chunk: what a kill costs at most, and what is in memory at a time. */
export const CHUNK_BYTES = 16 * 2 ** 20

/** Which file, and where from. */
export interface DownloadTarget {
  /** id of its source: the folder on this disk */
  source: string
  /** within the repository */
  path: string
  url: string
  /** what it is known to be */
  pin?: { bytes: number; sha256: string }
  /** of files that are begun now; those that were begun before keep theirs */
  chunkBytes?: number
}

/** How it is watched; `delays` as HttpSource has them. */
export type DownloadHooks = Pick<HttpSourceOptions, 'onBytes' | 'onRetry' | 'delays'>

/** A file on this disk that its server completes. As a ByteSource it fetches what is asked for and no more, and keeps it. */
export class DownloadFile implements ByteSource {
  readonly name: string
  private server: HttpSource | undefined
  /** the chunk that was read last: headers are read in many small pieces */
  private latest: { chunk: number; bytes: Uint8Array<ArrayBuffer> } | undefined

  private constructor(
    private readonly target: DownloadTarget,
    private readonly hooks: DownloadHooks,
    private readonly stored: StoredChunks,
  ) {
    this.name = target.path
  }

  /**
   * Opens it on this disk. The server is asked only where nothing is here yet.
   * @throws AppError weights-missing, weights-corrupt when it is another file than the pin or the journal says, storage-full
   */
  static async open(signal: AbortSignal, target: DownloadTarget, hooks: DownloadHooks = {}): Promise<DownloadFile> {
    const file = new DownloadFile(target, hooks, await StoredChunks.open(target.source, target.path))
    try {
      const { pin, path } = target
      if (file.stored.journal && pin && pin.bytes !== file.stored.journal.header.bytes) {
        throw new AppError('weights-corrupt', `What is here of ${path} is of another version: expected ${pin.bytes} bytes, found ${file.stored.journal.header.bytes}; delete the download and begin again.`, { file: path, expected: pin.bytes, found: file.stored.journal.header.bytes })
      }
      if (!file.stored.journal) await file.begin(signal)
      return file
    } catch (error) {
      file.close()
      throw error
    }
  }

  get journal(): Journal {
    if (!this.stored.journal) throw new Error(`${this.name} was not begun`)
    return this.stored.journal
  }

  get bytes(): number {
    return this.journal.header.bytes
  }

  /** bytes on this disk */
  get kept(): number {
    return keptBytes(this.journal)
  }

  get chunks(): number {
    return chunkCount(this.journal.header)
  }

  /** What was learnt of the server; null when it was not asked. */
  get resumable(): boolean | null {
    return this.server?.resumable ?? null
  }

  async read(signal: AbortSignal, start: number, end: number): Promise<Uint8Array<ArrayBuffer>> {
    if (start < 0 || end > this.bytes || start > end) throw new RangeError(`${this.name}: bytes ${start} to ${end} of ${this.bytes}`)
    const target = new Uint8Array(end - start)
    for (let filled = 0; filled < target.length; ) {
      const chunk = Math.floor((start + filled) / this.journal.header.chunkBytes)
      const bytes = await this.chunk(signal, chunk)
      const from = start + filled - chunkRange(this.journal.header, chunk).start
      const piece = bytes.subarray(from, from + target.length - filled)
      target.set(piece, filled)
      filled += piece.length
    }
    return target
  }

  /**
   * One chunk, right: from the disk if its hash is still the same there, else from the server.
   * @throws AppError weights-missing, weights-corrupt, storage-full; the signal's reason when it fires
   */
  async chunk(signal: AbortSignal, chunk: number): Promise<Uint8Array<ArrayBuffer>> {
    if (this.latest?.chunk === chunk) return this.latest.bytes
    const bytes = (await this.checked(chunk)) ?? (await this.fetch(signal, chunk))
    this.latest = { chunk, bytes }
    return bytes
  }

  /** A chunk that is here; undefined when it is not, or was found damaged (which is noted). */
  async checked(chunk: number): Promise<Uint8Array<ArrayBuffer> | undefined> {
    if (!this.journal.here.has(chunk)) return undefined
    const bytes = this.stored.read(chunk)
    if ((await sha256Hex(bytes)) === this.journal.hashes.get(chunk)) return bytes
    this.stored.markDamaged(chunk)
    return undefined
  }

  /** Asks the server, once. */
  async connect(signal: AbortSignal): Promise<HttpSource> {
    if (this.server) return this.server
    const { url, path, pin } = this.target
    const header = this.stored.journal?.header
    if (header && header.url !== url && !pin) {
      throw new AppError('weights-corrupt', `${path} was begun at another address, and no hash is known to tell whether this one has the same: go back to ${header.url}, or delete the download.`, { file: path, expected: header.url, found: url })
    }
    // hosts behind one address may name the same bytes differently from one day to the next: where the hash is known, it decides
    const expected = header && { bytes: header.bytes, etag: pin ? null : header.etag }
    this.server = await openHttpSource(signal, url, path, { ...this.hooks, expected })
    return this.server
  }

  /** Notes that all of it was read and has this hash. */
  finish(whole: string): void {
    this.stored.finish(whole)
  }

  /** Throws away what is here: as many bytes as the file has, but not the right ones. */
  discard(): void {
    this.latest = undefined
    this.stored.begin(this.journal.header)
  }

  close(): void {
    this.stored.close()
  }

  private async begin(signal: AbortSignal): Promise<void> {
    const { url, path, pin, chunkBytes = CHUNK_BYTES } = this.target
    const { bytes, etag } = await this.connect(signal)
    if (pin && pin.bytes !== bytes) {
      throw new AppError('weights-corrupt', `${path} is another file there than the one that Kinora knows: expected ${pin.bytes} bytes, found ${bytes}; the mirror may have another version.`, { file: path, url, expected: pin.bytes, found: bytes })
    }
    this.stored.begin({ schemaVersion: 1, url, bytes, etag, chunkBytes })
  }

  private async fetch(signal: AbortSignal, chunk: number): Promise<Uint8Array<ArrayBuffer>> {
    const server = await this.connect(signal)
    const { start, end } = chunkRange(this.journal.header, chunk)
    const bytes = await server.read(signal, start, end)
    const found = await sha256Hex(bytes)
    const expected = this.journal.hashes.get(chunk)
    if (expected !== undefined && found !== expected) {
      throw new AppError('weights-corrupt', `Bytes ${start} to ${end} of ${this.name} came with another hash than at first: expected SHA-256 ${expected}, found ${found}. Try again; if it stays so, delete the download.`, {
        file: this.name,
        expected,
        found,
      })
    }
    this.stored.write(chunk, bytes, found)
    return bytes
  }
}
