import { openAsset } from '../rpc/library'
import type { GenerateRequest } from '../shared/request'
import { beginningOf } from './beginning'
import { library } from './library.svelte'

/** What a clip begins with, to be seen while it waits: the picture itself, or the poster of a clip. Null for words alone, and where it is gone. */
export async function beginningPicture(request: GenerateRequest): Promise<Blob | null> {
  const beginning = beginningOf(request)
  if (!beginning) return null
  if (beginning.kind === 'picture') return openAsset(beginning.id).catch(() => null)
  if (library.status !== 'ready') await library.load()
  return library.clips.find(({ id }) => id === beginning.id)?.poster ?? null
}
