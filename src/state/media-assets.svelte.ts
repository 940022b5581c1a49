import { SvelteMap, SvelteSet } from 'svelte/reactivity'
import { saveAsset, saveFrame, saveVideo, openAsset } from '../rpc/library'
import { AppError, cutText } from '../shared/errors'
import type { MediaInput } from '../shared/modes/mode'
import type { ClipRecord } from '../shared/record'
import { mediaRefsOf } from '../shared/recipe'
import type { GenerateRequest, MediaRef } from '../shared/request'
import { library } from './library.svelte'

/** Name and preview of a media asset. */
export interface MediaPreview {
  name: string
  /** the image, the poster of a clip, or the video */
  blob: Blob
  seconds?: number
}

/** Images, videos and clips that the user adds to the form. Files are copied to the app's storage, so that a clip can be generated again. */
class MediaAssets {
  /** ids of assets that no longer exist */
  readonly gone = new SvelteSet<string>()
  /** videos that are cut off or damaged, by id, and what of them is used */
  readonly cutOff = new SvelteMap<string, { seconds: number; ofSeconds: number }>()
  /** number of files that are being stored; a clip generated meanwhile would miss them */
  reading = $state(0)

  /** Stores an image. @throws AppError unreadable-media if it cannot be decoded */
  async saveImage(file: File): Promise<MediaInput> {
    if (file.type.startsWith('video/'))
      throw new AppError('unreadable-media', `${cutText(file.name)} is a video. Expected an image here. To use a video, choose Extend or Remix.`, {
        file: file.name,
      })
    const { id, name } = await this.#read(async () => {
      await assertDecodable(file)
      return saveAsset(file)
    })
    return this.#here({ kind: 'image', id, name })
  }

  /** Stores a video. @throws AppError unreadable-media naming the codec if it cannot be decoded */
  async saveVideo(file: File): Promise<MediaInput> {
    if (file.type.startsWith('image/'))
      throw new AppError('unreadable-media', `${cutText(file.name)} is an image. Expected a video here. To use an image, choose Image to video or Keyframes.`, {
        file: file.name,
      })
    const { id, name, seconds, ofSeconds } = await this.#read(() => saveVideo(file))
    if (seconds < ofSeconds) this.cutOff.set(id, { seconds, ofSeconds })
    return this.#here({ kind: 'video', id, name, seconds })
  }

  /** Stores an image or a video. @throws AppError unreadable-media */
  save(file: File): Promise<MediaInput> {
    return file.type.startsWith('image/') ? this.saveImage(file) : this.saveVideo(file)
  }

  /** Stores a frame of a clip as an image. @throws AppError not-found, unreadable-media */
  async saveFrame(clip: ClipRecord, which: 'first' | 'last'): Promise<MediaInput> {
    const { id } = await this.#read(() => saveFrame(clip.id, which))
    const frame = clip.file.endsWith('.png') ? 'Image' : which === 'first' ? 'First frame' : 'Last frame'
    return this.#here({ kind: 'image', id, name: `${frame} of ${clip.request.prompt}` })
  }

  /** A clip of the library as a media asset. */
  clip({ id, request, durationSeconds }: ClipRecord): MediaInput {
    return this.#here({ kind: 'clip', id, name: request.prompt, seconds: durationSeconds })
  }

  /** Preview of an asset; null if it no longer exists. @throws AppError if storage cannot be read */
  async look({ kind, id }: MediaRef): Promise<MediaPreview | null> {
    const preview = await (kind === 'clip' ? previewClip(id) : previewFile(id))
    if (preview) this.gone.delete(id)
    else this.gone.add(id)
    return preview
  }

  /** The first image or clip that a request is made from, shown while its job waits. Null for words alone, for videos, and where it is gone. */
  async firstImageOf(request: GenerateRequest): Promise<Blob | null> {
    const source = mediaRefsOf(request).find(({ kind }) => kind !== 'video')
    const preview = source && (await this.look(source).catch(() => null))
    return preview?.blob ?? null
  }

  async #read<Stored>(store: () => Promise<Stored>): Promise<Stored> {
    this.reading++
    try {
      return await store()
    } finally {
      this.reading--
    }
  }

  #here(given: MediaInput): MediaInput {
    this.gone.delete(given.id)
    return given
  }
}

async function previewClip(id: string): Promise<MediaPreview | null> {
  if (library.status !== 'ready') await library.load()
  if (library.error && library.status === 'failed') throw new AppError(library.error.code, library.error.message, library.error.details)
  const clip = library.clips.find((candidate) => candidate.id === id)
  return clip ? { name: clip.request.prompt, blob: clip.poster, seconds: clip.durationSeconds } : null
}

async function previewFile(id: string): Promise<MediaPreview | null> {
  try {
    const file = await openAsset(id)
    return { name: file.name, blob: file }
  } catch (thrown) {
    if (thrown instanceof AppError && thrown.code === 'not-found') return null
    throw thrown
  }
}

/** @throws AppError unreadable-media if the browser cannot decode the image */
async function assertDecodable(file: File): Promise<void> {
  try {
    ;(await createImageBitmap(file)).close()
  } catch {
    if (await isShown(file)) return
    throw new AppError('unreadable-media', `${cutText(file.name)} is not an image that this browser can read. Use JPEG, PNG, WebP, AVIF or GIF.`, {
      file: file.name,
    })
  }
}

/** Whether the browser shows a file as an image; of one that is cut short, it shows what is there. */
async function isShown(file: File): Promise<boolean> {
  const url = URL.createObjectURL(file)
  try {
    return await new Promise((resolve) => {
      const image = new Image()
      image.onload = () => resolve(image.naturalWidth > 0)
      image.onerror = () => resolve(false)
      image.src = url
    })
  } finally {
    URL.revokeObjectURL(url)
  }
}

export const mediaAssets = new MediaAssets()
