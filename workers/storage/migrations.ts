// How the database came to its present shape, one step a version. A step never changes after it was released.
import type { IDBPDatabase, IDBPTransaction } from 'idb'

/** Name of the object store of ClipRecords, keyed by `id`. */
export const CLIPS = 'clips'

/**
 * Brings the database from the version before to this one: stores and indexes, and every record in them.
 * Runs inside the upgrade's transaction, so that a failing step leaves everything as it was; it may await only the database.
 */
export type Migration = (database: IDBPDatabase, transaction: IDBPTransaction<unknown, string[], 'versionchange'>) => void | Promise<void>

/** MIGRATIONS[v - 1] makes version v, which is also the records' `schemaVersion`. */
export const MIGRATIONS: readonly Migration[] = [
  // 1: the library
  (database) => {
    database.createObjectStore(CLIPS, { keyPath: 'id' }).createIndex('createdAtMs', 'createdAtMs')
  },
]
