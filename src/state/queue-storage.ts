// Storage of queues: in localStorage, each tab's under its own key. A tab holds a lock with the name of its key while it is open, so that
// another tab can recognize the queue of a closed one.
import { adopted, readJobs, wantedIds } from './queue-jobs'
import type { QueueJob } from './queue-jobs'
import { readStored, removeStored, storedKeys, writeStored } from './stored'

const BEGINNING = 'queue.'
/** A page that is reloaded may hold its lock for a moment longer. */
const RELOAD_MS = 1000

const ownKey = BEGINNING + crypto.randomUUID()
/** Without locks the queue of a closed tab cannot be told from one in use: then none is stored. */
const locks = 'locks' in navigator ? navigator.locks : null

/** The browser releases it when the page is closed. */
void locks?.request(ownKey, () => new Promise<never>(() => undefined)).catch(() => undefined)

/** Stores this tab's queue. @returns false where it would be lost with the page */
export function keepQueue(jobs: readonly QueueJob[]): boolean {
  if (!locks) return jobs.length === 0
  if (jobs.length > 0) return writeStored(ownKey, jobs.map(({ error: _error, ...job }) => job))
  removeStored(ownKey)
  return true
}

/** Takes over the unfinished jobs of closed tabs. @param take called with each queue, before another tab can read it */
export async function adoptQueues(take: (jobs: QueueJob[]) => void): Promise<void> {
  const others = storedKeys(BEGINNING).filter((key) => key !== ownKey)
  await Promise.all(
    others.map(async (key) => {
      const waited = AbortSignal.timeout(RELOAD_MS)
      const adopt = () => {
        const jobs = adopted(readJobs(readStored(key)))
        if (jobs.length > 0) take(jobs)
        removeStored(key)
      }
      // an open tab does not release it
      await locks?.request(key, { signal: waited }, adopt).catch(() => undefined)
    }),
  )
}

/** Ids of the jobs of all tabs that may resume. */
export function storedJobIds(): string[] {
  return storedKeys(BEGINNING).flatMap((key) => wantedIds(readJobs(readStored(key))))
}
