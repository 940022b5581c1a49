// Decoded frames of a picture or a clip become known latents.
import { AppError } from '../../src/shared/errors'
import type { Scope } from '../engine/scope'
import { dim, type Tensor } from '../engine/tensor'
import type { FrameSource } from '../models/ltx/encode-tiled'
import { affine } from '../ops/elementwise'
import type { LatentGrid } from './latent-grid'
import type { ConditioningLatents } from './inject-conditioning'
import { untilAborted } from '../engine/until-aborted'

/** Frames as pictures are decoded: RGBA, 8 bits, [F, H, W, 4]; already in the size of the clip being made. */
export interface ConditioningFrames {
  rgba: Uint8ClampedArray | Uint8Array
  width: number
  height: number
  /** frame of the new clip at which they begin */
  atFrame: number
  /** 0 … 1 */
  strength: number
}

/** What known frames need of an autoencoder. */
export interface FrameEncoder {
  /** the mean of the frames' raw latents, f32 [F', H', W', C] in `scope`. An encoder without tiles: {@link wholeClip}. */
  encode(signal: AbortSignal, scope: Scope, frames: FrameSource): Promise<Tensor>
  /** f32 [C] each: raw latents are whitened to (z − mean)·scaling / std */
  mean: ArrayLike<number>
  std: ArrayLike<number>
  /** default 1 */
  scaling?: number
  /** T: pixel frames of a latent frame */
  scaleTime: number
}

/** Encodes a picture or a short clip at once. @param encode video f32 [F, H, W, 3] → f32 [F', H', W', C]; only dispatches */
export function wholeClip(encode: (scope: Scope, video: Tensor) => Tensor): FrameEncoder['encode'] {
  return async (signal, scope, source) => {
    const video = await source.read(scope, 0, source.frames)
    await untilAborted(signal, scope.gpu.compile(() => scope.within((temporary) => void encode(temporary, video))))
    const latents = encode(scope, video)
    scope.free(video)
    return latents
  }
}

/**
 * Encodes one picture or clip: the mean of what the encoder gives, for a sample of it would add noise to what is known.
 * A clip is cut to T·k + 1 frames.
 * @throws AppError bad-request; AbortError
 */
export async function conditioningLatents(signal: AbortSignal, scope: Scope, encoder: FrameEncoder, grid: LatentGrid, known: ConditioningFrames): Promise<ConditioningLatents> {
  const { rgba, width, height, atFrame, strength } = known
  const given = rgba.length / (width * height * 4)
  if (!Number.isInteger(given) || given < 1) {
    throw new AppError('bad-request', `conditions: expected whole frames of ${width}×${height} pixels, got ${rgba.length} bytes.`, { field: 'conditions' })
  }
  const frames = encoder.scaleTime * Math.floor((given - 1) / encoder.scaleTime) + 1
  const pixels = (from: number, count: number) => pixelsOf(rgba.subarray(from * width * height * 4, (from + count) * width * height * 4))
  const read = (own: Scope, from: number, count: number) => own.upload(pixels(from, count), [count, height, width, 3], 'f32')
  return encodeConditioning(signal, scope, encoder, grid, { frames, height, width, read }, { atFrame, strength })
}

/** The same from frames read as they are needed; as many as T·k + 1. @throws AppError bad-request; AbortError */
export async function encodeConditioning(
  signal: AbortSignal, scope: Scope, encoder: FrameEncoder, grid: LatentGrid, frames: FrameSource, at: Omit<ConditioningLatents, 'values'>,
): Promise<ConditioningLatents> {
  const raw = await encoder.encode(signal, scope, frames)
  const [height, width, channels] = [dim(raw, 1), dim(raw, 2), dim(raw, 3)]
  if (height !== grid.height || width !== grid.width || channels !== grid.channels) {
    scope.free(raw)
    const expected = `${grid.height}×${grid.width} with ${grid.channels} channels`
    const got = `${height}×${width} with ${channels}`
    throw new AppError('bad-request', `conditions: expected frames whose latents are ${expected}, got ${got}.`, { field: 'conditions', expected, got })
  }
  const whiten = scope.upload(whitening(encoder), [2, channels], 'f32')
  const latents = affine(scope, raw, whiten)
  try {
    return { values: await untilAborted(signal, scope.gpu.read(latents)), ...at }
  } finally {
    for (const tensor of [raw, whiten, latents]) scope.free(tensor)
  }
}

/** f32 [2, C]: factor and summand of (z − mean)·scaling / std */
function whitening({ mean, std, scaling = 1 }: FrameEncoder): Float32Array {
  const factors = Array.from(std, (deviation) => scaling / deviation)
  return Float32Array.from([...factors, ...factors.map((factor, channel) => -(mean[channel] as number) * factor)])
}

/** RGBA bytes → RGB in −1 … 1. */
function pixelsOf(rgba: Uint8ClampedArray | Uint8Array): Float32Array {
  const pixels = new Float32Array((rgba.length / 4) * 3)
  pixels.forEach((_, at) => (pixels[at] = (rgba[Math.floor(at / 3) * 4 + (at % 3)] as number) / 127.5 - 1))
  return pixels
}
