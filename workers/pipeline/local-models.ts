// Local models: choosing files on the user's own disk, checking that they are unchanged, and forgetting them.
import { AppError, toErrorData } from '../../src/shared/errors'
import { handleOf, type LocalFiles, type LocalFilesState } from '../../src/shared/local-files'
import { CATALOGUE, type CatalogueEntry } from '../../src/shared/model-catalogue'
import type { LocalFilesApi } from '../../src/shared/worker-apis'
import { forgetLocalFiles, listLocalFiles, storeLocalFiles } from '../storage/local-files-store'
import { localIdentity, mayRead, requireUnchanged } from '../weights/local-file-handles'
import { removeCachedWeights } from '../weights/quantized-cache'
import { checkLocalFiles } from './check-local-files'

const never = new AbortController().signal

/** The API of local-files.worker. */
export const localModels: LocalFilesApi = {
  // entries of other versions of the page are left out
  list: async () => Promise.all((await listLocalFiles()).filter(({ source }) => CATALOGUE.some(({ id }) => id === source)).map(stateOf)),
  states: (localFiles) => Promise.all(localFiles.map(stateOf)),
  async choose(entryIds, place, previous) {
    const chosen = await checkLocalFiles(never, entryIds.map(findEntry), place)
    // if nothing can be stored (a private window), a handle lasts as long as the page
    if (handleOf(place)) await Promise.all(chosen.map(storeLocalFiles)).catch(() => undefined)
    else await Promise.all(chosen.map(({ source }) => forgetLocalFiles(source))).catch(() => undefined)
    const identities = await Promise.all(chosen.map(localIdentity))
    for (const localFiles of previous) {
      const identity = await localIdentity(localFiles)
      const replaced = chosen.some(({ source }) => source === localFiles.source)
      if (replaced && !identities.includes(identity)) await removeCachedWeights(identity).catch(() => undefined)
    }
    return chosen
  },
  async forget(localFiles) {
    await forgetLocalFiles(localFiles.source)
    await removeCachedWeights(await localIdentity(localFiles))
  },
}

async function stateOf(localFiles: LocalFiles): Promise<LocalFilesState> {
  if (!(await mayRead(localFiles.place))) return { localFiles, status: 'ask', error: null }
  try {
    await requireUnchanged(never, localFiles)
    return { localFiles, status: 'ready', error: null }
  } catch (error) {
    return { localFiles, status: 'gone', error: toErrorData(error) }
  }
}

function findEntry(id: string): CatalogueEntry {
  const entry = CATALOGUE.find((one) => one.id === id)
  if (!entry) throw new AppError('not-found', `Expected the id of a catalogue entry (${CATALOGUE.map((one) => one.id).join(', ')}), got ${id}.`, { source: id })
  return entry
}
