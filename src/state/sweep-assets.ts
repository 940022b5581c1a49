// Deletes media assets that nothing refers to.
import { sweepAssets as sweep } from '../rpc/library'
import { assetIdsIn } from '../shared/record'
import { draft } from './draft.svelte'
import { library } from './library.svelte'
import { queue } from './queue.svelte'
import { readStored, storedKeys } from './stored'

/** Milliseconds that unused assets are kept, for undo. */
const UNUSED_MS = 24 * 3_600_000

/**
 * Deletes media assets that no clip, form or queue of any tab refers to and that no open page holds. Never rejects; a failure is
 * retried the next time.
 */
export async function sweepAssets(): Promise<void> {
  const referenced = assetIdsIn([draft.madeFrom, queue.assetReferences, storedKeys('').map(readStored)])
  const removed = await sweep(referenced, Date.now() - UNUSED_MS).catch(() => 0)
  if (removed > 0) await library.load()
}
