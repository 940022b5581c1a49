// Pictures and videos of the user's own that nothing names any more.
import { sweepAssets as sweep } from '../rpc/library'
import { assetIdsIn } from '../shared/record'
import { draft } from './draft.svelte'
import { library } from './library.svelte'
import { queue } from './queue.svelte'
import { readStored, storedKeys } from './stored'

/** What was taken out of a form, or whose clip was deleted, is wanted again on the same day at most. */
const KEPT_MS = 24 * 3_600_000

/**
 * Deletes files that no clip, form or queue names, of this tab or of any other, and that no open page has in its hand. Where that
 * fails, the next time does it. Never rejects.
 */
export async function sweepAssets(): Promise<void> {
  const named = assetIdsIn([draft.madeFrom, queue.remembered, storedKeys('').map(readStored)])
  const removed = await sweep(named, Date.now() - KEPT_MS).catch(() => 0)
  if (removed > 0) await library.load()
}
