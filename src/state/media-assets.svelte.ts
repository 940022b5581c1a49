import { SvelteSet } from 'svelte/reactivity'
import { saveAsset, saveFrame, saveVideo, openAsset } from '../rpc/library'
import { AppError } from '../shared/errors'
import type { ClipRecord } from '../shared/record'
import type { MediaRef } from '../shared/request'
import { library } from './library.svelte'
import type { Given } from './made-from'

/** What a source looks like. */
export interface MediaPreview {
  name: string
  /** the picture, the clip's poster, or the video itself */
  blob: Blob
  seconds?: number
}

/** Pictures, videos and clips that a person gives to the form. Files are kept in the app's storage, so that a clip can be made again. */
class Sources {
  /** ids of what was looked for and is not here any more */
  readonly gone = new SvelteSet<string>()
  /** how many files are being read and kept: what is made meanwhile would be made without them */
  reading = $state(0)

  /** Keeps a picture. @throws AppError unreadable-media, before it is kept */
  async keepPicture(file: File): Promise<Given> {
    if (file.type.startsWith('video/')) throw new AppError('unreadable-media', `${file.name} is a video: expected a picture here. Extend and Remix take videos.`, { file: file.name })
    const { id, name } = await this.#read(async () => {
      await readable(file)
      return saveAsset(file)
    })
    return this.#here({ kind: 'image', id, name })
  }

  /** Keeps a video. @throws AppError unreadable-media naming the codec, before it is kept */
  async saveVideo(file: File): Promise<Given> {
    if (file.type.startsWith('image/')) throw new AppError('unreadable-media', `${file.name} is a picture: expected a video here. Picture and Keyframes take pictures.`, { file: file.name })
    const { id, name, seconds } = await this.#read(() => saveVideo(file))
    return this.#here({ kind: 'video', id, name, seconds })
  }

  /** Keeps a picture or a video, whichever the file is. @throws AppError unreadable-media */
  keep(file: File): Promise<Given> {
    return file.type.startsWith('image/') ? this.keepPicture(file) : this.saveVideo(file)
  }

  /** Keeps a frame of a clip, or a still, as a picture. @throws AppError not-found, unreadable-media */
  async saveFrame(clip: ClipRecord, which: 'first' | 'last'): Promise<Given> {
    const { id } = await this.#read(() => saveFrame(clip.id, which))
    const frame = clip.file.endsWith('.png') ? 'Still' : which === 'first' ? 'First frame' : 'Last frame'
    return this.#here({ kind: 'image', id, name: `${frame} of ${clip.request.prompt}` })
  }

  /** A clip of the library, to be made from. */
  clip({ id, request, durationSeconds }: ClipRecord): Given {
    return this.#here({ kind: 'clip', id, name: request.prompt, seconds: durationSeconds })
  }

  /** What a source looks like; null where it is not here any more. @throws AppError when storage cannot be read */
  async look({ kind, id }: MediaRef): Promise<MediaPreview | null> {
    const look = await (kind === 'clip' ? lookAtClip(id) : lookAtAsset(id))
    if (look) this.gone.delete(id)
    else this.gone.add(id)
    return look
  }

  async #read<Kept>(keep: () => Promise<Kept>): Promise<Kept> {
    this.reading++
    try {
      return await keep()
    } finally {
      this.reading--
    }
  }

  #here(given: Given): Given {
    this.gone.delete(given.id)
    return given
  }
}

async function lookAtClip(id: string): Promise<MediaPreview | null> {
  if (library.status !== 'ready') await library.load()
  if (library.error && library.status === 'failed') throw new AppError(library.error.code, library.error.message, library.error.details)
  const clip = library.clips.find((candidate) => candidate.id === id)
  return clip ? { name: clip.request.prompt, blob: clip.poster, seconds: clip.durationSeconds } : null
}

async function lookAtAsset(id: string): Promise<MediaPreview | null> {
  try {
    const file = await openAsset(id)
    return { name: file.name, blob: file }
  } catch (thrown) {
    if (thrown instanceof AppError && thrown.code === 'not-found') return null
    throw thrown
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

export const sources = new Sources()
