import type { ModelManifest } from '../shared/model'
import { batchForm } from './batch-form.svelte'
import { draft } from './draft.svelte'
import type { MadeClip } from './generation.svelte'
import { mediaAssets } from './media-assets.svelte'

/** Sets the form up for a clip that begins with a draft: its image, prompt and size, and the length of a clip. @throws AppError when the image cannot be stored */
export async function animate({ request, result }: MadeClip, model: ModelManifest): Promise<void> {
  const image = await mediaAssets.saveImage(new File([result.blob], 'This draft', { type: result.blob.type }))
  const frames = draft.frames > 1 ? draft.frames : model.frames.default
  draft.makeFrom(request, 'i2v', image)
  draft.take({ frames })
  batchForm.kind = 'one'
}
