// Decoded frames become latents in the transformer's scale.
import { AppError } from '../../src/shared/errors'
import type { Scope } from '../engine/scope'
import { dim } from '../engine/tensor'
import { untilAborted } from '../engine/until-aborted'
import type { FrameEncoder, FrameSource, LatentGrid } from '../models/architecture'
import { affine } from '../ops/elementwise'
import type { JobContext } from './job-context'
import type { ConditioningLatents } from './inject-conditioning'

/** Frames as they are decoded: RGBA u8 [F, H, W, 4], in the size of the new clip. */
export interface ConditioningFrames extends Omit<ConditioningLatents, 'values'> {
  rgba: Uint8ClampedArray | Uint8Array
  width: number
  height: number
}

/**
 * Encodes an image or a clip, which is cut to T·k + 1 frames.
 * @throws AppError bad-request; AbortError
 */
export async function encodeRgba(
  job: Pick<JobContext, 'signal'>,
  scope: Scope,
  encoder: FrameEncoder,
  grid: LatentGrid,
  given: ConditioningFrames,
): Promise<ConditioningLatents> {
  const { rgba, width, height, atFrame, strength } = given
  const count = rgba.length / (width * height * 4)
  if (!Number.isInteger(count) || count < 1) {
    throw new AppError('bad-request', `conditions: expected whole frames of ${width}×${height} pixels, got ${rgba.length} bytes.`, { field: 'conditions' })
  }
  const frames = encoder.scaleTime * Math.floor((count - 1) / encoder.scaleTime) + 1
  const pixels = (first: number, many: number) => rgbOf(rgba.subarray(first * width * height * 4, (first + many) * width * height * 4))
  const read = (own: Scope, first: number, many: number) => own.upload(pixels(first, many), [many, height, width, 3], 'f32')
  return { values: await encodeFrames(job, scope, encoder, grid, { frames, height, width, read }), atFrame, strength }
}

/**
 * Encodes T·k + 1 frames that are read as they are needed. The mean of the encoder's distribution is used: a sample would add noise.
 * @returns f32 [F', H', W', C]
 * @throws AppError bad-request; AbortError
 */
export async function encodeFrames(
  { signal }: Pick<JobContext, 'signal'>,
  scope: Scope,
  encoder: FrameEncoder,
  grid: LatentGrid,
  frames: FrameSource,
): Promise<Float32Array> {
  const raw = await encoder.encode(signal, scope, frames)
  const [height, width, channels] = [dim(raw, 1), dim(raw, 2), dim(raw, 3)]
  if (height !== grid.height || width !== grid.width || channels !== grid.channels) {
    scope.free(raw)
    const expected = `${grid.height}×${grid.width} with ${grid.channels} channels`
    const got = `${height}×${width} with ${channels}`
    throw new AppError('bad-request', `conditions: expected frames whose latents are ${expected}, got ${got}.`, { field: 'conditions', expected, got })
  }
  const factors = scope.upload(normalization(encoder), [2, channels], 'f32')
  const latents = affine(scope, raw, factors)
  try {
    return await untilAborted(signal, scope.gpu.read(latents))
  } finally {
    for (const tensor of [raw, factors, latents]) scope.free(tensor)
  }
}

/** f32 [2, C]: factor and summand of (z − mean)·scaling / std */
function normalization({ mean, std, scaling = 1 }: FrameEncoder): Float32Array {
  const factors = Array.from(std, (deviation) => scaling / deviation)
  return Float32Array.from([...factors, ...factors.map((factor, channel) => -(mean[channel] as number) * factor)])
}

/** RGBA bytes → RGB in −1 … 1. */
function rgbOf(rgba: Uint8ClampedArray | Uint8Array): Float32Array {
  const pixels = new Float32Array((rgba.length / 4) * 3)
  pixels.forEach((_, at) => (pixels[at] = (rgba[Math.floor(at / 3) * 4 + (at % 3)] as number) / 127.5 - 1))
  return pixels
}
