// A video file as frames of a clip: upright, cropped to the clip's aspect ratio, in its size and at its frame rate. Uses constant memory.
import { ALL_FORMATS, BlobSource, CanvasSink, EncodedPacketSink, Input, type InputVideoTrack } from 'mediabunny'
import { evenCropRectangle } from '../../src/shared/crop'
import { AppError } from '../../src/shared/errors'
import { kindOfFile } from '../../src/shared/media-kind'
import type { Crop } from '../../src/shared/request'
import { playerConfig } from './decoder-config'
import { readEditList } from './edit-list'
import './full-range-vp8'
import { packetTime, secondsOf, timelineOf, type Span } from './timeline'

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
/** A last frame of this length or less has none: writers of slide shows leave it out. */
const NO_LENGTH_SECONDS = 1e-3

/**
 * Opens a video file.
 * @param most seconds of it that are used: of a damaged file, those before its damage
 * @throws AppError unreadable-media, naming the codec if this browser cannot decode it
 */
export async function openClipReader(signal: AbortSignal, file: Blob, name: string, most = Infinity): Promise<ClipReader> {
  const input = new Input({ source: new BlobSource(file), formats: ALL_FORMATS })
  try {
    const track = await openTrack(input, file, name)
    const { spans, last } = await readTimeline(track, file)
    signal.throwIfAborted()
    const seconds = Math.min(secondsOf(spans), most)
    if (!(seconds > 0)) throw unreadable(name, `a video of ${seconds} s`)
    const size = { width: await track.getDisplayWidth(), height: await track.getDisplayHeight() }
    return {
      seconds,
      ...size,
      async *frames(reading, { fps, width, height, crop }, first, count) {
        const sink = new CanvasSink(track, { width, height, fit: 'fill', crop: evenCropRectangle(size, { width, height }, crop), poolSize: POOL })
        const total = Math.max(1, Math.round(seconds * fps))
        const timeOf = (index: number) => (index === total - 1 && last !== undefined && most === Infinity ? last : packetTime(spans, (index + 0.5) / fps))
        for await (const sample of sink.canvasesAtTimestamps(times(timeOf, first, Math.min(first + count, total)))) {
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

/** The video track of a file, set up to be decoded as players do. @throws AppError unreadable-media naming what was found instead */
export async function openTrack(input: Input, file: Blob, name: string): Promise<InputVideoTrack> {
  if (file.size === 0) throw unreadable(name, 'an empty file')
  const kind = await kindOfFile(file)
  const named = kind ? `${kind.name}` : file.type || 'an unknown format'
  if (!(await input.canRead())) throw unreadable(name, named)
  const track = await input.getPrimaryVideoTrack()
  // of Ogg files, only sound can be read
  if (!track) throw unreadable(name, kind?.type === 'video/ogg' && kind.name !== 'Ogg' ? named : 'a file without a video track')
  const codec = (await track.getCodec()) ?? codecName(await track.getInternalCodecId())
  const config = await track.getDecoderConfig()
  // the track keeps this object, and its sinks decode with it
  if (config) Object.assign(config, playerConfig(config, await track.getDisplayHeight()))
  if (!(await track.canDecode())) throw unreadable(name, codec)
  return track
}

/** The parts of a track that are shown, and the time of a last frame that has no length, which no interval would show. */
export async function readTimeline(track: InputVideoTrack, file: Blob): Promise<{ spans: Span[]; last: number | undefined }> {
  const spans = timelineOf(await readEditList(file, track.id), await track.getFirstTimestamp(), await track.computeDuration())
  const packet = await new EncodedPacketSink(track).getPacket(Infinity, { metadataOnly: true })
  const end = spans.at(-1)
  const last = packet && packet.duration <= NO_LENGTH_SECONDS && end && packet.timestamp <= end.at + end.seconds ? packet.timestamp : undefined
  return { spans, last }
}

/** Times of the indices `first` up to, not including, `end`. Not an array: the file's length is not to be trusted. */
function* times(timeOf: (index: number) => number, first: number, end: number): Generator<number, void, undefined> {
  for (let index = first; index < end; index++) yield timeOf(index)
}

function codecName(id: string | number | Uint8Array | null): string {
  return typeof id === 'string' && id !== '' ? id : 'an unknown codec'
}

/** The error for a file that is no video that can be read. */
export function unreadable(file: string, found: string): AppError {
  return new AppError(
    'unreadable-media',
    `${file}: expected a video that this browser can decode (mostly H.264, VP9 or AV1 in MP4, MOV, WebM or MKV), got ${found}.`,
    { file, found },
  )
}
