// One download or verification of a source, from its first question to its last hash, and what the page shows of it meanwhile.
import type { DownloadPart, DownloadState, DownloadStatus } from '../../src/shared/worker-apis'
import { AppError, toErrorData, type ErrorData } from '../../src/shared/errors'
import { catalogueFileUrl, type CatalogueEntry, type CatalogueFile } from '../../src/shared/model-catalogue'
import { chunkCount, keptBytes, type Journal } from '../storage/download-journal'
import { readJournal, withDownloadLock } from '../storage/download-store'
import { measureFreeSpace, requireMemory } from '../storage/free-space'
import { DownloadFile, type DownloadTarget } from './download-file'
import type { HttpSourceOptions } from './http-source'
import { Sha256 } from './sha256'
import { secondsLeft, TransferRate } from './transfer-rate'

/** Small changes are told this often, milliseconds. */
const TELL_MS = 100

export interface DownloadOptions {
  /** bytes of a chunk, of files that are begun now */
  chunkBytes?: number
  /** pauses of HttpSource */
  delays?: HttpSourceOptions['delays']
}

/** What is here of a source, as the journals tell it. */
export async function keptState(source: CatalogueEntry): Promise<DownloadState> {
  const parts: DownloadPart[] = []
  let complete = true
  for (const { path, pin, aboutBytes } of source.files) {
    const journal = await readJournal(source.id, path)
    parts.push({ path, bytesDone: journal ? keptBytes(journal) : 0, bytesTotal: journal?.header.bytes ?? pin?.bytes ?? aboutBytes })
    complete &&= journal !== undefined && isRight(journal, pin)
  }
  const some = parts.some(({ bytesDone }) => bytesDone > 0)
  const status = complete ? 'complete' : some ? 'paused' : 'absent'
  return { source: source.id, status, parts, bytesPerSecond: null, secondsLeft: null, resumable: null, note: null, error: null }
}

/** Whether all of a file was found to be what it should be. */
function isRight({ whole }: Journal, pin: CatalogueFile['pin']): boolean {
  return whole !== null && (pin === undefined || whole === pin.sha256)
}

/** A download or a verification under way. */
export class DownloadRun {
  private status: DownloadStatus = 'asking'
  private note: string | null = null
  private resumable: boolean | null = null
  private parts: DownloadPart[]
  private readonly rate = new TransferRate()
  private toldMs = 0

  /** @param onState hears every change of status, and small ones ten times a second */
  constructor(
    private readonly source: CatalogueEntry,
    private readonly onState: (state: DownloadState) => void,
    private readonly options: DownloadOptions = {},
  ) {
    this.parts = source.files.map(({ path, aboutBytes }) => ({ path, bytesDone: 0, bytesTotal: aboutBytes }))
  }

