// Databases of one store each, beside the library's: that one changes with its records, and must open for a page that knows of no others.
import { openDB, type IDBPDatabase } from 'idb'

const VERSION = 1

/** Runs `action` on a database with this one store, which is made on first use. */
export async function withStore<T>(name: string, store: string, keyPath: string | string[], action: (database: IDBPDatabase) => Promise<T>): Promise<T> {
  const database = await openDB(name, VERSION, { upgrade: (fresh) => void fresh.createObjectStore(store, { keyPath }) })
  try {
    return await action(database)
  } finally {
    database.close() // a connection that is held could block another tab's upgrade
  }
}
