import type { KeptAsset, KeptVideo, LibraryApi } from '../shared/worker-apis'
import type { ClipRecord } from '../shared/record'
import { WorkerClient } from './worker-client'

const client = new WorkerClient<LibraryApi>(
  () => new Worker(new URL('../../workers/library.worker.ts', import.meta.url), { type: 'module', name: 'library' }),
)

/** All clips, newest first. */
export const listClips = (): Promise<ClipRecord[]> => client.call((door) => door.list())

/** The WebM of a clip. @throws AppError not-found */
export const openClip = (id: string): Promise<Blob> => client.call((door) => door.open(id))

/** Deletes a clip for good. */
export const removeClip = (id: string): Promise<void> => client.call((door) => door.remove(id))

/** Keeps a picture or video of the user's own. */
export const keepAsset = (file: File): Promise<KeptAsset> => client.call((door) => door.keepAsset(file))

/** Keeps a video that this browser can decode. @throws AppError unreadable-media naming the codec */
export const keepVideo = (file: File): Promise<KeptVideo> => client.call((door) => door.keepVideo(file))

/** Keeps the first or last frame of a clip as a picture. @throws AppError not-found, unreadable-media */
export const keepFrame = (clipId: string, which: 'first' | 'last'): Promise<KeptAsset> => client.call((door) => door.keepFrame(clipId, which))

/** A file that was kept. @throws AppError not-found */
export const openAsset = (id: string): Promise<File> => client.call((door) => door.openAsset(id))

/** Deletes kept files that nothing names and no page has in its hand, unless they were written since. @param beforeMs since the epoch @returns how many */
export const sweepAssets = (named: readonly string[], beforeMs: number): Promise<number> => client.call((door) => door.sweepAssets(named, beforeMs))

/** A text tag of a video file; null where it has none. */
export const videoTag = (file: Blob, name: string): Promise<string | null> => client.call((door) => door.videoTag(file, name))

/** Bytes that this site uses, and what the browser grants it. */
export const storageUsage = (): Promise<{ usedBytes: number; quotaBytes: number }> => client.call((door) => door.usage())
