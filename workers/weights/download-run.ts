// A download or verification of a catalogue entry, from the first request to the last hash, and its state for the page.
import type { DownloadPart, DownloadState, DownloadStatus } from '../../src/shared/worker-apis'
import { AppError, toErrorData, type ErrorData } from '../../src/shared/errors'
import { catalogueFileUrl, type CatalogueEntry, type CatalogueFile } from '../../src/shared/model-catalogue'
import { chunkCount, downloadedBytes, type Journal } from '../storage/download-journal'
import { readJournal, withDownloadLock } from '../storage/download-store'
import { measureFreeSpace, requireFreeSpace } from '../storage/free-space'
import { DownloadFile, type DownloadTarget } from './download-file'
import type { HttpSourceOptions } from './http-source'
import { Sha256 } from './sha256'
import { secondsLeft, TransferRate } from './transfer-rate'

/** Interval between reports of progress, milliseconds. */
const REPORT_MS = 100

export interface DownloadOptions {
  /** bytes of a chunk, for new downloads */
  chunkBytes?: number
  /** retry delays, as in HttpSourceOptions */
  delays?: HttpSourceOptions['delays']
}

/** The state of a catalogue entry on the disk, from its journals. */
export async function downloadedState(entry: CatalogueEntry): Promise<DownloadState> {
  const parts: DownloadPart[] = []
  let complete = true
  for (const { path, pin, aboutBytes } of entry.files) {
    const journal = await readJournal(entry.id, path)
    parts.push({ path, bytesDone: journal ? downloadedBytes(journal) : 0, bytesTotal: journal?.header.bytes ?? pin?.bytes ?? aboutBytes })
    complete &&= journal !== undefined && isVerified(journal, pin)
  }
  const some = parts.some(({ bytesDone }) => bytesDone > 0)
  const status = complete ? 'complete' : some ? 'paused' : 'absent'
  return { source: entry.id, status, parts, bytesPerSecond: null, secondsLeft: null, resumable: null, note: null, error: null }
}

/** Whether the whole file was verified, and has the known hash if there is one. */
function isVerified({ whole }: Journal, pin: CatalogueFile['pin']): boolean {
  return whole !== null && (pin === undefined || whole === pin.sha256)
}

/** A running download or verification. */
export class DownloadRun {
  private status: DownloadStatus = 'connecting'
  private note: string | null = null
  private resumable: boolean | null = null
  private parts: DownloadPart[]
  private readonly rate = new TransferRate()
  private reportedMs = 0

  /** @param onState called on every change of status, and for progress ten times a second */
  constructor(
    private readonly entry: CatalogueEntry,
    private readonly onState: (state: DownloadState) => void,
    private readonly options: DownloadOptions = {},
  ) {
    this.parts = entry.files.map(({ path, aboutBytes }) => ({ path, bytesDone: 0, bytesTotal: aboutBytes }))
  }

  state(): DownloadState {
    const bytesPerSecond = this.status === 'downloading' ? this.rate.bytesPerSecond(performance.now()) : null
    const rest = this.parts.reduce((sum, { bytesDone, bytesTotal }) => sum + bytesTotal - bytesDone, 0)
    return {
      source: this.entry.id,
      status: this.status,
      parts: this.parts.map((part) => ({ ...part })),
      bytesPerSecond,
      secondsLeft: bytesPerSecond === null ? null : secondsLeft(rest, bytesPerSecond),
      resumable: this.resumable,
      note: this.note,
      error: null,
    }
  }

  /**
   * Fetches missing chunks, and verifies all of them. Never rejects: the returned state has the error.
   * @param baseUrl of the hub or of a mirror
   */
  download(signal: AbortSignal, baseUrl: string): Promise<DownloadState> {
    return this.settle(signal, async () => {
      if ((await downloadedState(this.entry)).status === 'complete') return
      await this.plan(signal, baseUrl)
      for (const [index, file] of this.entry.files.entries()) await this.complete(signal, index, file, baseUrl)
    })
  }

  /** Verifies the chunks on the disk; damaged ones are recorded, and fetched by the next download. Never rejects. */
  verify(signal: AbortSignal): Promise<DownloadState> {
    return this.settle(signal, async () => {
      this.become('checking')
      const damaged: string[] = []
      for (const [index, file] of this.entry.files.entries()) {
        if (!(await readJournal(this.entry.id, file.path))) continue
        const found = await this.check(signal, index, file)
        if (found) damaged.push(found)
      }
      if (damaged.length) throw new AppError('weights-corrupt', damaged.join(' '), { source: this.entry.id, reason: 'damaged' })
    })
  }

  private async settle(signal: AbortSignal, action: () => Promise<void>): Promise<DownloadState> {
    let error: ErrorData | null = null
    try {
      this.parts = (await downloadedState(this.entry)).parts
      this.report()
      await withDownloadLock(signal, this.entry.id, action)
    } catch (thrown) {
      if (!signal.aborted) error = toErrorData(thrown)
    }
    return { ...(await downloadedState(this.entry)), resumable: this.resumable, error }
  }

