import { proxy } from 'comlink'
import type { DownloadState, ModelsApi, StorageSpace } from '../shared/worker-apis'
import { WorkerClient } from './worker-client'

const client = new WorkerClient<ModelsApi>(
  () => new Worker(new URL('../../workers/models.worker.ts', import.meta.url), { type: 'module', name: 'models' }),
)

/** Every source of the table, and what is here of it. */
export const listDownloads = (): Promise<DownloadState[]> => client.call((door) => door.list())

/**
 * Downloads a source, or goes on with it, and checks it. Answers when it is complete or has stopped: `error` says why.
 * @param baseUrl of a mirror, ending in /; null: the hub
 */
export async function download(source: string, baseUrl: string | null, onState: (state: DownloadState) => void): Promise<DownloadState> {
  // Asked when a person wants gigabytes to stay, not before; where it is refused, the browser may clear them when its disk is full.
  await navigator.storage.persist().catch(() => false)
  return client.call((door) => door.download(source, baseUrl, proxy(onState)))
}

/** Stops a download or a verification; what is here stays. */
export const pauseDownload = (source: string): Promise<void> => client.call((door) => door.pause(source))

/** Compares what is here with its hashes; what is damaged is fetched by the next download. */
export const verifyDownload = (source: string, onState: (state: DownloadState) => void): Promise<DownloadState> => client.call((door) => door.verify(source, proxy(onState)))

/** Cancels a download if it runs, and deletes what is here of it. */
export const removeDownload = (source: string): Promise<void> => client.call((door) => door.remove(source))

/** Compares the files of a model that comes with the page with their hashes. @returns their bytes @throws AppError weights-missing, weights-truncated, weights-corrupt */
export const verifyFolder = (modelUrl: string): Promise<number> => client.call((door) => door.verifyFolder(modelUrl))

/** Bytes of the quantized copies that were made of each source, by its id. */
export const listCopies = (): Promise<Record<string, number>> => client.call((door) => door.copies())

/** Bytes that this site uses, may use, and has left. */
export const storageSpace = (): Promise<StorageSpace> => client.call((door) => door.space())
