// The library's records, in IndexedDB. A record is written last: a file without one is deleted.
import { openDB } from 'idb'
import { AppError } from '../../src/shared/errors'
import type { ClipRecord } from '../../src/shared/record'
import { CLIPS, MIGRATIONS, type Migration } from './migrations'

/** The records of this origin. */
export interface Records {
  /** newest first */
  list(): Promise<ClipRecord[]>
  get(id: string): Promise<ClipRecord | undefined>
  /** @throws DOMException QuotaExceededError */
  put(record: ClipRecord): Promise<void>
  remove(id: string): Promise<void>
  close(): void
}

/**
 * Opens the database, and migrates an older one first.
 * @param migrations one step per version; their number is the version
 * @throws AppError internal when a step fails (nothing is changed then), or a newer version of the app wrote the database
 */
export async function openRecords(name = 'kinora', migrations: readonly Migration[] = MIGRATIONS): Promise<Records> {
  const version = migrations.length
  let failure: unknown
  const database = await openDB(name, version, {
    async upgrade(db, oldVersion, _newVersion, transaction) {
      try {
        for (const migrate of migrations.slice(oldVersion)) await migrate(db, transaction)
      } catch (error) {
        // without this the upgrade would be committed half done
        failure = error
        transaction.done.catch(() => undefined)
        transaction.abort()
      }
    },
  }).catch((error: unknown) => {
    if (failure) throw new AppError('internal', `The library could not be brought up to date: ${String(failure)}.`, { expected: version })
    if (error instanceof DOMException && error.name === 'VersionError') {
      throw new AppError('internal', 'The library was written by a newer version of Kinora: reload the page to update.', { expected: version })
    }
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
      await database.put(CLIPS, record)
    },
    async remove(id) {
      await database.delete(CLIPS, id)
    },
    close: () => database.close(),
  }
}
