// A video file as frames of a clip: upright, cropped to the clip's shape, in its size and at its rate. Memory does not grow with its length.
import { ALL_FORMATS, BlobSource, CanvasSink, Input } from 'mediabunny'
import { cropRectangle } from '../../src/shared/crop'
import { AppError } from '../../src/shared/errors'
import type { Crop } from '../../src/shared/request'

/** How frames are taken from a video. */
export interface FrameOptions {
  /** pictures per second */
  fps: number
  /** pixels */
  width: number
  height: number
  crop: Crop
}

/** A video that can be read. */
export interface ClipReader {
  seconds: number
  /** pixels, as it is shown */
  width: number
  height: number
  /**
   * Frames from the `first`-th on, `count` of them or fewer where it ends, RGBA u8 [height, width, 4]: frame i is what is shown in
   * the middle of the i-th interval, whatever the file's own rate is.
   * @throws AppError unreadable-media; AbortError
   */
  frames(signal: AbortSignal, options: FrameOptions, first: number, count: number): AsyncGenerator<Uint8ClampedArray<ArrayBuffer>, void, undefined>
  close(): void
}

/** Canvases that frames are drawn on in turn. */
const POOL = 2

/**
 * Opens a video file.
 * @throws AppError unreadable-media naming the codec, when this browser cannot decode it
 */
export async function openClipReader(signal: AbortSignal, file: Blob, name: string): Promise<ClipReader> {
  if (file.size === 0) throw unreadable(name, 'no bytes', 'is empty: expected a video')
  const input = new Input({ source: new BlobSource(file), formats: ALL_FORMATS })
  try {
    if (!(await input.canRead())) throw unreadable(name, file.type || 'an unknown format', `(${file.type || 'of unknown kind'}) is no video that can be read: MP4, MOV, WebM and MKV work`)
    const track = await input.getPrimaryVideoTrack()
    if (!track) throw unreadable(name, 'no video track', 'has no pictures in it')
    const codec = (await track.getCodec()) ?? 'an unknown codec'
    if (!(await track.canDecode())) throw unreadable(name, codec, `is coded in ${codec}, which this browser cannot decode; H.264, VP9 and AV1 mostly work`)
    const begins = await track.getFirstTimestamp()
    const seconds = (await track.computeDuration()) - begins
    signal.throwIfAborted()
    if (!(seconds > 0)) throw unreadable(name, `${seconds} s`, 'has no length: expected at least one frame')
    const shown = { width: await track.getDisplayWidth(), height: await track.getDisplayHeight() }
    return {
      seconds,
      ...shown,
      async *frames(reading, { fps, width, height, crop }, first, count) {
        const sink = new CanvasSink(track, { width, height, fit: 'fill', crop: cropRectangle(shown, { width, height }, crop), poolSize: POOL })
        const end = Math.min(first + count, Math.max(1, Math.round(seconds * fps)))
        const times = Array.from({ length: Math.max(0, end - first) }, (_, index) => begins + (first + index + 0.5) / fps)
        for await (const shownThen of sink.canvasesAtTimestamps(times)) {
          reading.throwIfAborted()
          const context = shownThen && (shownThen.canvas as OffscreenCanvas).getContext('2d')
          if (!context) throw unreadable(name, 'no frame', 'has a gap in its pictures')
          yield context.getImageData(0, 0, width, height).data as Uint8ClampedArray<ArrayBuffer>
        }
      },
      close: () => input.dispose(),
    }
  } catch (error) {
    input.dispose()
    if (error instanceof AppError || signal.aborted) throw error
    throw unreadable(name, String(error), `cannot be read: ${error instanceof Error ? error.message : String(error)}`)
  }
}

function unreadable(file: string, found: string, what: string): AppError {
  return new AppError('unreadable-media', `${file} ${what}.`, { file, found })
}
