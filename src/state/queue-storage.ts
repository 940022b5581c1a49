// Stores the queue of each tab in localStorage under its own key. A tab holds a lock with the name of its key while it is open, so that
// other tabs can detect the queues of closed tabs.
import { adoptedJobs, readJobs, resumableIds } from './queue-jobs'
import type { QueueJob } from './queue-jobs'
import { readStored, removeStored, storedKeys, writeStored } from './stored'

const KEY_PREFIX = 'queue.'
/** Milliseconds to wait for a lock: a reloaded page may hold its lock slightly longer than it is visible. */
const LOCK_TIMEOUT_MS = 1000

const ownKey = KEY_PREFIX + crypto.randomUUID()
/** Without locks, the queue of a closed tab cannot be told from one in use; then no queue is stored. */
const locks = 'locks' in navigator ? navigator.locks : null

/** Held until the browser releases it when the page closes. */
void locks?.request(ownKey, () => new Promise<never>(() => undefined)).catch(() => undefined)

/** Stores the queue of this tab. @returns false if it would be lost when the page closes */
export function saveQueue(jobs: readonly QueueJob[]): boolean {
  if (!locks) return jobs.length === 0
  if (jobs.length > 0)
    return writeStored(
      ownKey,
      jobs.map(({ error: _error, ...job }) => job),
    )
  removeStored(ownKey)
  return true
}

/** Adopts the unfinished jobs of closed tabs. @param take called with the jobs of each tab while its lock is held */
export async function adoptQueues(take: (jobs: QueueJob[]) => void): Promise<void> {
  const others = storedKeys(KEY_PREFIX).filter((key) => key !== ownKey)
  await Promise.all(
    others.map(async (key) => {
      const timeout = AbortSignal.timeout(LOCK_TIMEOUT_MS)
      const adopt = () => {
        const jobs = adoptedJobs(readJobs(readStored(key)))
        if (jobs.length > 0) take(jobs)
        removeStored(key)
      }
      // an open tab does not release its lock
      await locks?.request(key, { signal: timeout }, adopt).catch(() => undefined)
    }),
  )
}

/** Ids of the resumable jobs of all tabs. */
export function storedJobIds(): string[] {
  return storedKeys(KEY_PREFIX).flatMap((key) => resumableIds(readJobs(readStored(key))))
}
