// A video file as frames of a clip: upright, cropped to the clip's aspect ratio, in its size and at its frame rate. Uses constant memory.
import { ALL_FORMATS, BlobSource, CanvasSink, Input } from 'mediabunny'
import { cropRectangle } from '../../src/shared/crop'
import { AppError } from '../../src/shared/errors'
import type { Crop } from '../../src/shared/request'

/** How frames are sampled from a video. */
export interface FrameOptions {
  /** frames per second */
  fps: number
  /** pixels */
  width: number
  height: number
  crop: Crop
}

/** An opened video. */
export interface ClipReader {
  seconds: number
  /** display size, pixels */
  width: number
  height: number
  /**
   * Up to `count` frames from index `first` on, RGBA u8 [height, width, 4]. Frame i is the one shown in the middle of the i-th
   * interval of 1/fps seconds, whatever the file's own frame rate is.
   * @throws AppError unreadable-media; AbortError
   */
  frames(signal: AbortSignal, options: FrameOptions, first: number, count: number): AsyncGenerator<Uint8ClampedArray<ArrayBuffer>, void, undefined>
  close(): void
}

/** Canvases that are reused for frames. */
const POOL = 2

/**
 * Opens a video file.
 * @throws AppError unreadable-media, naming the codec if this browser cannot decode it
 */
export async function openClipReader(signal: AbortSignal, file: Blob, name: string): Promise<ClipReader> {
  if (file.size === 0) throw unreadable(name, 'an empty file')
  const input = new Input({ source: new BlobSource(file), formats: ALL_FORMATS })
  try {
    if (!(await input.canRead())) throw unreadable(name, file.type || 'an unknown format')
    const track = await input.getPrimaryVideoTrack()
    if (!track) throw unreadable(name, 'a file without a video track')
    const codec = (await track.getCodec()) ?? 'an unknown codec'
    if (!(await track.canDecode())) throw unreadable(name, codec)
    const start = await track.getFirstTimestamp()
    const seconds = (await track.computeDuration()) - start
    signal.throwIfAborted()
    if (!(seconds > 0)) throw unreadable(name, `a video of ${seconds} s`)
    const size = { width: await track.getDisplayWidth(), height: await track.getDisplayHeight() }
    return {
      seconds,
      ...size,
      async *frames(reading, { fps, width, height, crop }, first, count) {
        const sink = new CanvasSink(track, { width, height, fit: 'fill', crop: cropRectangle(size, { width, height }, crop), poolSize: POOL })
        const end = Math.min(first + count, Math.max(1, Math.round(seconds * fps)))
        for await (const sample of sink.canvasesAtTimestamps(midpoints(start, fps, first, end))) {
          reading.throwIfAborted()
          const context = sample && (sample.canvas as OffscreenCanvas).getContext('2d')
          if (!context) throw unreadable(name, 'a gap between its frames')
          yield context.getImageData(0, 0, width, height).data as Uint8ClampedArray<ArrayBuffer>
        }
      },
      close: () => input.dispose(),
    }
  } catch (error) {
    input.dispose()
    if (error instanceof AppError || signal.aborted) throw error
    throw unreadable(name, `an unreadable file (${error instanceof Error ? error.message : String(error)})`)
  }
}

/** Seconds of the middles of the intervals `first` up to, not including, `end`. Not an array: the file's length is not to be trusted. */
function* midpoints(start: number, fps: number, first: number, end: number): Generator<number, void, undefined> {
  for (let index = first; index < end; index++) yield start + (index + 0.5) / fps
}

function unreadable(file: string, found: string): AppError {
  return new AppError(
    'unreadable-media',
    `${file}: expected a video that this browser can decode (mostly H.264, VP9 or AV1 in MP4, MOV, WebM or MKV), got ${found}.`,
    { file, found },
  )
}
