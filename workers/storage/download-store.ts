// Downloaded files on this disk: downloads/<source>/<file> in this origin's private file system, and a journal beside each.
import { AppError } from '../../src/shared/errors'
import { chunkLine, chunkRange, damageLine, headerLine, parseJournal, wholeLine, type Journal, type JournalHeader } from './download-journal'
import { isNamed, openSyncHandle } from './sync-handle'

/** The folder of one source. @throws DOMException NotFoundError when it is not there and may not be made */
async function openFolder(source: string, create: boolean): Promise<FileSystemDirectoryHandle> {
  const root = await navigator.storage.getDirectory()
  const downloads = await root.getDirectoryHandle('downloads', { create })
  return downloads.getDirectoryHandle(source, { create })
}

/** A path inside a repository as one name. */
const fileName = (path: string) => encodeURIComponent(path)
const journalName = (path: string) => `${fileName(path)}.journal`

/** What is known of a file; undefined when nothing of it is here. */
export async function readJournal(source: string, path: string): Promise<Journal | undefined> {
  const file = await findFile(source, journalName(path))
  return file && parseJournal(await file.text())
}

/** A downloaded file's bytes, read when they are needed; undefined when it is not here. */
export function findStoredFile(source: string, path: string): Promise<File | undefined> {
  return findFile(source, fileName(path))
}

async function findFile(source: string, name: string): Promise<File | undefined> {
  try {
    return await (await (await openFolder(source, false)).getFileHandle(name)).getFile()
  } catch (error) {
    if (isNamed(error, 'NotFoundError')) return undefined
    throw error
  }
}

/** Removes all that is here of a source; one that is gone already is no error. */
export async function removeDownload(source: string): Promise<void> {
  const root = await navigator.storage.getDirectory()
  try {
    await (await root.getDirectoryHandle('downloads')).removeEntry(source, { recursive: true })
  } catch (error) {
    if (!isNamed(error, 'NotFoundError')) throw error
  }
}

/** Seconds to wait for another tab, which may be closing. */
const LOCK_SECONDS = 3

/**
 * Runs while no other tab downloads, checks or deletes this source.
 * @throws AppError weights-missing when another one goes on doing so; the signal's reason when it fires
 */
export async function withDownloadLock<T>(signal: AbortSignal, source: string, action: () => Promise<T>): Promise<T> {
  signal.throwIfAborted()
  const waiting = new AbortController()
  const stop = () => waiting.abort(signal.reason)
  const otherTab = new AppError('weights-missing', 'Another tab of this page is downloading or checking this model: wait for it, or close that tab.', { source, reason: 'other-tab' })
  const timer = setTimeout(() => waiting.abort(otherTab), LOCK_SECONDS * 1000)
  signal.addEventListener('abort', stop)
  const granted = () => {
    clearTimeout(timer)
    signal.removeEventListener('abort', stop)
  }
  try {
    return await navigator.locks.request(`kinora download ${source}`, { signal: waiting.signal }, () => {
      granted()
      return action()
    })
  } finally {
    granted()
  }
}

/** One file of a download, open for writing; nobody else can open it meanwhile. */
export class StoredChunks {
  private constructor(
    private readonly path: string,
    private readonly data: FileSystemSyncAccessHandle,
    private readonly log: FileSystemSyncAccessHandle,
    private known: Journal | undefined,
  ) {}

  static async open(source: string, path: string): Promise<StoredChunks> {
    const folder = await openFolder(source, true)
    const data = await openSyncHandle(folder, fileName(path))
    try {
      const log = await openSyncHandle(folder, journalName(path))
      const text = new Uint8Array(log.getSize())
      log.read(text, { at: 0 })
      return new StoredChunks(path, data, log, parseJournal(new TextDecoder().decode(text)))
    } catch (error) {
      data.close()
      throw error
    }
  }

  /** undefined until `begin`, where nothing is here */
  get journal(): Journal | undefined {
    return this.known
  }

  /** Forgets what was here and begins the file anew. @throws AppError storage-full */
  begin(header: JournalHeader): Journal {
    this.log.truncate(0)
    this.data.truncate(0)
    const journal: Journal = { header, hashes: new Map(), here: new Set(), whole: null, validBytes: 0 }
    this.append(journal, headerLine(header))
    this.known = journal
    return journal
  }

  /** A chunk's bytes as they are on the disk; fewer where the file was cut. */
  read(chunk: number): Uint8Array<ArrayBuffer> {
    const { start, end } = chunkRange(this.begun().header, chunk)
    const bytes = new Uint8Array(end - start)
    return bytes.subarray(0, this.data.read(bytes, { at: start }))
  }

  /** Keeps a chunk: its bytes first, and only when they are on the disk the line that says so. @throws AppError storage-full */
  write(chunk: number, bytes: Uint8Array<ArrayBuffer>, hash: string): void {
    const journal = this.begun()
    this.put(this.data, bytes, chunkRange(journal.header, chunk).start)
    this.append(journal, chunkLine(chunk, hash))
    journal.hashes.set(chunk, hash)
    journal.here.add(chunk)
    journal.whole = null
  }

  /** Notes that a chunk on the disk is not what came: it will be fetched again, and must have the same hash then. */
  markDamaged(chunk: number): void {
    const journal = this.begun()
    const hash = journal.hashes.get(chunk)
    if (hash === undefined) throw new RangeError(`${this.path}: chunk ${chunk} never came`)
    this.append(journal, damageLine(chunk, hash))
    journal.here.delete(chunk)
    journal.whole = null
  }

  /** Notes the hash of the whole file: it is complete. */
  finish(whole: string): void {
    const journal = this.begun()
    if (journal.whole === whole) return
    this.append(journal, wholeLine(whole))
    journal.whole = whole
  }

  close(): void {
    this.data.close()
    this.log.close()
  }

  private begun(): Journal {
    if (!this.known) throw new Error(`${this.path}: nothing is known of it yet`)
    return this.known
  }

  private append(journal: Journal, text: string): void {
    const bytes = new TextEncoder().encode(text)
    this.put(this.log, bytes, journal.validBytes)
    journal.validBytes += bytes.length
    // an older line that was cut off may have been longer than this one
    if (this.log.getSize() > journal.validBytes) this.log.truncate(journal.validBytes)
  }

  private put(handle: FileSystemSyncAccessHandle, bytes: Uint8Array<ArrayBuffer>, at: number): void {
    try {
      if (handle.write(bytes, { at }) !== bytes.length) throw new DOMException('Not all of it was written.', 'QuotaExceededError')
      handle.flush()
    } catch (error) {
      if (!isNamed(error, 'QuotaExceededError')) throw error
      throw new AppError('storage-full', `The browser has no storage left for ${this.path}: it is paused, and what came so far is kept. Delete clips or other models, or free space on the disk, then go on.`, {
        file: this.path,
        reason: 'midway',
      })
    }
  }
}
