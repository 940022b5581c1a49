// Models on the user's own disk: what was chosen, whether it still is what it was, and forgetting it.
import { handleOf, type DiskPick, type PickState } from '../../src/shared/disk-pick'
import type { DiskDoor } from '../../src/shared/doors'
import { AppError, toErrorData } from '../../src/shared/errors'
import { SOURCES, type ModelSource } from '../../src/shared/sources'
import { forgetPick, keepPick, listPicks } from '../storage/kept-picks'
import { removeKeptWeights } from '../weights/kept-weights'
import { mayRead, pickIdentity, requireUnchanged } from '../weights/picked-files'
import { checkPlace } from './check-pick'

const never = new AbortController().signal

/** The door of disk.worker. */
export const diskModels: DiskDoor = {
  // of sources that this version of the page knows
  list: async () => Promise.all((await listPicks()).filter(({ source }) => SOURCES.some(({ id }) => id === source)).map(stateOf)),
  look: (picks) => Promise.all(picks.map(stateOf)),
  async pick(sources, place, former) {
    const picks = await checkPlace(never, sources.map(findSource), place)
    // where nothing can be kept (a private window) a handle lasts as long as the page
    if (handleOf(place)) await Promise.all(picks.map(keepPick)).catch(() => undefined)
    else await Promise.all(picks.map(({ source }) => forgetPick(source))).catch(() => undefined)
    const now = await Promise.all(picks.map(pickIdentity))
    for (const pick of former) {
      const identity = await pickIdentity(pick)
      if (picks.some(({ source }) => source === pick.source) && !now.includes(identity)) await removeKeptWeights(identity).catch(() => undefined)
    }
    return picks
  },
  async forget(pick) {
    await forgetPick(pick.source)
    await removeKeptWeights(await pickIdentity(pick))
  },
}

async function stateOf(pick: DiskPick): Promise<PickState> {
  if (!(await mayRead(pick.place))) return { pick, status: 'ask', error: null }
  try {
    await requireUnchanged(never, pick)
    return { pick, status: 'ready', error: null }
  } catch (error) {
    return { pick, status: 'gone', error: toErrorData(error) }
  }
}

function findSource(id: string): ModelSource {
  const source = SOURCES.find((one) => one.id === id)
  if (!source) throw new AppError('not-found', `No model source is called ${id}; there are ${SOURCES.map((one) => one.id).join(', ')}.`, { source: id })
  return source
}
