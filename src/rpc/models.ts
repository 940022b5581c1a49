// The page's client of models.worker: downloads of catalogue entries.
import { proxy } from 'comlink'
import type { DownloadState, ModelsApi, StorageSpace } from '../shared/worker-apis'
import { WorkerClient } from './worker-client'

const client = new WorkerClient<ModelsApi>(() => new Worker(new URL('../../workers/models.worker.ts', import.meta.url), { type: 'module', name: 'models' }))

/** The state of every catalogue entry. */
export const listDownloads = (): Promise<DownloadState[]> => client.call((api) => api.list())

/**
 * Starts or resumes a download, and verifies it. Resolves when it is complete or has stopped: `error` is why.
 * @param baseUrl of a mirror, ending in /; null: the hub
 */
export async function download(entryId: string, baseUrl: string | null, onState: (state: DownloadState) => void): Promise<DownloadState> {
  // requested when a person downloads gigabytes, not before; if refused, the browser may delete them when the disk is full
  await navigator.storage.persist().catch(() => false)
  return client.call((api) => api.download(entryId, baseUrl, proxy(onState)))
}

/** Stops a download or verification; the downloaded part stays. */
export const pauseDownload = (entryId: string): Promise<void> => client.call((api) => api.pause(entryId))

/** Verifies the downloaded chunks; damaged ones are fetched by the next download. */
export const verifyDownload = (entryId: string, onState: (state: DownloadState) => void): Promise<DownloadState> =>
  client.call((api) => api.verify(entryId, proxy(onState)))

/** Stops a running download, and deletes its files and their cached copies. */
export const removeDownload = (entryId: string): Promise<void> => client.call((api) => api.remove(entryId))

/** Verifies the files of a model that ships with the page. @returns their bytes @throws AppError weights-missing, weights-truncated, weights-corrupt */
export const verifyFolder = (modelUrl: string): Promise<number> => client.call((api) => api.verifyFolder(modelUrl))

/** Bytes of the cached quantized copies of each catalogue entry, by its id. */
export const listCopies = (): Promise<Record<string, number>> => client.call((api) => api.copies())

/** Bytes that this site uses, its quota, and what is left of it. */
export const storageSpace = (): Promise<StorageSpace> => client.call((api) => api.space())
