// The steps that bring the database of any version to this one. A step never changes after it was released.
import type { IDBPDatabase, IDBPTransaction } from 'idb'
import { upgradeRequest } from '../../src/shared/upgrade'

/** Name of the object store of ClipRecords, keyed by `id`. */
export const CLIPS = 'clips'

/**
 * Migrates stores, indexes and records from the previous version to this one.
 * Runs in the upgrade's transaction, so that a failing step changes nothing; it may await only the database.
 */
export type Migration = (database: IDBPDatabase, transaction: IDBPTransaction<unknown, string[], 'versionchange'>) => void | Promise<void>

/** MIGRATIONS[v - 1] makes version v, which is also the records' `schemaVersion`. */
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
