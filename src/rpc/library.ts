// The page's client of library.worker: saved clips, media assets and queues.
import { AppError, cutText } from '../shared/errors'
import type { SavedAsset, SavedVideo, LibraryApi, StoredQueue } from '../shared/worker-apis'
import type { ClipRecord } from '../shared/record'
import { WorkerClient } from './worker-client'

const client = new WorkerClient<LibraryApi>(() => new Worker(new URL('../../workers/library.worker.ts', import.meta.url), { type: 'module', name: 'library' }))

/** All clips, newest first. */
export const listClips = (): Promise<ClipRecord[]> => client.call((api) => api.list())

/** The file of a clip. @throws AppError not-found */
export const openClip = (id: string): Promise<Blob> => client.call((api) => api.open(id))

/** Deletes a clip. */
export const removeClip = (id: string): Promise<void> => client.call((api) => api.remove(id))

/** Saves an image or video of the user's own as a media asset. */
export const saveAsset = (file: File): Promise<SavedAsset> => client.call((api) => api.saveAsset(file))

/** Milliseconds for looking into a video; the worker's own limits are shorter. */
const INSPECT_MS = 45_000

/**
 * Ends the worker when a video keeps it from answering: a damaged file can make a demuxer loop without a pause, so that the worker's own
 * limits do not fire. Its other calls fail, too; the next call starts a new one.
 */
async function inspected<T>(name: string, call: Promise<T>): Promise<T> {
  const file = cutText(name)
  const late = () => client.end(new AppError('unreadable-media', `${file} is damaged: it could not be read within ${INSPECT_MS / 1000} s.`, { file }))
  const timer = setTimeout(late, INSPECT_MS)
  try {
    return await call
  } finally {
    clearTimeout(timer)
  }
}

/** Saves a video that this browser can decode. @throws AppError unreadable-media naming the codec */
export async function saveVideo(file: File): Promise<SavedVideo> {
  const usable = await inspected(
    file.name,
    client.call((api) => api.inspectVideo(file)),
  )
  return { ...(await saveAsset(file)), ...usable }
}

/** Saves the first or last frame of a clip as an image. @throws AppError not-found, unreadable-media */
export const saveFrame = (clipId: string, which: 'first' | 'last'): Promise<SavedAsset> => client.call((api) => api.saveFrame(clipId, which))

/** A media asset's file. @throws AppError not-found */
export const openAsset = (id: string): Promise<File> => client.call((api) => api.openAsset(id))

/** Deletes unreferenced media assets that no page has open and that were written before `beforeMs` (since the epoch). @param named ids in use outside the library @returns how many */
export const sweepAssets = (named: readonly string[], beforeMs: number): Promise<number> => client.call((api) => api.sweepAssets(named, beforeMs))

/** A text tag of a video file by its name; null if it has none. */
export const videoTag = (file: Blob, name: string): Promise<string | null> =>
  inspected(
    file instanceof File ? file.name : 'The file',
    client.call((api) => api.videoTag(file, name)),
  )

/** The records of the clips that these jobs have made. */
export const clipsOfJobs = (jobIds: readonly string[]): Promise<ClipRecord[]> => client.call((api) => api.clipsOfJobs(jobIds))

/** The queues of all tabs. */
export const listQueues = (): Promise<StoredQueue[]> => client.call((api) => api.queues())

/** Stores a tab's queue; see LibraryApi. Resolves when it is on the disk. */
export const storeQueue = (queue: StoredQueue, takenOver: readonly string[] = [], aside: readonly unknown[] = []): Promise<void> =>
  client.call((api) => api.saveQueue(queue, takenOver, aside))

/** Bytes that this site uses, and its quota. */
export const storageUsage = (): Promise<{ usedBytes: number; quotaBytes: number }> => client.call((api) => api.usage())
