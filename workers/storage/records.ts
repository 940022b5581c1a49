// The library's records, in IndexedDB, and the migrations of their database. A record is written last: a file without one is garbage.
import { openDB, type IDBPDatabase, type IDBPTransaction } from 'idb'
import { AppError } from '../../src/shared/errors'
import type { ClipRecord } from '../../src/shared/record'
import { upgradeRequest } from '../../src/shared/upgrade'
import { isDomException } from './opfs'

/** The object store of ClipRecords, keyed by `id`. */
const CLIPS = 'clips'

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
]

/** The records of this origin. */
export interface Records {
  /** newest first */
  list(): Promise<ClipRecord[]>
  get(id: string): Promise<ClipRecord | undefined>
  /** Resolves when the record is on the disk. @throws DOMException QuotaExceededError */
  put(record: ClipRecord): Promise<void>
  remove(id: string): Promise<void>
  close(): void
}

/**
 * Opens the database and migrates an older one first.
 * @param migrations one step per version; their number is the version
 * @throws AppError internal when a step fails (the database is unchanged), or when a newer version of the app wrote the database
 */
export async function openRecords(name = 'kinora', migrations: readonly Migration[] = MIGRATIONS): Promise<Records> {
  const version = migrations.length
  let failure: unknown
  const database = await openDB(name, version, {
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

  return {
    async list() {
      const oldestFirst = (await database.getAllFromIndex(CLIPS, 'createdAtMs')) as ClipRecord[]
      return oldestFirst.reverse()
    },
    async get(id) {
      return (await database.get(CLIPS, id)) as ClipRecord | undefined
    },
    async put(record) {
      // strict: a clip that is reported as saved must survive a power cut
      const transaction = database.transaction(CLIPS, 'readwrite', { durability: 'strict' })
      await Promise.all([transaction.store.put(record), transaction.done])
    },
    async remove(id) {
      await database.delete(CLIPS, id)
    },
    close: () => database.close(),
  }
}
