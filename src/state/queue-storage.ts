// Stores the queue of each tab in the library's database under its own key. A tab holds a lock with the name of its key while it is open,
// so that other tabs can detect the queues of closed tabs.
import { clipsOfJobs, listQueues, openClip, storeQueue } from '../rpc/library'
import type { GenerateResult } from '../shared/job'
import type { GenerateRequest } from '../shared/request'
import { adoptedJobs, readJobs, resumableIds, settledJobs } from './queue-jobs'
import type { QueueJob } from './queue-jobs'
import { isStored, moveStored, readStored, removeStored, storedKeys } from './stored'

/** Until version 0.1.0 a queue was in localStorage under such a key. */
const KEY_PREFIX = 'queue.'
/** Milliseconds to wait for a lock: a reloaded page may hold its lock slightly longer than it is visible. */
const LOCK_TIMEOUT_MS = 1000
/** Milliseconds to wait for the disk. A queue that is not stored by then counts as not stored, until it is. */
const DISK_TIMEOUT_MS = 5000

const ownKey = KEY_PREFIX + crypto.randomUUID()
/** Without locks, the queue of a closed tab cannot be told from one in use; then no queue is stored. */
const locks = 'locks' in navigator ? navigator.locks : null

/** Held until the browser releases it when the page closes. */
void locks?.request(ownKey, () => new Promise<never>(() => undefined)).catch(() => undefined)

/** What a tab stores. */
export interface TabQueue {
  jobs: readonly QueueJob[]
  /** ids of former jobs whose checkpoints are still to be deleted */
  forget: readonly string[]
}

/** The queue of a closed tab. */
export interface FormerQueue {
  jobs: QueueJob[]
  /** ids of its other jobs, whose checkpoints are to be deleted */
  forget: string[]
  /** number of rows that could not be read, and are set aside */
  unread: number
}

/** settles when the last write has ended; never rejects */
let writing: Promise<unknown> = Promise.resolve()

/** Stores the queue of this tab. @returns false if it would be lost when the page closes; true: it is on the disk */
export function saveQueue(queue: TabQueue): Promise<boolean> {
  return inTime(write(queue), false)
}

/** Writes in the order of the calls. */
async function write({ jobs, forget }: TabQueue, takenOver: readonly string[] = [], aside: readonly unknown[] = []): Promise<boolean> {
  if (!locks) return jobs.length === 0
  const entry = { tab: ownKey, jobs: jobs.map(({ error: _error, ...job }) => job), forget: [...forget] }
  const store = () => storeQueue(entry, takenOver, aside)
  // again: a worker that has ended is started by the next call
  const written = writing.then(() => store().catch(store))
  writing = written.catch(() => undefined)
  return written.then(
    () => true,
    (error: unknown) => {
      console.warn('The queue could not be stored:', error)
      return false
    },
  )
}

/**
 * Adopts the unfinished jobs of closed tabs. Jobs whose clips are in the library are done, whatever their tab could still store.
 * @param take called with the jobs of each tab while its lock is held. It returns the queue of this tab with these jobs in it, which is
 *   stored in the same step that deletes theirs.
 */
export async function adoptQueues(take: (former: FormerQueue) => TabQueue): Promise<void> {
  const stored = await inTime(
    listQueues().catch(() => []),
    [],
  )
  const others = new Set([...stored.map(({ tab }) => tab), ...storedKeys(KEY_PREFIX)])
  others.delete(ownKey)
  await Promise.all(
    [...others].map(async (tab) => {
      const timeout = AbortSignal.timeout(LOCK_TIMEOUT_MS)
      // an open tab does not release its lock
      await locks?.request(tab, { signal: timeout }, () => adopt(tab, take)).catch(() => undefined)
    }),
  )
}

async function adopt(tab: string, take: (former: FormerQueue) => TabQueue): Promise<void> {
  // read under the lock: another tab may have adopted it meanwhile
  const entry = (await listQueues().catch(() => [])).find((queue) => queue.tab === tab)
  const former = readStored(tab)
  if (!entry && !isStored(tab)) return
  const { jobs, unread } = readJobs(entry ? entry.jobs : former)
  // of version 0.1.0, and no JSON
  const broken = !entry && former === undefined
  const clips = await clipsOfJobs(jobs.map(({ id }) => id)).catch(() => [])
  const settled = settledJobs(jobs, new Map(clips.flatMap(({ id, jobId }) => (jobId === undefined ? [] : [[jobId, id] as const]))))
  const adopted = adoptedJobs(settled)
  const resumable = resumableIds(adopted)
  const others = jobs.map(({ id }) => id).filter((id) => !resumable.includes(id))
  const forget = Array.isArray(entry?.forget) ? entry.forget.filter((id) => typeof id === 'string') : []
  const own = take({ jobs: adopted, forget: [...others, ...forget], unread: unread.length + (broken ? 1 : 0) })
  if (!(await write(own, [tab], unread))) return
  if (broken) moveStored(tab, `aside.${tab}`)
  else removeStored(tab)
}

/** Ids of the resumable jobs of all tabs. @throws AppError if they cannot be read */
export async function storedJobIds(): Promise<string[]> {
  const queues = [...(await listQueues()).map(({ jobs }) => jobs), ...storedKeys(KEY_PREFIX).map(readStored)]
  return queues.flatMap((rows) => resumableIds(readJobs(rows).jobs))
}

/** The clip that a job has saved, with its request as it was made: a clip that was stopped early is shorter than asked for. */
export interface SavedResult {
  request: GenerateRequest
  result: GenerateResult
}

/**
 * The clip that a job has saved, whatever the page has heard of it: its worker may end between saving and answering. Null if there is
 * none, or the library cannot be read.
 */
export function savedResult(jobId: string): Promise<SavedResult | null> {
  const find = async () => {
    const [record] = await clipsOfJobs([jobId])
    return record ? { request: record.request, result: { id: record.id, blob: await openClip(record.id), codec: record.codec, report: record.report } } : null
  }
  return inTime(
    find().catch(() => null),
    null,
  )
}

/** The value of a promise, or `late` when it takes longer than the disk may. */
function inTime<T>(value: Promise<T>, late: T): Promise<T> {
  return Promise.race([value, new Promise<T>((resolve) => setTimeout(resolve, DISK_TIMEOUT_MS, late))])
}