  /** Asks the server for the length of every incomplete file, and checks that there is storage for the missing bytes. */
  private async plan(signal: AbortSignal, baseUrl: string): Promise<void> {
    for (const [index, file] of this.entry.files.entries()) {
      const journal = await readJournal(this.entry.id, file.path)
      if (journal && journal.present.size === chunkCount(journal.header)) continue // all chunks are on the disk
      this.become('connecting')
      const download = await DownloadFile.open(signal, this.target(file, baseUrl), this.hooks(index))
      try {
        this.setResumable(await download.connect(signal))
        this.part(index).bytesTotal = download.bytes
      } finally {
        download.close()
      }
    }
    const needed = this.parts.reduce((sum, { bytesDone, bytesTotal }) => sum + bytesTotal - bytesDone, 0)
    requireFreeSpace(this.entry.name, needed, await measureFreeSpace(needed))
  }

  /** Reads every chunk of a file, from the disk or from the server, and verifies the hash of the whole. */
  private async complete(signal: AbortSignal, index: number, catalogueFile: CatalogueFile, baseUrl: string): Promise<void> {
    const file = await DownloadFile.open(signal, this.target(catalogueFile, baseUrl), this.hooks(index))
    try {
      if (isVerified(file.journal, catalogueFile.pin)) return
      const hash = new Sha256()
      for (let chunk = 0; chunk < file.chunks; chunk++) {
        signal.throwIfAborted()
        this.become(file.journal.present.has(chunk) ? 'checking' : 'downloading')
        let bytes = await file.checked(chunk)
        if (!bytes) {
          this.part(index).bytesDone = file.downloadedBytes
          this.become('downloading')
          this.setResumable(await file.connect(signal))
          bytes = await file.chunk(signal, chunk)
        }
        hash.update(bytes)
        this.part(index).bytesDone = file.downloadedBytes
        this.report(REPORT_MS)
      }
      this.conclude(file, hash.finish(), catalogueFile)
    } finally {
      file.close()
    }
  }

  /** Compares the hash of a complete file with the known one, and records it. @throws AppError weights-corrupt */
  private conclude(file: DownloadFile, found: string, { path, pin }: CatalogueFile): void {
    if (pin && pin.sha256 !== found) {
      file.discard()
      throw new AppError(
        'weights-corrupt',
        `${path} was downloaded completely, but has the wrong hash: expected SHA-256 ${pin.sha256}, got ${found}. It was deleted; download it again.`,
        {
          file: path,
          expected: pin.sha256,
          found,
        },
      )
    }
    file.finish(found)
  }

  /** A sentence about damaged chunks of a file, or undefined. */
  private async check(signal: AbortSignal, index: number, catalogueFile: CatalogueFile): Promise<string | undefined> {
    const file = await DownloadFile.open(signal, this.target(catalogueFile))
    try {
      const hash = new Sha256()
      const present = [...file.journal.present].sort((a, b) => a - b)
      let damaged = 0
      this.part(index).bytesDone = 0
      for (const chunk of present) {
        signal.throwIfAborted()
        const bytes = await file.checked(chunk)
        if (bytes) {
          hash.update(bytes)
          this.part(index).bytesDone += bytes.length
        } else {
          damaged++
        }
        this.report(REPORT_MS)
      }
      if (damaged) return `${catalogueFile.path}: ${damaged} of ${present.length} chunks are damaged on this disk; download again: only they are fetched.`
      if (present.length === file.chunks) this.conclude(file, hash.finish(), catalogueFile)
      return undefined
    } finally {
      file.close()
    }
  }

  private target({ path, pin }: CatalogueFile, baseUrl?: string): DownloadTarget {
    return { entryId: this.entry.id, path, url: catalogueFileUrl(this.entry, path, baseUrl), pin, chunkBytes: this.options.chunkBytes }
  }

  private hooks(index: number): HttpSourceOptions {
    return {
      delays: this.options.delays,
      onBytes: (count) => {
        this.rate.add(count, performance.now())
        this.part(index).bytesDone += count
        this.become('downloading')
        this.report(REPORT_MS)
      },
      onRetry: (reason, seconds) => {
        this.become('waiting', `${reason} Trying again in ${seconds} s.`)
      },
    }
  }

  private setResumable({ resumable }: { resumable: boolean }): void {
    this.resumable = resumable
    if (!resumable) this.note = WHOLE_FILES_ONLY
  }

  private become(status: DownloadStatus, note?: string): void {
    if (this.status === status && note === undefined) return
    this.status = status
    this.note = note ?? (this.resumable === false ? WHOLE_FILES_ONLY : null)
    this.report()
  }

  /** @param everyMs the least time since the last report, milliseconds */
  private report(everyMs = 0): void {
    const nowMs = performance.now()
    if (nowMs - this.reportedMs < everyMs) return
    this.reportedMs = nowMs
    this.onState(this.state())
  }

  private part(index: number): DownloadPart {
    const part = this.parts[index]
    if (!part) throw new RangeError(`${this.entry.id} has no file ${index}`)
    return part
  }
}

const WHOLE_FILES_ONLY = 'This server sends whole files only: after a pause or a lost connection, the file is downloaded from its beginning.'
