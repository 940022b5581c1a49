import type { ModelManifest } from '../shared/model'
import { assets } from './assets.svelte'
import { batchForm } from './batch-form.svelte'
import { draft } from './draft.svelte'
import type { MadeClip } from './generation.svelte'

/** Sets the form up for a clip that begins with a draft: its picture, words and size, and the length of a clip. @returns whether the picture could be kept */
export async function animate({ request, result }: MadeClip, model: ModelManifest): Promise<boolean> {
  await assets.beginWith(new File([result.blob], 'This draft', { type: result.blob.type }))
  const { beginning } = draft
  if (assets.error || !beginning) return false
  const frames = draft.frames > 1 ? draft.frames : model.frames.default
  draft.makeFrom(request, beginning)
  draft.take({ frames })
  batchForm.kind = 'one'
  return true
}
