// I420 frames → encoded packets, through the browser's own encoder (WebCodecs).
import { AppError } from '../../src/shared/errors'
import { BT601, BT709, i420Bytes, type Matrix } from './yuv'

/** The codecs a WebM may hold, best first. */
export const CODECS = ['vp9', 'av1', 'vp8'] as const
export type Codec = (typeof CODECS)[number]

/** An encoder of this browser for a clip of a given size. */
export interface EncoderChoice {
  codec: Codec
  /** WebCodecs codec string, for the record and the page */
  codecString: string
  config: VideoEncoderConfig
  /** 0 (best) to 63, the same for every frame; undefined: the encoder controls the rate by `config.bitrate` */
  quantizer?: number
}

/**
 * Constant quality instead of a bitrate: rate-controlled VP9 blurs small clips, since it spends their first second on adapting.
 * 16 of 63 keeps gradients free of blocks.
 */
const QUANTIZER = 16

/** Bits per pixel if only a bitrate can be set: about four times as many as video sites use. */
const BITS_PER_PIXEL = 0.5
const MIN_BITRATE = 2_000_000

const KEYFRAME_SECONDS = 2

/**
 * The first of VP9, AV1 and VP8 that this browser encodes at this size, or null if there is none.
 * @param width,height pixels, even: chroma planes have half the size
 * @param codecs to try, best first
 * @throws AppError bad-request when a side is odd: clips are never cropped or padded silently
 */
export async function chooseEncoder(width: number, height: number, fps: number, codecs: readonly Codec[] = CODECS): Promise<EncoderChoice | null> {
  if (width % 2 !== 0 || height % 2 !== 0) {
    throw new AppError('bad-request', `Expected even sides of a clip, got ${width}×${height}.`, {
      field: 'width',
      expected: 'even sides',
      got: `${width}×${height}`,
    })
  }
  if (typeof VideoEncoder === 'undefined') return null
  for (const codec of codecs) {
    const codecString = codecStringOf(codec, width, height, fps)
    const common: VideoEncoderConfig = { codec: codecString, width, height, framerate: fps, latencyMode: 'quality', alpha: 'discard' }
    const steady: VideoEncoderConfig = { ...common, bitrateMode: 'quantizer' }
    if (codec !== 'vp8' && (await isSupported(steady))) return { codec, codecString, config: steady, quantizer: QUANTIZER }
    const bitrate = Math.max(MIN_BITRATE, Math.round(width * height * fps * BITS_PER_PIXEL))
    const variable: VideoEncoderConfig = { ...common, bitrateMode: 'variable', bitrate }
    if (await isSupported(variable)) return { codec, codecString, config: variable }
  }
  return null
}

/** Encodes frames in time order; packets come out in the same order. */
export interface FrameEncoder {
  /** one frame, I420 by the codec's matrix; resolves when the encoder's queue can take the next frame */
  add(i420: Uint8ClampedArray<ArrayBuffer>): Promise<void>
  /** resolves after the last packet */
  flush(): Promise<void>
  /** drops frames that are being encoded; harmless if closed already */
  close(): void
}

/** The color matrix of a codec. */
export function matrixOf({ codec }: EncoderChoice): Matrix {
  return codec === 'vp8' ? BT601 : BT709
}

/** Frames that may wait in the encoder. */
const MAX_QUEUE = 4

/**
 * Starts an encoder.
 * @param onPacket called for every packet in order; its exceptions reject the next call
 */
export function startEncoder(choice: EncoderChoice, fps: number, onPacket: EncodedVideoChunkOutputCallback): FrameEncoder {
  const { width, height } = choice.config
  const keyframeEvery = Math.max(1, Math.floor(KEYFRAME_SECONDS * fps))
  const frameBytes = i420Bytes(width, height)
  const { colorSpace } = matrixOf(choice)
  let failure: Error | undefined
  let index = 0

  const encoder = new VideoEncoder({
    output(packet, metadata) {
      try {
        onPacket(packet, metadata)
      } catch (error) {
        failure ??= error instanceof Error ? error : new Error(String(error))
      }
    },
    error(error) {
      failure ??= new AppError('internal', `The ${choice.codec} encoder failed: ${error.message}`, { codec: choice.codecString })
    },
  })
  encoder.configure(choice.config)

  const throwFailure = () => {
    if (failure) throw failure
  }

  return {
    async add(i420) {
      throwFailure()
      if (i420.length !== frameBytes) {
        throw new AppError('internal', `A frame of ${width}×${height}: expected ${frameBytes} bytes, got ${i420.length}.`)
      }
      const timestamp = microseconds(index, fps)
      const frame = new VideoFrame(i420, {
        format: 'I420',
        colorSpace,
        codedWidth: width,
        codedHeight: height,
        timestamp,
        duration: microseconds(index + 1, fps) - timestamp,
      })
      encoder.encode(frame, encodeOptions(choice, index % keyframeEvery === 0))
      frame.close()
      index++
      while (encoder.encodeQueueSize > MAX_QUEUE && !failure) await nextDequeue(encoder)
      throwFailure()
    },
    async flush() {
      throwFailure()
      try {
        await encoder.flush()
      } catch (error) {
        throw failure ?? error
      }
      throwFailure()
    },
    close() {
      if (encoder.state !== 'closed') encoder.close()
    },
  }
}

function microseconds(frame: number, fps: number): number {
  return Math.round((frame * 1_000_000) / fps)
}

/** TypeScript's DOM library lacks the per-codec options. */
type EncodeOptions = VideoEncoderEncodeOptions & Partial<Record<Codec, { quantizer: number }>>

function encodeOptions(choice: EncoderChoice, keyFrame: boolean): EncodeOptions {
  return choice.quantizer === undefined ? { keyFrame } : { keyFrame, [choice.codec]: { quantizer: choice.quantizer } }
}

/** Resolves when the queue shrinks, or after a timeout: an encoder that failed dequeues nothing. */
function nextDequeue(encoder: VideoEncoder): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, 200)
    function done(): void {
      clearTimeout(timer)
      encoder.removeEventListener('dequeue', done)
      resolve()
    }
    encoder.addEventListener('dequeue', done)
  })
}

async function isSupported(config: VideoEncoderConfig): Promise<boolean> {
  try {
    return (await VideoEncoder.isConfigSupported(config)).supported === true
  } catch {
    return false // an option or codec that this browser does not support
  }
}

/** Levels as [name in the codec string, luma pixels per frame, luma pixels per second], smallest first. */
const VP9_LEVELS = [
  ['10', 36_864, 829_440],
  ['20', 122_880, 4_608_000],
  ['30', 552_960, 20_736_000],
  ['40', 2_228_224, 83_558_400],
  ['50', 8_912_896, 311_951_360],
  ['60', 35_651_584, 1_176_502_272],
] as const
const AV1_LEVELS = [
  ['00', 147_456, 4_423_680],
  ['04', 665_856, 19_975_680],
  ['08', 2_359_296, 70_778_880],
  ['12', 8_912_896, 267_386_880],
  ['16', 35_651_584, 1_069_547_520],
] as const

function codecStringOf(codec: Codec, width: number, height: number, fps: number): string {
  if (codec === 'vp8') return 'vp8'
  const levels = codec === 'vp9' ? VP9_LEVELS : AV1_LEVELS
  const pixels = width * height
  const level = levels.find(([, frame, second]) => pixels <= frame && pixels * fps <= second) ?? levels[levels.length - 1]!
  return codec === 'vp9' ? `vp09.00.${level[0]}.08` : `av01.0.${level[0]}M.08`
}
