// What was chosen on the disk, kept over visits: handles are not copies, and only IndexedDB can hold them. A database of its own, for
// the library's changes with its records, and must open for a page that knows of no picks.
import { openDB, type IDBPDatabase } from 'idb'
import type { DiskPick } from '../../src/shared/disk-pick'

const PICKS = 'picks'
const VERSION = 1

/** All that were kept. */
export function listPicks(): Promise<DiskPick[]> {
  return withDatabase(async (database) => ((await database.getAll(PICKS)) as DiskPick[]).filter(({ schemaVersion }) => schemaVersion === 1))
}

/** Keeps a pick in place of its source's former one. Only those with a handle: a File would be copied whole. */
export async function keepPick(pick: DiskPick): Promise<void> {
  await withDatabase((database) => database.put(PICKS, pick))
}

/** One that is gone already is no error. */
export async function forgetPick(source: string): Promise<void> {
  await withDatabase((database) => database.delete(PICKS, source))
}

async function withDatabase<T>(action: (database: IDBPDatabase) => Promise<T>): Promise<T> {
  const database = await openDB('kinora-disk', VERSION, { upgrade: (fresh) => void fresh.createObjectStore(PICKS, { keyPath: 'source' }) })
  try {
    return await action(database)
  } finally {
    database.close() // a connection that is held could block another tab's upgrade
  }
}
