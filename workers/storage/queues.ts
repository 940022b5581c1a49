// The queues of all tabs, in the library's database: a row that is done and the record of its clip are written in one transaction.
import type { IDBPDatabase } from 'idb'
import type { StoredQueue } from '../../src/shared/worker-apis'
import { ASIDE, openDatabase, QUEUES } from './records'

/** All stored queues, as they are: their rows may be of another version. */
export function listQueues(): Promise<StoredQueue[]> {
  return withDatabase(async (database) => (await database.getAll(QUEUES)) as StoredQueue[])
}

/** What was set aside, oldest first. */
export function listAside(): Promise<unknown[]> {
  return withDatabase((database) => database.getAll(ASIDE) as Promise<unknown[]>)
}

/**
 * Stores the queue of a tab in place of its earlier one, in one step that is on the disk when this resolves. A queue that is empty is deleted.
 * @param takenOver tabs whose queues are in this one from now on, and are deleted
 * @param aside rows that could not be read: kept as they are
 * @throws DOMException QuotaExceededError
 */
export async function saveQueue(queue: StoredQueue, takenOver: readonly string[] = [], aside: readonly unknown[] = []): Promise<void> {
  await withDatabase(async (database) => {
    const transaction = database.transaction([QUEUES, ASIDE], 'readwrite', { durability: 'strict' })
    const queues = transaction.objectStore(QUEUES)
    const empty = queue.jobs.length === 0 && queue.forget.length === 0
    await Promise.all([
      empty ? queues.delete(queue.tab) : queues.put(queue),
      ...takenOver.map((tab) => queues.delete(tab)),
      ...aside.map((row) => transaction.objectStore(ASIDE).add(row)),
      transaction.done,
    ])
  })
}

async function withDatabase<T>(action: (database: IDBPDatabase) => Promise<T>): Promise<T> {
  const database = await openDatabase()
  try {
    return await action(database)
  } finally {
    database.close() // an open connection could block another tab's upgrade
  }
}
