import { keepAsset, openAsset } from '../rpc/library'
import { AppError, toErrorData } from '../shared/errors'
import type { ErrorData } from '../shared/errors'
import { draft } from './draft.svelte'

/** Pictures that a person gives to the form: kept in the app's storage, so that the clip can be made again. */
class Assets {
  keeping = $state(false)
  /** why the latest file was not taken */
  error = $state.raw<ErrorData | null>(null)

  /** Keeps a picture, and makes it the first frame of the next clip. A file that is none is refused before it is kept. */
  async beginWith(file: File): Promise<void> {
    this.keeping = true
    this.error = null
    try {
      await readable(file)
      const { id, name } = await keepAsset(file)
      draft.beginning = { kind: 'picture', id, name, strength: 1 }
    } catch (thrown) {
      this.error = toErrorData(thrown)
    } finally {
      this.keeping = false
    }
  }

  /** The kept file. @throws AppError not-found */
  open(id: string): Promise<File> {
    return openAsset(id)
  }
}

/** @throws the reason why this browser cannot show it */
async function readable(file: File): Promise<void> {
  try {
    ;(await createImageBitmap(file)).close()
  } catch {
    throw new AppError('unreadable-media', `${file.name} is no picture that this browser reads: JPEG, PNG, WebP, AVIF and GIF work.`, { file: file.name })
  }
}

export const assets = new Assets()
