// IndexedDB databases with one object store each. They are separate from the library's database, whose version follows its records.
import { openDB, type IDBPDatabase } from 'idb'

const VERSION = 1

/** Runs `action` on a database with this one store, which is created on first use. */
export async function withStore<T>(name: string, store: string, keyPath: string | string[], action: (database: IDBPDatabase) => Promise<T>): Promise<T> {
  const database = await openDB(name, VERSION, { upgrade: (created) => void created.createObjectStore(store, { keyPath }) })
  try {
    return await action(database)
  } finally {
    database.close() // an open connection could block another tab's upgrade
  }
}
