// Models on the user's own disk: the page's client of local-files.worker, and the files chosen so far.
import { handleOf, localFilesOf } from '../shared/local-files'
import type { LocalFiles, LocalFilesState, LocalPlace } from '../shared/local-files'
import type { LocalFilesApi } from '../shared/worker-apis'
import { downloadedEntries } from '../shared/model-address'
import { WorkerClient } from './worker-client'

const client = new WorkerClient<LocalFilesApi>(
  () => new Worker(new URL('../../workers/local-files.worker.ts', import.meta.url), { type: 'module', name: 'local-files' }),
)

/** The chosen files by the id of their catalogue entry. File objects exist only here. */
const chosen = new Map<string, LocalFiles>()
let restored: Promise<void> | undefined

/** Restores the files that were chosen on earlier visits. In a private window, where nothing is stored, there are none. */
function restore(): Promise<void> {
  restored ??= client
    .call((api) => api.list())
    .then((states) => {
      for (const { localFiles } of states) if (!chosen.has(localFiles.source)) chosen.set(localFiles.source, localFiles)
    })
    .catch(() => undefined)
  return restored
}

/** All chosen files, and whether they can be read now. */
export async function listLocalFiles(): Promise<LocalFilesState[]> {
  await restore()
  const localFiles = [...chosen.values()]
  return localFiles.length > 0 ? client.call((api) => api.states(localFiles)) : []
}

/**
 * Uses a place on the disk for catalogue entries, after its headers were checked.
 * @param entryIds the entry that the place is chosen for, then others that a folder may contain
 * @throws AppError weights-missing; weights-corrupt, naming what was found instead
 */
export async function chooseLocalFiles(entryIds: readonly string[], place: LocalPlace): Promise<LocalFiles[]> {
  await restore()
  const previous = [...chosen.values()].filter(({ source }) => entryIds.includes(source))
  const found = await client.call((api) => api.choose(entryIds, place, previous))
  for (const localFiles of found) chosen.set(localFiles.source, localFiles)
  return found
}

/** Forgets local files and their cached copies; the files themselves stay. */
export async function forgetLocalFiles(localFiles: LocalFiles): Promise<void> {
  await client.call((api) => api.forget(localFiles))
  chosen.delete(localFiles.source)
}

/** Asks for permission to read a place again. The browser only asks in response to a click. */
export async function askToRead(place: LocalPlace): Promise<void> {
  await handleOf(place)?.requestPermission?.({ mode: 'read' })
}

/** The local files of a model for a job. Called on a click, so that the browser can ask for permission if it must. */
export async function localFilesFor(modelUrl: string): Promise<LocalFiles[]> {
  const entries = downloadedEntries(modelUrl)
  if (!entries) return []
  await restore()
  const all = [...chosen.values()]
  const found = Object.values(entries).flatMap((entry) => localFilesOf(all, entry) ?? [])
  // without a click the browser refuses, and the worker reports which file cannot be read
  for (const { place } of found) await askToRead(place).catch(() => undefined)
  return found
}
