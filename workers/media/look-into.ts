// A video looked into before it is kept, and single frames of it as pictures.
import { AppError } from '../../src/shared/errors'
import { MIDDLE } from '../../src/shared/request'
import { openClipReader, type ClipReader } from './read-clip'

/** Frames are looked for at this rate; only the first and the last matter here. */
const LOOK_FPS = 30
/** Whether a frame can be decoded is seen at any size. */
const LOOK_SIZE = { width: 64, height: 64 }

/** The length of a video in seconds, once its first frame was decoded. @throws AppError unreadable-media naming the codec; AbortError */
export async function videoSeconds(signal: AbortSignal, file: Blob, name: string): Promise<number> {
  const reader = await openClipReader(signal, file, name)
  try {
    await frameAt(signal, reader, 0, LOOK_SIZE, name)
    return reader.seconds
  } finally {
    reader.close()
  }
}

/** The first or last frame of a clip as a PNG of its size. @throws AppError unreadable-media; AbortError */
export async function clipFrame(signal: AbortSignal, file: Blob, which: 'first' | 'last'): Promise<Blob> {
  const reader = await openClipReader(signal, file, 'The clip')
  try {
    const { width, height, seconds } = reader
    const at = which === 'first' ? 0 : Math.max(0, Math.round(seconds * LOOK_FPS) - 1)
    const pixels = new ImageData(await frameAt(signal, reader, at, { width, height }, 'The clip'), width, height)
    const canvas = new OffscreenCanvas(width, height)
    canvas.getContext('2d')?.putImageData(pixels, 0, 0)
    return await canvas.convertToBlob({ type: 'image/png' })
  } finally {
    reader.close()
  }
}

/** RGBA u8 [height, width, 4] */
async function frameAt(signal: AbortSignal, reader: ClipReader, index: number, size: { width: number; height: number }, name: string): Promise<Uint8ClampedArray<ArrayBuffer>> {
  for await (const frame of reader.frames(signal, { fps: LOOK_FPS, ...size, crop: MIDDLE }, index, 1)) return frame
  throw new AppError('unreadable-media', `${name} has no frame that can be read.`, { file: name })
}
