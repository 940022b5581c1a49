// Where queues are kept: in localStorage, each tab's under a key of its own. A tab holds a lock of its key's name for as long as it lives,
// so that another one can tell what a closed tab has left behind.
import { adopted, readJobs, wantedIds } from './queue-jobs'
import type { QueueJob } from './queue-jobs'
import { readStored, removeStored, storedKeys, writeStored } from './stored'

const BEGINNING = 'queue.'
/** A page that is reloaded may hold its lock a little longer than it is seen. */
const RELOAD_MS = 1000

const ownKey = BEGINNING + crypto.randomUUID()
/** Without locks a queue that is left behind could not be told from one in use: then nothing is kept. */
const locks = 'locks' in navigator ? navigator.locks : null

/** The browser lets go of it when the page goes. */
void locks?.request(ownKey, () => new Promise<never>(() => undefined)).catch(() => undefined)

/** Keeps this tab's queue. @returns false where it would be lost with the page */
export function keepQueue(jobs: readonly QueueJob[]): boolean {
  if (!locks) return jobs.length === 0
  if (jobs.length > 0) return writeStored(ownKey, jobs.map(({ error: _error, ...job }) => job))
  removeStored(ownKey)
  return true
}

/** Takes over the queues of tabs that are gone: of each what is still to be done. @param take called with each, before another tab may look */
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
      // a tab that lives does not let go
      await locks?.request(key, { signal: waited }, adopt).catch(() => undefined)
    }),
  )
}

/** Ids of the jobs of every tab that may go on some day. */
export function storedJobIds(): string[] {
  return storedKeys(BEGINNING).flatMap((key) => wantedIds(readJobs(readStored(key))))
}
