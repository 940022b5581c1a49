import { mediaRefsOf } from '../shared/recipe'
import type { GenerateRequest } from '../shared/request'
import { sources } from './media-assets.svelte'

/** The first picture or clip that a clip is made from, to be seen while it waits. Null for words alone, for videos, and where it is gone. */
export async function beginningPicture(request: GenerateRequest): Promise<Blob | null> {
  const source = mediaRefsOf(request).find(({ kind }) => kind !== 'video')
  const look = source && (await sources.look(source).catch(() => null))
  return look?.blob ?? null
}
