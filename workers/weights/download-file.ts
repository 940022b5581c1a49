// A file being downloaded, chunk by chunk: chunks on the disk are read and verified, missing ones are fetched and written.
import { AppError } from '../../src/shared/errors'
import { chunkCount, chunkRange, downloadedBytes, type Journal } from '../storage/download-journal'
import { ChunkStore } from '../storage/download-store'
import type { ByteSource } from './byte-source'
import { openHttpSource, type HttpSource, type HttpSourceOptions } from './http-source'
import { sha256Hex } from './sha256'

/** Bytes of a chunk: lost at most when the browser is killed, and in memory at a time. */
export const CHUNK_BYTES = 16 * 2 ** 20

/** Which file to download, and from where. */
export interface DownloadTarget {
  /** of the CatalogueEntry: the folder in OPFS */
  entryId: string
  /** within the repository */
  path: string
  url: string
  /** known length and hash */
  pin?: { bytes: number; sha256: string }
  /** for new downloads; those that were started before keep theirs */
  chunkBytes?: number
}

/** Progress callbacks and retry delays, as in HttpSourceOptions. */
export type DownloadHooks = Pick<HttpSourceOptions, 'onBytes' | 'onRetry' | 'delays'>

/** A partly downloaded file. As a ByteSource it fetches only the chunks that are read, and writes them to the disk. */
export class DownloadFile implements ByteSource {
  readonly name: string
  private server: HttpSource | undefined
  /** the last chunk read: headers are read in many small pieces */
  private latest: { chunk: number; bytes: Uint8Array<ArrayBuffer> } | undefined

  private constructor(
    private readonly target: DownloadTarget,
    private readonly hooks: DownloadHooks,
    private readonly store: ChunkStore,
  ) {
    this.name = target.path
  }

  /**
   * Opens the file in OPFS. The server is only contacted for a new download.
   * @throws AppError weights-missing, weights-corrupt when its length differs from the pin or the journal, storage-full
   */
  static async open(signal: AbortSignal, target: DownloadTarget, hooks: DownloadHooks = {}): Promise<DownloadFile> {
    const file = new DownloadFile(target, hooks, await ChunkStore.open(target.entryId, target.path))
    try {
      const { pin, path } = target
      if (file.store.journal && pin && pin.bytes !== file.store.journal.header.bytes) {
        throw new AppError(
          'weights-corrupt',
          `The downloaded part of ${path} is of another version: expected a file of ${pin.bytes} bytes, got one of ${file.store.journal.header.bytes}; delete the download and start again.`,
          { file: path, expected: pin.bytes, found: file.store.journal.header.bytes },
        )
      }
      if (!file.store.journal) await file.start(signal)
      return file
    } catch (error) {
      file.close()
      throw error
    }
  }

  get journal(): Journal {
    if (!this.store.journal) throw new Error(`${this.name}: the download was not started.`)
    return this.store.journal
  }

  get bytes(): number {
    return this.journal.header.bytes
  }

  /** bytes on the disk */
  get downloadedBytes(): number {
    return downloadedBytes(this.journal)
  }

  get chunks(): number {
    return chunkCount(this.journal.header)
  }

  /** Whether the server sends parts of files; null if it was not contacted. */
  get resumable(): boolean | null {
    return this.server?.resumable ?? null
  }

  async read(signal: AbortSignal, start: number, end: number): Promise<Uint8Array<ArrayBuffer>> {
    if (start < 0 || end > this.bytes || start > end) throw new RangeError(`${this.name}: bytes ${start} to ${end} of ${this.bytes}`)
    const target = new Uint8Array(end - start)
    for (let filled = 0; filled < target.length;) {
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
   * A verified chunk: from the disk if its hash matches there, else from the server.
   * @throws AppError weights-missing, weights-corrupt, storage-full; the signal's reason when it fires
   */
  async chunk(signal: AbortSignal, chunk: number): Promise<Uint8Array<ArrayBuffer>> {
    if (this.latest?.chunk === chunk) return this.latest.bytes
    const bytes = (await this.checked(chunk)) ?? (await this.fetch(signal, chunk))
    this.latest = { chunk, bytes }
    return bytes
  }

  /** A chunk from the disk; undefined if it is missing, or damaged (which is recorded in the journal). */
  async checked(chunk: number): Promise<Uint8Array<ArrayBuffer> | undefined> {
    if (!this.journal.present.has(chunk)) return undefined
    const bytes = this.store.read(chunk)
    if ((await sha256Hex(bytes)) === this.journal.hashes.get(chunk)) return bytes
    this.store.markDamaged(chunk)
    return undefined
  }

  /** Contacts the server, once. */
  async connect(signal: AbortSignal): Promise<HttpSource> {
    if (this.server) return this.server
    const { url, path, pin } = this.target
    const header = this.store.journal?.header
    if (header && header.url !== url && !pin) {
      throw new AppError(
        'weights-corrupt',
        `${path}: expected the address ${header.url} where the download was started, got ${url}, and without a known hash the two cannot be compared: use the first address again, or delete the download.`,
        { file: path, expected: header.url, found: url },
      )
    }
    // servers behind one address may give the same file different ETags: ignore them if the hash is known
    const expected = header && { bytes: header.bytes, etag: pin ? null : header.etag }
    this.server = await openHttpSource(signal, url, path, { ...this.hooks, expected })
    return this.server
  }

  /** Records the verified hash of the whole file. */
  finish(whole: string): void {
    this.store.finish(whole)
  }

  /** Discards all chunks: the complete file has the wrong hash. */
  discard(): void {
    this.latest = undefined
    this.store.start(this.journal.header)
  }

  close(): void {
    this.store.close()
  }

  private async start(signal: AbortSignal): Promise<void> {
    const { url, path, pin, chunkBytes = CHUNK_BYTES } = this.target
    const { bytes, etag } = await this.connect(signal)
    if (pin && pin.bytes !== bytes) {
      throw new AppError(
        'weights-corrupt',
        `${path} has the wrong length on the server: expected ${pin.bytes} bytes, got ${bytes}; the mirror may have another version.`,
        { file: path, url, expected: pin.bytes, found: bytes },
      )
    }
    this.store.start({ schemaVersion: 1, url, bytes, etag, chunkBytes })
  }

  private async fetch(signal: AbortSignal, chunk: number): Promise<Uint8Array<ArrayBuffer>> {
    const server = await this.connect(signal)
    const { start, end } = chunkRange(this.journal.header, chunk)
    const bytes = await server.read(signal, start, end)
    const found = await sha256Hex(bytes)
    const expected = this.journal.hashes.get(chunk)
    if (expected !== undefined && found !== expected) {
      throw new AppError(
        'weights-corrupt',
        `Bytes ${start} to ${end} of ${this.name} differ from those received before: expected SHA-256 ${expected}, got ${found}. Try again; if that fails too, delete the download.`,
        {
          file: this.name,
          expected,
          found,
        },
      )
    }
    this.store.write(chunk, bytes, found)
    return bytes
  }
}
