// The frames of a request's media: images and videos of the user's own, and clips of the library.
import { shownFrames, type MediaPiece, type Piece } from '../../src/shared/plan'
import { AppError } from '../../src/shared/errors'
import { MIDDLE, type ClipPart, type Condition, type Crop, type MediaRef } from '../../src/shared/request'
import type { ClipReader } from '../media/read-clip'
import { openImageReader, readImage } from '../media/read-image'
import { openTimedReader } from '../media/timed-clip-reader'
import { wholePart } from '../media/whole-part'
import { openAsset } from '../storage/assets'
import { openSavedClip } from '../storage/library'
import type { FrameWriter } from './frame-writer'
import type { JobContext } from './job-context'

/** Size and rate that frames are brought to. */
export interface FrameShape {
  /** pixels */
  width: number
  height: number
  /** frames per second */
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

/** Where a plan's images and clips come from; in the app {@link storedMedia}. */
export interface MediaFrames {
  openPart: typeof openPart
  imageFrame: typeof imageFrame
}

/**
 * Opens a part of a clip.
 * @param stretchedTo frames that the part is stretched or squeezed to; undefined: its own length at the clip's rate
 * @throws AppError not-found, unreadable-media, bad-request (nothing is left of it)
 */
export async function openPart(
  signal: AbortSignal,
  { source, fromSeconds = 0, toSeconds, crop = MIDDLE }: ClipPart,
  shape: FrameShape,
  stretchedTo?: number,
): Promise<PartFrames> {
  const reader = await openVideo(signal, source)
  const endSeconds = Math.min(toSeconds ?? Infinity, reader.seconds)
  // a stretched part is sampled at a rate of its own
  const fps = stretchedTo !== undefined && endSeconds > fromSeconds ? stretchedTo / (endSeconds - fromSeconds) : shape.fps
  const first = Math.round(fromSeconds * fps)
  const end = Math.round(endSeconds * fps)
  const count = Math.max(end, first === 0 ? 1 : 0) - first
  if (count < 1) {
    reader.close()
    throw new AppError(
      'bad-request',
      `A clip of ${reader.seconds.toFixed(2)} s has no frames from ${fromSeconds} s${toSeconds === undefined ? '' : ` to ${toSeconds} s`} on.`,
      { field: 'fromSeconds' },
    )
  }
  return {
    count,
    read: (reading, from, many) => reader.frames(reading, { ...shape, fps, crop }, first + from, Math.min(many, count - from)),
    close: () => reader.close(),
  }
}

/**
 * The frames of a condition, one after the other: an image's, or as many of a clip as fit in `most` frames.
 * @returns RGBA u8 [F, height, width, 4]
 * @throws AppError not-found, unreadable-media, bad-request; AbortError
 */
export async function conditionFrames(signal: AbortSignal, media: MediaFrames, condition: Condition, shape: FrameShape, most: number): Promise<Rgba> {
  const { source, crop = MIDDLE, fromSeconds, frames = most } = condition
  if (source.kind === 'image') return media.imageFrame(source.id, shape, crop)
  const part = await media.openPart(signal, { source, crop, ...(fromSeconds !== undefined && { fromSeconds }) }, shape)
  try {
    return await gather(part.read(signal, 0, Math.min(frames, most)), shape)
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

/** An image asset as one frame, RGBA u8 [height, width, 4]. @throws AppError not-found, unreadable-media */
export async function imageFrame(id: string, { width, height }: FrameShape, crop: Crop): Promise<Rgba> {
  const { file, name } = await openAsset(id)
  return readImage(file, name, width, height, crop)
}

async function openVideo(signal: AbortSignal, { kind, id }: MediaRef): Promise<ClipReader> {
  if (kind === 'clip') {
    const clip = await openSavedClip(id)
    return clip.type.startsWith('image/') ? openImageReader(clip, 'The still') : openTimedReader(signal, clip, 'The clip')
  }
  const { file, name } = await openAsset(id)
  return openTimedReader(signal, file, name, await usableSeconds(signal, id, file, name))
}

/** What of each video of the user's own can be used, found once: a job opens it several times. */
const usable = new Map<string, number>()

/** Seconds of a video before it is cut off or damaged; Infinity if it is whole. */
async function usableSeconds(signal: AbortSignal, id: string, file: Blob, name: string): Promise<number> {
  const known = usable.get(id)
  if (known !== undefined) return known
  const { seconds, ofSeconds } = await wholePart(signal, file, name)
  const found = seconds < ofSeconds ? seconds : Infinity
  usable.set(id, found)
  return found
}

/** The media that this site stores: assets and the library. */
export const storedMedia: MediaFrames = { openPart, imageFrame }

/** Frames of the finished clip. Opens all media of the plan, so that nothing is generated around a clip that is gone. @throws as openPart */
export async function countFrames(signal: AbortSignal, media: MediaFrames, plan: readonly Piece[], shape: FrameShape): Promise<number> {
  let frames = 0
  for (const piece of plan) {
    if (piece.kind === 'media') {
      const part = await media.openPart(signal, piece.part, shape)
      frames += part.count
      part.close()
    } else frames += shownFrames(piece)
    frames -= piece.dissolve
  }
  return frames
}

/** Writes the frames of a piece that exists already. @throws as openPart; AbortError */
export async function writeMedia(
  { signal, report }: JobContext,
  media: MediaFrames,
  { part }: MediaPiece,
  shape: FrameShape,
  writer: FrameWriter,
): Promise<void> {
  const frames = await media.openPart(signal, part, shape)
  try {
    let written = 0
    for await (const frame of frames.read(signal, 0, frames.count)) {
      await writer.add(signal, frame)
      report({ stage: 'decoding', step: ++written, steps: frames.count })
    }
  } finally {
    frames.close()
  }
}
