// The frames of what a request names: the user's pictures and videos, and clips of the library.
import { AppError } from '../../src/shared/errors'
import { MIDDLE, type ClipPart, type Condition, type Crop, type MediaRef } from '../../src/shared/request'
import { openClipReader, type ClipReader } from '../media/read-clip'
import { openImageReader, readImage } from '../media/read-image'
import { openAsset } from '../storage/assets'
import { openSavedClip } from '../storage/library'

/** Size and rate that frames are brought to. */
export interface FrameShape {
  /** pixels */
  width: number
  height: number
  /** pictures per second */
  fps: number
}

type Rgba = Uint8ClampedArray<ArrayBuffer>

/** A part of a video, read frame by frame. */
export interface PartFrames {
  /** how many there are at the clip's rate */
  count: number
  /** RGBA u8 [height, width, 4], from the `first`-th of the part on */
  read(signal: AbortSignal, first: number, count: number): AsyncGenerator<Rgba, void, undefined>
  close(): void
}

/** Where a plan's pictures and clips are: of a page, what it keeps. Functions as {@link openPart} and {@link pictureFrame}. */
export interface MediaFrames {
  openPart: typeof openPart
  pictureFrame: typeof pictureFrame
}

/**
 * Opens a part of a clip.
 * @param stretchedTo frames that the part is made to last, faster or slower than it was; as long as it is where nothing is said
 * @throws AppError not-found, unreadable-media, bad-request (nothing is left of it)
 */
export async function openPart(signal: AbortSignal, { source, fromSeconds = 0, toSeconds, crop = MIDDLE }: ClipPart, shape: FrameShape, stretchedTo?: number): Promise<PartFrames> {
  const reader = await openVideo(signal, source)
  const endSeconds = Math.min(toSeconds ?? Infinity, reader.seconds)
  // frames of a part that is stretched are taken at a rate of their own
  const fps = stretchedTo !== undefined && endSeconds > fromSeconds ? stretchedTo / (endSeconds - fromSeconds) : shape.fps
  const first = Math.round(fromSeconds * fps)
  const end = Math.round(endSeconds * fps)
  const count = Math.max(end, first === 0 ? 1 : 0) - first
  if (count < 1) {
    reader.close()
    throw new AppError('bad-request', `A clip of ${reader.seconds.toFixed(2)} s has no frames from ${fromSeconds} s${toSeconds === undefined ? '' : ` to ${toSeconds} s`} on.`, { field: 'fromSeconds' })
  }
  return {
    count,
    read: (reading, from, many) => reader.frames(reading, { ...shape, fps, crop }, first + from, Math.min(many, count - from)),
    close: () => reader.close(),
  }
}

/**
 * The frames of a condition, one after the other: a picture's, or those of a clip that fit in `room` frames.
 * @returns RGBA u8 [F, height, width, 4]
 * @throws AppError not-found, unreadable-media, bad-request; AbortError
 */
export async function conditionFrames(signal: AbortSignal, sources: MediaFrames, condition: Condition, shape: FrameShape, room: number): Promise<Rgba> {
  const { source, crop = MIDDLE, fromSeconds, frames = room } = condition
  if (source.kind === 'image') return sources.pictureFrame(source.id, shape, crop)
  const part = await sources.openPart(signal, { source, crop, ...(fromSeconds !== undefined && { fromSeconds }) }, shape)
  try {
    return await gather(part.read(signal, 0, Math.min(frames, room)), shape)
  } finally {
    part.close()
  }
}

/** Frames one after the other in one array. */
export async function gather(frames: AsyncIterable<Rgba>, { width, height }: FrameShape): Promise<Rgba> {
  const kept: Rgba[] = []
  for await (const frame of frames) kept.push(frame)
  const all = new Uint8ClampedArray(kept.length * width * height * 4)
  kept.forEach((frame, index) => all.set(frame, index * width * height * 4))
  return all
}

/** A kept picture as one frame, RGBA u8 [height, width, 4]. @throws AppError not-found, unreadable-media */
export async function pictureFrame(id: string, { width, height }: FrameShape, crop: Crop): Promise<Rgba> {
  const { file, name } = await openAsset(id)
  return readImage(file, name, width, height, crop)
}

async function openVideo(signal: AbortSignal, { kind, id }: MediaRef): Promise<ClipReader> {
  if (kind === 'clip') {
    const clip = await openSavedClip(id)
    return clip.type.startsWith('image/') ? openImageReader(clip, 'The still') : openClipReader(signal, clip, 'The clip')
  }
  const { file, name } = await openAsset(id)
  return openClipReader(signal, file, name)
}

/** What this page keeps: assets and the library. */
export const storedMedia: MediaFrames = { openPart, pictureFrame }
