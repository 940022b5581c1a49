// Downloaded model files in OPFS: downloads/<catalogue entry's id>/<file>, each with a journal beside it.
import { AppError } from '../../src/shared/errors'
import { chunkLine, chunkRange, damageLine, headerLine, parseJournal, wholeLine, type Journal, type JournalHeader } from './download-journal'
import { isDomException, isNotFound, openFolder, openSyncHandle, removeEntry, writeAll } from './opfs'

/** The folder of a catalogue entry. @throws DOMException NotFoundError when it is missing and not created */
async function openEntryFolder(entryId: string, create: boolean): Promise<FileSystemDirectoryHandle> {
  return (await openFolder('downloads', create)).getDirectoryHandle(entryId, { create })
}

/** A path inside a repository as one file name. */
const fileName = (path: string) => encodeURIComponent(path)
const journalName = (path: string) => `${fileName(path)}.journal`

/** The journal of a file; undefined if its download was never started. @param entryId of the CatalogueEntry */
export async function readJournal(entryId: string, path: string): Promise<Journal | undefined> {
  const file = await findFile(entryId, journalName(path))
  return file && parseJournal(await file.text())
}

/** A downloaded file's bytes, read on demand; undefined if its download was never started. @param entryId of the CatalogueEntry */
export function findDownloadedFile(entryId: string, path: string): Promise<File | undefined> {
  return findFile(entryId, fileName(path))
}

async function findFile(entryId: string, name: string): Promise<File | undefined> {
  try {
    return await (await (await openEntryFolder(entryId, false)).getFileHandle(name)).getFile()
  } catch (error) {
    if (isNotFound(error)) return undefined
    throw error
  }
}

/** Deletes all files of a catalogue entry; missing ones are no error. */
export async function removeDownload(entryId: string): Promise<void> {
  await removeEntry(await openFolder('downloads'), entryId)
}

/** Seconds to wait for another tab, which may be about to close. */
const LOCK_SECONDS = 3

/**
 * Runs `action` while no other tab downloads, verifies or deletes this catalogue entry.
 * @throws AppError weights-missing when another tab holds the lock for longer than 3 s; the signal's reason when it fires
 */
export async function withDownloadLock<T>(signal: AbortSignal, entryId: string, action: () => Promise<T>): Promise<T> {
  signal.throwIfAborted()
  const waiting = new AbortController()
  const stop = () => waiting.abort(signal.reason)
  const otherTab = new AppError(
    'weights-missing',
    'Another tab of this page is downloading or verifying this model: wait until it is done, or close that tab.',
    { source: entryId, reason: 'other-tab' },
  )
  const timer = setTimeout(() => waiting.abort(otherTab), LOCK_SECONDS * 1000)
  signal.addEventListener('abort', stop)
  const granted = () => {
    clearTimeout(timer)
    signal.removeEventListener('abort', stop)
  }
  try {
    return await navigator.locks.request(`kinora download ${entryId}`, { signal: waiting.signal }, () => {
      granted()
      return action()
    })
  } finally {
    granted()
  }
}

/** A file of a download, open for exclusive writing in chunks, with its journal. */
export class ChunkStore {
  private constructor(
    private readonly path: string,
    private readonly data: FileSystemSyncAccessHandle,
    private readonly log: FileSystemSyncAccessHandle,
    private current: Journal | undefined,
  ) {}

  static async open(entryId: string, path: string): Promise<ChunkStore> {
    const folder = await openEntryFolder(entryId, true)
    const data = await openSyncHandle(folder, fileName(path))
    try {
      const log = await openSyncHandle(folder, journalName(path))
      const text = new Uint8Array(log.getSize())
      log.read(text, { at: 0 })
      return new ChunkStore(path, data, log, parseJournal(new TextDecoder().decode(text)))
    } catch (error) {
      data.close()
      throw error
    }
  }

  /** undefined before `start`, for a new download */
  get journal(): Journal | undefined {
    return this.current
  }

  /** Empties the file and starts a new journal. @throws AppError storage-full */
  start(header: JournalHeader): Journal {
    this.log.truncate(0)
    this.data.truncate(0)
    const journal: Journal = { header, hashes: new Map(), present: new Set(), whole: null, validBytes: 0 }
    this.append(journal, headerLine(header))
    this.current = journal
    return journal
  }

  /** A chunk's bytes on the disk; fewer if the file was truncated. */
  read(chunk: number): Uint8Array<ArrayBuffer> {
    const { start, end } = chunkRange(this.started().header, chunk)
    const bytes = new Uint8Array(end - start)
    return bytes.subarray(0, this.data.read(bytes, { at: start }))
  }

  /** Writes a chunk: first its bytes, flushed, then its line in the journal. @throws AppError storage-full */
  write(chunk: number, bytes: Uint8Array<ArrayBuffer>, hash: string): void {
    const journal = this.started()
    this.put(this.data, bytes, chunkRange(journal.header, chunk).start)
    this.append(journal, chunkLine(chunk, hash))
    journal.hashes.set(chunk, hash)
    journal.present.add(chunk)
    journal.whole = null
  }

  /** Records that a chunk on the disk is damaged: it will be fetched again, and must have the same hash then. */
  markDamaged(chunk: number): void {
    const journal = this.started()
    const hash = journal.hashes.get(chunk)
    if (hash === undefined) throw new RangeError(`${this.path}: expected a chunk on the disk, got chunk ${chunk}.`)
    this.append(journal, damageLine(chunk, hash))
    journal.present.delete(chunk)
    journal.whole = null
  }

  /** Records the hash of the whole file: it is complete. */
  finish(whole: string): void {
    const journal = this.started()
    if (journal.whole === whole) return
    this.append(journal, wholeLine(whole))
    journal.whole = whole
  }

  close(): void {
    this.data.close()
    this.log.close()
  }

  private started(): Journal {
    if (!this.current) throw new Error(`${this.path}: the download was not started; call start() first.`)
    return this.current
  }

  private append(journal: Journal, text: string): void {
    const bytes = new TextEncoder().encode(text)
    this.put(this.log, bytes, journal.validBytes)
    journal.validBytes += bytes.length
    // a partial line from before may have been longer than this one
    if (this.log.getSize() > journal.validBytes) this.log.truncate(journal.validBytes)
  }

  private put(handle: FileSystemSyncAccessHandle, bytes: Uint8Array<ArrayBuffer>, at: number): void {
    try {
      writeAll(handle, bytes, at)
      handle.flush()
    } catch (error) {
      if (!isDomException(error, 'QuotaExceededError')) throw error
      throw new AppError(
        'storage-full',
        `The browser has no storage left for ${this.path}: the download is paused, and the downloaded part is kept. Delete clips or other models, or free space on the disk, then resume.`,
        {
          file: this.path,
          reason: 'midway',
        },
      )
    }
  }
}
