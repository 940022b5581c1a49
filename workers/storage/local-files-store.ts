// Models that a person reads from their own disk, remembered between visits. Only IndexedDB can store file handles.
import type { IDBPDatabase } from 'idb'
import type { LocalFiles } from '../../src/shared/local-files'
import { withStore } from './single-store'

const STORE = 'picks'

/** All saved local files. */
export function listLocalFiles(): Promise<LocalFiles[]> {
  return withDatabase(async (database) => ((await database.getAll(STORE)) as LocalFiles[]).filter(({ schemaVersion }) => schemaVersion === 1))
}

/** Saves local files in place of the earlier ones of the same catalogue entry. They must have a handle: a File would be copied whole. */
export async function storeLocalFiles(localFiles: LocalFiles): Promise<void> {
  await withDatabase((database) => database.put(STORE, localFiles))
}

/** Deletes the local files of a catalogue entry; missing ones are no error. @param entryId of the CatalogueEntry */
export async function forgetLocalFiles(entryId: string): Promise<void> {
  await withDatabase((database) => database.delete(STORE, entryId))
}

function withDatabase<T>(action: (database: IDBPDatabase) => Promise<T>): Promise<T> {
  return withStore('kinora-disk', STORE, 'source', action)
}
