// What was chosen on the disk, kept over visits: handles are not copies, and only IndexedDB can hold them.
import type { IDBPDatabase } from 'idb'
import type { LocalFiles } from '../../src/shared/local-files'
import { withStore } from './small-database'

const PICKS = 'picks'

/** All that were kept. */
export function listLocalFiles(): Promise<LocalFiles[]> {
  return withDatabase(async (database) => ((await database.getAll(PICKS)) as LocalFiles[]).filter(({ schemaVersion }) => schemaVersion === 1))
}

/** Keeps a pick in place of its source's former one. Only those with a handle: a File would be copied whole. */
export async function storeLocalFiles(pick: LocalFiles): Promise<void> {
  await withDatabase((database) => database.put(PICKS, pick))
}

/** One that is gone already is no error. */
export async function forgetLocalFiles(source: string): Promise<void> {
  await withDatabase((database) => database.delete(PICKS, source))
}

function withDatabase<T>(action: (database: IDBPDatabase) => Promise<T>): Promise<T> {
  return withStore('kinora-disk', PICKS, 'source', action)
}
