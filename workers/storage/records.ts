// The library's records, in IndexedDB, and the migrations of their database, which also has the queues (queues.ts). A record is written
// last: a file without one is garbage.
import { openDB, type IDBPDatabase, type IDBPTransaction } from 'idb'
import { AppError } from '../../src/shared/errors'
import type { ClipRecord } from '../../src/shared/record'
import { upgradeRequest } from '../../src/shared/upgrade'
import type { StoredQueue } from '../../src/shared/worker-apis'
import { isDomException } from './opfs'

/** The object store of ClipRecords, keyed by `id`; its index JOB has those of a queue's jobs, each once. */
const CLIPS = 'clips'
const JOB = 'jobId'
/** The object store of StoredQueues, keyed by `tab`. */
export const QUEUES = 'queues'
/** The object store of what could not be restored, under numbers: kept for a person to ask for, never read. */
export const ASIDE = 'aside'

/**
 * Brings the database from the version before to this one: stores, indexes and every record in them.
 * Runs inside the upgrade's transaction, so that a failed step changes nothing; it may await only the database.
 */
export type Migration = (database: IDBPDatabase, transaction: IDBPTransaction<unknown, string[], 'versionchange'>) => void | Promise<void>

/** MIGRATIONS[v - 1] makes version v, which is also the records' `schemaVersion`. A step never changes after its release. */
export const MIGRATIONS: readonly Migration[] = [
  // 1: the library
  (database) => {
    database.createObjectStore(CLIPS, { keyPath: 'id' }).createIndex('createdAtMs', 'createdAtMs')
  },
  // 2: requests with initVideo, prefix and suffix, which were start, before and after
  async (_database, transaction) => {
    for (let cursor = await transaction.objectStore(CLIPS).openCursor(); cursor; cursor = await cursor.continue()) {
      const record = cursor.value as { request: unknown }
      await cursor.update({ ...record, schemaVersion: 2, request: upgradeRequest(record.request) })
    }
  },
  // 3: the job that made a clip, queues, and what could not be restored
  async (database, transaction) => {
    const clips = transaction.objectStore(CLIPS)
    clips.createIndex(JOB, JOB, { unique: true })
    database.createObjectStore(QUEUES, { keyPath: 'tab' })
    database.createObjectStore(ASIDE, { autoIncrement: true })
    for (let cursor = await clips.openCursor(); cursor; cursor = await cursor.continue()) {
      await cursor.update({ ...(cursor.value as object), schemaVersion: 3 })
    }
  },
]

/** The records of this origin. */
export interface Records {
  /** newest first */
  list(): Promise<ClipRecord[]>
  get(id: string): Promise<ClipRecord | undefined>
  /** The record of the clip that a job has made. */
  ofJob(jobId: string): Promise<ClipRecord | undefined>
  /**
   * Adds a record, and marks its job in the queue as done, in one step that is on the disk when this resolves. A job that has a record
   * keeps it.
   * @returns the record that is there now: another one when the job was finished before
   * @throws DOMException QuotaExceededError
   */
  put(record: ClipRecord): Promise<ClipRecord>
  remove(id: string): Promise<void>
  close(): void
}

/**
 * Opens the database and migrates an older one first.
 * @param migrations one step per version; their number is the version
 * @throws AppError internal when a step fails (the database is unchanged), or when a newer version of the app wrote the database
 */
export async function openDatabase(name = 'kinora', migrations: readonly Migration[] = MIGRATIONS): Promise<IDBPDatabase> {
  const version = migrations.length
  let failure: unknown
  return openDB(name, version, {
    async upgrade(db, oldVersion, _newVersion, transaction) {
      try {
        for (const migrate of migrations.slice(oldVersion)) await migrate(db, transaction)
      } catch (error) {
        // without the abort a half-done upgrade would be committed
        failure = error
        transaction.done.catch(() => undefined)
        transaction.abort()
      }
    },
  }).catch((error: unknown) => {
    if (failure)
      throw new AppError(
        'internal',
        `The library could not be migrated to version ${version}, and is unchanged: ${String(failure)}. Reload the page to try again.`,
        { expected: version },
      )
    if (isDomException(error, 'VersionError'))
      throw new AppError('internal', 'The library was written by a newer version of Kinora: reload the page to update.', { expected: version })
    throw error
  })
}

/** Opens the records. See {@link openDatabase}. */
export async function openRecords(name?: string, migrations?: readonly Migration[]): Promise<Records> {
  const database = await openDatabase(name, migrations)
  return {
    async list() {
      const oldestFirst = (await database.getAllFromIndex(CLIPS, 'createdAtMs')) as ClipRecord[]
      return oldestFirst.reverse()
    },
    async get(id) {
      return (await database.get(CLIPS, id)) as ClipRecord | undefined
    },
    async ofJob(jobId) {
      return (await database.getFromIndex(CLIPS, JOB, jobId)) as ClipRecord | undefined
    },
    async put(record) {
      // strict: a clip that is reported as saved must survive a power cut
      const transaction = database.transaction([CLIPS, QUEUES], 'readwrite', { durability: 'strict' })
      // a request that fails is reported by itself
      transaction.done.catch(() => undefined)
      const [clips, queues] = [transaction.objectStore(CLIPS), transaction.objectStore(QUEUES)]
      const { jobId } = record
      const before = jobId === undefined ? undefined : ((await clips.index(JOB).get(jobId)) as ClipRecord | undefined)
      const kept = before ?? record
      if (!before) await clips.put(record)
      const stored = (await queues.getAll()) as StoredQueue[]
      await Promise.all(stored.filter((queue) => hasJob(queue, jobId)).map((queue) => queues.put(withDone(queue, jobId, kept.id))))
      await transaction.done
      return kept
    },
    async remove(id) {
      await database.delete(CLIPS, id)
    },
    close: () => database.close(),
  }
}

const isJob = (row: unknown, jobId: string | undefined) => typeof row === 'object' && row !== null && 'id' in row && row.id === jobId

function hasJob({ jobs }: StoredQueue, jobId: string | undefined): boolean {
  return jobId !== undefined && Array.isArray(jobs) && jobs.some((row) => isJob(row, jobId))
}

function withDone(queue: StoredQueue, jobId: string | undefined, resultId: string): StoredQueue {
  return { ...queue, jobs: queue.jobs.map((row) => (isJob(row, jobId) ? { ...(row as object), status: 'done', resultId } : row)) }
}
