// Facts about a video file: its length, its first and last frame, and its text tags.
import { ALL_FORMATS, BlobSource, Input } from 'mediabunny'
import { AppError } from '../../src/shared/errors'
import { MIDDLE } from '../../src/shared/request'
import type { ClipReader } from './read-clip'
import { inTime, openTimedReader } from './timed-clip-reader'

/** The rate at which frames are sampled; only the first and the last are used. */
const SAMPLE_FPS = 30
/** Milliseconds for the tags of a file. */
const TAG_MS = 10_000

/** The first or last frame of a clip as a PNG of its size. @throws AppError unreadable-media; AbortError */
export async function clipFrame(signal: AbortSignal, file: Blob, which: 'first' | 'last'): Promise<Blob> {
  const reader = await openTimedReader(signal, file, 'The clip')
  try {
    const { width, height, seconds } = reader
    const at = which === 'first' ? 0 : Math.max(0, Math.round(seconds * SAMPLE_FPS) - 1)
    const pixels = new ImageData(await frameAt(signal, reader, at, { width, height }, 'The clip'), width, height)
    const canvas = new OffscreenCanvas(width, height)
    canvas.getContext('2d')?.putImageData(pixels, 0, 0)
    return await canvas.convertToBlob({ type: 'image/png' })
  } finally {
    reader.close()
  }
}

/** RGBA u8 [height, width, 4] */
async function frameAt(
  signal: AbortSignal,
  reader: ClipReader,
  index: number,
  size: { width: number; height: number },
  name: string,
): Promise<Uint8ClampedArray<ArrayBuffer>> {
  for await (const frame of reader.frames(signal, { fps: SAMPLE_FPS, ...size, crop: MIDDLE }, index, 1)) return frame
  throw new AppError('unreadable-media', `${name}: expected at least one frame that this browser can decode, got none.`, { file: name })
}

/** A text tag of a video by its name; null if it has none, or is not a readable video. */
export async function readVideoTag(file: Blob, name: string): Promise<string | null> {
  const input = new Input({ source: new BlobSource(file), formats: ALL_FORMATS })
  try {
    const tags = async () => ((await input.canRead()) ? (await input.getMetadataTags()).raw : undefined)
    const value = (await inTime(tags(), TAG_MS, 'The file', 'its tags'))?.[name]
    return typeof value === 'string' ? value : null
  } catch {
    return null // truncated or damaged, or it takes too long
  } finally {
    input.dispose()
  }
}
