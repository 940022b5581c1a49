// Models on the user's own disk: what was chosen, whether it still is what it was, and forgetting it.
import { handleOf, type LocalFiles, type LocalFilesState } from '../../src/shared/local-files'
import type { LocalFilesApi } from '../../src/shared/worker-apis'
import { AppError, toErrorData } from '../../src/shared/errors'
import { CATALOGUE, type CatalogueEntry } from '../../src/shared/model-catalogue'
import { forgetLocalFiles, storeLocalFiles, listLocalFiles } from '../storage/local-files-store'
import { removeCachedWeights } from '../weights/cached-weights'
import { mayRead, localIdentity, requireUnchanged } from '../weights/local-file-handles'
import { checkLocalFiles } from './check-local-files'

const never = new AbortController().signal

/** The door of disk.worker. */
export const localModels: LocalFilesApi = {
  // of sources that this version of the page knows
  list: async () => Promise.all((await listLocalFiles()).filter(({ source }) => CATALOGUE.some(({ id }) => id === source)).map(stateOf)),
  look: (picks) => Promise.all(picks.map(stateOf)),
  async pick(sources, place, former) {
    const picks = await checkLocalFiles(never, sources.map(findSource), place)
    // where nothing can be kept (a private window) a handle lasts as long as the page
    if (handleOf(place)) await Promise.all(picks.map(storeLocalFiles)).catch(() => undefined)
    else await Promise.all(picks.map(({ source }) => forgetLocalFiles(source))).catch(() => undefined)
    const now = await Promise.all(picks.map(localIdentity))
    for (const pick of former) {
      const identity = await localIdentity(pick)
      if (picks.some(({ source }) => source === pick.source) && !now.includes(identity)) await removeCachedWeights(identity).catch(() => undefined)
    }
    return picks
  },
  async forget(pick) {
    await forgetLocalFiles(pick.source)
    await removeCachedWeights(await localIdentity(pick))
  },
}

async function stateOf(pick: LocalFiles): Promise<LocalFilesState> {
  if (!(await mayRead(pick.place))) return { pick, status: 'ask', error: null }
  try {
    await requireUnchanged(never, pick)
    return { pick, status: 'ready', error: null }
  } catch (error) {
    return { pick, status: 'gone', error: toErrorData(error) }
  }
}

function findSource(id: string): CatalogueEntry {
  const source = CATALOGUE.find((one) => one.id === id)
  if (!source) throw new AppError('not-found', `No model source is called ${id}; there are ${CATALOGUE.map((one) => one.id).join(', ')}.`, { source: id })
  return source
}
