import { SvelteSet } from 'svelte/reactivity'
import { keepAsset, keepFrame, keepVideo, openAsset } from '../rpc/library'
import { AppError } from '../shared/errors'
import type { MediaInput } from '../shared/modes/mode'
import type { ClipRecord } from '../shared/record'
import type { MediaRef } from '../shared/request'
import { library } from './library.svelte'

/** A preview of media. */
export interface MediaPreview {
  name: string
  /** the image, the clip's poster, or the video itself */
  blob: Blob
  seconds?: number
}

/** Images, videos and clips that a person chooses for the form. Files are stored in the app's storage, so that a clip can be made again. */
class Sources {
  /** ids of media that were looked up and do not exist any more */
  readonly gone = new SvelteSet<string>()
  /** how many files are being read and stored: a clip that is made meanwhile would be made without them */
  reading = $state(0)

  /** Stores an image. @throws AppError unreadable-media, before it is stored */
  async keepPicture(file: File): Promise<MediaInput> {
    if (file.type.startsWith('video/')) throw new AppError('unreadable-media', `${file.name} is a video: expected an image. Extend and Remix take videos.`, { file: file.name })
    const { id, name } = await this.#read(async () => {
      await readable(file)
      return keepAsset(file)
    })
    return this.#here({ kind: 'image', id, name })
  }

  /** Stores a video. @throws AppError unreadable-media naming the codec, before it is stored */
  async keepVideo(file: File): Promise<MediaInput> {
    if (file.type.startsWith('image/')) throw new AppError('unreadable-media', `${file.name} is an image: expected a video. Image to video and Keyframes take images.`, { file: file.name })
    const { id, name, seconds } = await this.#read(() => keepVideo(file))
    return this.#here({ kind: 'video', id, name, seconds })
  }

  /** Stores an image or a video, by the type of the file. @throws AppError unreadable-media */
  keep(file: File): Promise<MediaInput> {
    return file.type.startsWith('image/') ? this.keepPicture(file) : this.keepVideo(file)
  }

  /** Stores a frame of a clip, or a still, as an image. @throws AppError not-found, unreadable-media */
  async keepFrame(clip: ClipRecord, which: 'first' | 'last'): Promise<MediaInput> {
    const { id } = await this.#read(() => keepFrame(clip.id, which))
    const frame = clip.file.endsWith('.png') ? 'Still' : which === 'first' ? 'First frame' : 'Last frame'
    return this.#here({ kind: 'image', id, name: `${frame} of ${clip.request.prompt}` })
  }

  /** A clip of the library as an input. */
  clip({ id, request, durationSeconds }: ClipRecord): MediaInput {
    return this.#here({ kind: 'clip', id, name: request.prompt, seconds: durationSeconds })
  }

  /** A preview of media; null where they do not exist any more. @throws AppError when storage cannot be read */
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

  #here(media: MediaInput): MediaInput {
    this.gone.delete(media.id)
    return media
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
    throw new AppError('unreadable-media', `${file.name} is not an image that this browser can read: JPEG, PNG, WebP, AVIF and GIF work.`, { file: file.name })
  }
}

export const sources = new Sources()