  state(): DownloadState {
    const bytesPerSecond = this.status === 'downloading' ? this.rate.bytesPerSecond(performance.now()) : null
    const rest = this.parts.reduce((sum, { bytesDone, bytesTotal }) => sum + bytesTotal - bytesDone, 0)
    return {
      source: this.source.id,
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
   * Fetches what is missing, and checks all of it. Never rejects: the state says what it came to.
   * @param baseUrl of the hub or of a mirror
   */
  download(signal: AbortSignal, baseUrl: string): Promise<DownloadState> {
    return this.settle(signal, async () => {
      if ((await keptState(this.source)).status === 'complete') return
      await this.plan(signal, baseUrl)
      for (const [index, file] of this.source.files.entries()) await this.complete(signal, index, file, baseUrl)
    })
  }

  /** Reads what is here and compares it with its hashes; what is damaged is noted, to be fetched again. Never rejects. */
  verify(signal: AbortSignal): Promise<DownloadState> {
    return this.settle(signal, async () => {
      this.become('checking')
      const damaged: string[] = []
      for (const [index, file] of this.source.files.entries()) {
        if (!(await readJournal(this.source.id, file.path))) continue
        const found = await this.check(signal, index, file)
        if (found) damaged.push(found)
      }
      if (damaged.length) throw new AppError('weights-corrupt', damaged.join(' '), { source: this.source.id, reason: 'damaged' })
    })
  }

  private async settle(signal: AbortSignal, action: () => Promise<void>): Promise<DownloadState> {
    let error: ErrorData | null = null
    try {
      this.parts = (await keptState(this.source)).parts
      this.tell()
      await withDownloadLock(signal, this.source.id, action)
    } catch (thrown) {
      if (!signal.aborted) error = toErrorData(thrown)
    }
    const kept = await keptState(this.source)
    return { ...kept, resumable: this.resumable, error }
  }

  /** Asks for every file that is not complete whether it is there and how long it is, and whether all that is missing has room. */
  private async plan(signal: AbortSignal, baseUrl: string): Promise<void> {
    for (const [index, entry] of this.source.files.entries()) {
      const journal = await readJournal(this.source.id, entry.path)
      if (journal && journal.here.size === chunkCount(journal.header)) continue // nothing of it is to come
      this.become('asking')
      const file = await DownloadFile.open(signal, this.target(entry, baseUrl), this.hooks(index))
      try {
        this.learn(await file.connect(signal))
        this.part(index).bytesTotal = file.bytes
      } finally {
        file.close()
      }
    }
    const needed = this.parts.reduce((sum, { bytesDone, bytesTotal }) => sum + bytesTotal - bytesDone, 0)
    requireMemory(this.source.name, needed, await measureFreeSpace(needed))
  }

  /** Every chunk of one file, from the disk or from the server, through one hash. */
  private async complete(signal: AbortSignal, index: number, entry: CatalogueFile, baseUrl: string): Promise<void> {
    const file = await DownloadFile.open(signal, this.target(entry, baseUrl), this.hooks(index))
    try {
      if (isRight(file.journal, entry.pin)) return
      const hash = new Sha256()
      for (let chunk = 0; chunk < file.chunks; chunk++) {
        signal.throwIfAborted()
        this.become(file.journal.here.has(chunk) ? 'checking' : 'downloading')
        let bytes = await file.checked(chunk)
        if (!bytes) {
          this.part(index).bytesDone = file.kept
          this.become('downloading')
          this.learn(await file.connect(signal))
          bytes = await file.chunk(signal, chunk)
        }
        hash.update(bytes)
        this.part(index).bytesDone = file.kept
        this.tell(TELL_MS)
      }
      this.conclude(file, hash.finish(), entry)
    } finally {
      file.close()
    }
  }

  /** Compares the hash of all of a file with the known one, and notes it. @throws AppError weights-corrupt */
  private conclude(file: DownloadFile, found: string, { path, pin }: CatalogueFile): void {
    if (pin && pin.sha256 !== found) {
      file.discard()
      throw new AppError('weights-corrupt', `${path} came whole but with another hash than it should have: expected SHA-256 ${pin.sha256}, found ${found}. What came was thrown away; download it again.`, {
        file: path,
        expected: pin.sha256,
        found,
      })
    }
    file.finish(found)
  }

  /** A sentence about what is damaged on this disk, or undefined. */
  private async check(signal: AbortSignal, index: number, entry: CatalogueFile): Promise<string | undefined> {
    const file = await DownloadFile.open(signal, this.target(entry))
    try {
      const hash = new Sha256()
      const here = [...file.journal.here].sort((a, b) => a - b)
      let bad = 0
      this.part(index).bytesDone = 0
      for (const chunk of here) {
        signal.throwIfAborted()
        const bytes = await file.checked(chunk)
        if (bytes) {
          hash.update(bytes)
          this.part(index).bytesDone += bytes.length
        } else {
          bad++
        }
        this.tell(TELL_MS)
      }
      if (bad) return `${entry.path}: ${bad} of ${here.length} pieces are damaged on this disk; download again, and only they are fetched.`
      if (here.length === file.chunks) this.conclude(file, hash.finish(), entry)
      return undefined
    } finally {
      file.close()
    }
  }

  private target({ path, pin }: CatalogueFile, baseUrl?: string): DownloadTarget {
    return { source: this.source.id, path, url: catalogueFileUrl(this.source, path, baseUrl), pin, chunkBytes: this.options.chunkBytes }
  }

  private hooks(index: number): HttpSourceOptions {
    return {
      delays: this.options.delays,
      onBytes: (count) => {
        this.rate.add(count, performance.now())
        this.part(index).bytesDone += count
        this.become('downloading')
        this.tell(TELL_MS)
      },
      onRetry: (reason, seconds) => {
        this.become('waiting', `${reason} Trying again in ${seconds} s.`)
      },
    }
  }

  private learn({ resumable }: { resumable: boolean }): void {
    this.resumable = resumable
    if (!resumable) this.note = WHOLE_FILES_ONLY
  }

  private become(status: DownloadStatus, note?: string): void {
    if (this.status === status && note === undefined) return
    this.status = status
    this.note = note ?? (this.resumable === false ? WHOLE_FILES_ONLY : null)
    this.tell()
  }

  /** @param everyMs not sooner than this after the last time */
  private tell(everyMs = 0): void {
    const nowMs = performance.now()
    if (nowMs - this.toldMs < everyMs) return
    this.toldMs = nowMs
    this.onState(this.state())
  }

  private part(index: number): DownloadPart {
    const part = this.parts[index]
    if (!part) throw new RangeError(`${this.source.id} has no file ${index}`)
    return part
  }
}

const WHOLE_FILES_ONLY = 'This server sends whole files only: after a pause or a cut line it sends the file from its beginning.'
