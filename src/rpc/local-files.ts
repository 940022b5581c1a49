import { handleOf, localFilesOf } from '../shared/local-files'
import type { LocalFiles, LocalPlace, LocalFilesState } from '../shared/local-files'
import type { LocalFilesApi } from '../shared/worker-apis'
import { downloadedSources } from '../shared/model-address'
import { WorkerClient } from './worker-client'

const client = new WorkerClient<LocalFilesApi>(
  () => new Worker(new URL('../../workers/local-files.worker.ts', import.meta.url), { type: 'module', name: 'disk' }),
)

/** What is chosen on the disk, by the id of its source: all of it, for File objects are nowhere else. */
const chosen = new Map<string, LocalFiles>()
let remembered: Promise<void> | undefined

/** What was chosen on earlier visits. Where nothing can be kept (a private window), nothing was. */
function remember(): Promise<void> {
  remembered ??= client
    .call((door) => door.list())
    .then((states) => {
      for (const { pick } of states) if (!chosen.has(pick.source)) chosen.set(pick.source, pick)
    })
    .catch(() => undefined)
  return remembered
}

/** All that is chosen on the disk, and where it stands now. */
export async function listLocalFiles(): Promise<LocalFilesState[]> {
  await remember()
  const picks = [...chosen.values()]
  return picks.length > 0 ? client.call((door) => door.look(picks)) : []
}

/**
 * Takes a place on the disk for a source, after a look at its headers.
 * @param sources ids: what it is chosen for, and what a folder may supply besides
 * @throws AppError weights-missing, weights-corrupt saying what was found instead
 */
export async function chooseLocalFiles(sources: readonly string[], place: LocalPlace): Promise<LocalFiles[]> {
  await remember()
  const former = [...chosen.values()].filter(({ source }) => sources.includes(source))
  const picks = await client.call((door) => door.pick(sources, place, former))
  for (const pick of picks) chosen.set(pick.source, pick)
  return picks
}

/** Forgets a pick; the files stay where they are. */
export async function forgetLocalFiles(pick: LocalFiles): Promise<void> {
  await client.call((door) => door.forget(pick))
  chosen.delete(pick.source)
}

/** Asks whether the page may read a place again. The browser asks the person only in answer to a click. */
export async function askToRead(place: LocalPlace): Promise<void> {
  await handleOf(place)?.requestPermission?.({ mode: 'read' })
}

/** The picks among the sources of a model, for a job; where the browser wants to be asked again, this is a click to ask at. */
export async function localFilesFor(modelUrl: string): Promise<LocalFiles[]> {
  const sources = downloadedSources(modelUrl)
  if (!sources) return []
  await remember()
  const all = [...chosen.values()]
  const picks = Object.values(sources).flatMap((source) => localFilesOf(all, source) ?? [])
  // without a click it refuses, and then the worker says what cannot be read
  for (const { place } of picks) await askToRead(place).catch(() => undefined)
  return picks
}
