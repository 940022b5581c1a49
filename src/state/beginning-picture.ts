import { mediaOf } from '../shared/recipe'
import type { GenerateRequest } from '../shared/request'
import { sources } from './media-assets.svelte'

/** A preview of the first image or clip that a request names. Null of text to video, of videos, and where it is gone. */
export async function beginningPicture(request: GenerateRequest): Promise<Blob | null> {
  const media = mediaOf(request).find(({ kind }) => kind !== 'video')
  const look = media && (await sources.look(media).catch(() => null))
  return look?.blob ?? null
}
