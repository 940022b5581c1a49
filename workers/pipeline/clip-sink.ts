// Frames in, a saved clip out: encoder, muxer and storage in one row.
import { AppError, type ErrorData } from '../../src/shared/errors'
import { RECIPE_TAG, type Recipe } from '../../src/shared/recipe'
import { chooseEncoder, matrixOf, startEncoder, type Codec, type EncoderChoice } from '../media/encode'
import { makePoster } from '../media/write-image'
import { startWebm } from '../media/webm'
import { i420ToRgba } from '../media/yuv'
import { openClipFile } from '../storage/clip-file'
import { unlockClip } from '../storage/clips'
import { saveClip, type RecordFacts, type SavedClip } from '../storage/library'
import { i420Format, type FrameFormat } from './frame-format'

/** A clip to come: pixels (even), pictures per second, and how many pictures are planned. */
export interface ClipSinkOptions {
  width: number
  height: number
  fps: number
  frames: number
  signal?: AbortSignal
  /** codecs to try, best first; all that a WebM holds by default */
  codecs?: readonly Codec[]
}

/** A clip whose bytes are written, but which has no record yet. */
export interface FinishedClip {
  /** type video/webm, or image/png of a still; there even when storage was full */
  blob: Blob
  /** WebCodecs codec string, or png */
  codec: string
  bytes: number
  durationSeconds: number
  /** name under clips/, or null when it is in memory only */
  file: string | null
  saveError?: ErrorData
  poster: Blob
}

/** Where a job puts its frames. */
export interface ClipSink {
  /** what add() takes */
  readonly format: FrameFormat
  /** the next frame in time order; may be reused by the caller once this resolves */
  add(frame: Uint8ClampedArray<ArrayBuffer>): Promise<void>
  /**
   * the whole clip of so many frames; when it rejects, abort() is still due
   * @param recipe what it was made from, for the file to carry
   */
  finish(frames: number, recipe?: Recipe): Promise<FinishedClip>
  /** drops everything written so far, also after finish(); harmless when called twice */
  abort(): Promise<void>
}

/** The encoder for a clip; asked before the work begins, so that no clip is made in vain. @throws AppError no-encoder */
export async function requireEncoder({ width, height, fps, codecs }: Omit<ClipSinkOptions, 'frames' | 'signal'>): Promise<EncoderChoice> {
  const choice = await chooseEncoder(width, height, fps, codecs)
  if (choice) return choice
  throw new AppError('no-encoder', `This browser has no VP9, AV1 or VP8 encoder for ${width}×${height}.`, { width, height, fps })
}

/**
 * Opens an encoder and a file for one clip.
 * @throws AppError no-encoder, bad-request (odd sides)
 */
export async function openClipSink({ width, height, fps, frames, signal, codecs }: ClipSinkOptions): Promise<ClipSink> {
  signal?.throwIfAborted()
  const choice = await requireEncoder({ width, height, fps, ...(codecs && { codecs }) })
  const file = await openClipFile(`${crypto.randomUUID()}.webm`)
  const webm = startWebm({ codec: choice.codec, width, height, fps }, (bytes, position) => file.write(bytes, position))
  const encoder = startEncoder(choice, fps, (packet, metadata) => {
    const bytes = new Uint8Array(packet.byteLength)
    packet.copyTo(bytes)
    webm.add(bytes, packet.type, packet.timestamp, metadata)
  })
  const matrix = matrixOf(choice)
  const posterFrame = Math.floor(frames / 2)
  let poster: Blob | undefined
  let added = 0

  return {
    format: i420Format(width, height, matrix),
    async add(i420) {
      signal?.throwIfAborted()
      // the middle, or the beginning of a clip that ends before it
      if (added === 0 || added === posterFrame) poster = await makePoster(i420ToRgba(i420, width, height, matrix), width, height)
      added++
      await encoder.add(i420)
    },
    async finish(expected, recipe) {
      signal?.throwIfAborted()
      if (!poster || added !== expected) throw new AppError('internal', `The clip has ${added} frames, expected ${expected}.`, { expected, found: added })
      await encoder.flush()
      encoder.close()
      const durationSeconds = added / fps
      const bytes = webm.finish(durationSeconds, recipe && { name: RECIPE_TAG, value: JSON.stringify(recipe) })
      return { ...(await file.finish()), codec: choice.codecString, bytes, durationSeconds, poster }
    },
    async abort() {
      encoder.close()
      await file.abort()
      unlockClip(file.name)
    },
  }
}

/** What a record says that the clip itself does not know. */
export type ClipFacts = Pick<RecordFacts, 'jobId' | 'request' | 'modelName' | 'modelVersion' | 'report'>

/** Writes the clip's record, last of all; without room for it the clip stays playable from memory. */
export async function saveRecord(clip: FinishedClip, facts: ClipFacts): Promise<SavedClip> {
  const { codec, durationSeconds, poster } = clip
  return saveClip(clip, { ...facts, codec, durationSeconds, poster })
}
