// From frames and pixels to a clip's latent grid, and from the grid to tokens and back.
import type { ModelManifest } from '../../src/shared/model'
import type { GenerateRequest } from '../../src/shared/request'
import type { Scope } from '../engine/scope'
import type { Tensor } from '../engine/tensor'
import { affine } from '../ops/elementwise'
import { unpatchify, type PatchSize } from '../ops/patchify'
import type { LatentGrid } from './architecture'

/** The latent of a clip: the first frame alone, then groups of `scaleTime` frames. */
export function latentGrid(request: Pick<GenerateRequest, 'width' | 'height' | 'frames'>, { latent }: ModelManifest): LatentGrid {
  return {
    channels: latent.channels,
    frames: (request.frames - 1) / latent.scaleTime + 1,
    height: request.height / latent.scaleSpace,
    width: request.width / latent.scaleSpace,
  }
}

/** N, tokens of a clip: one a patch. */
export function tokenCount({ frames, height, width }: LatentGrid, { patch, patchTime }: PatchSize): number {
  return (frames / patchTime) * (height / patch) * (width / patch)
}

/** Numbers in a latent. */
export function latentCount({ channels, frames, height, width }: LatentGrid): number {
  return channels * frames * height * width
}

/** The first frame that the `index`-th latent frame of a clip stands for: 0, 1, T + 1, 2·T + 1, … */
export function firstFrameOf(index: number, scaleTime: number): number {
  return Math.max(0, (index - 1) * scaleTime + 1)
}

/**
 * The transformer's tokens as a latent: f32 [1, N + K, C·p] → f32 [F', H', W', C], without the K appended ones. Where a token is one
 * latent pixel it is the same buffer.
 */
export function latentOfTokens(scope: Scope, tokens: Tensor, grid: LatentGrid, patch: PatchSize): Tensor {
  const { channels, frames, height, width } = grid
  const shape = [frames, height, width, channels]
  if (patch.patch === 1 && patch.patchTime === 1) return { ...tokens, shape }
  const own = { ...tokens, shape: [tokenCount(grid, patch), latentCount(grid) / tokenCount(grid, patch)] }
  return unpatchify(scope, own, { ...patch, frames, height, width })
}

/** Normalized latents, f32 [F', H', W', C], as the autoencoder's raw ones, z·std + mean, in a tensor of their own. */
export function rawLatent(
  scope: Scope,
  latent: Tensor,
  { latents_mean: mean, latents_std: std }: { latents_mean: readonly number[]; latents_std: readonly number[] },
): Tensor {
  const scale = scope.upload(Float32Array.from([...std, ...mean]), [2, mean.length], 'f32')
  const raw = affine(scope, latent, scale)
  scope.free(scale)
  return raw
}

/** A latent [C, F', H', W'], the layout of noise that comes in and of latents that go out, as [F', H', W', C]. */
export function channelsLast(latent: Float32Array, channels: number): Float32Array<ArrayBuffer> {
  const count = latent.length / channels
  const values = new Float32Array(latent.length)
  for (let channel = 0; channel < channels; channel++) {
    for (let at = 0; at < count; at++) values[at * channels + channel] = latent[channel * count + at] as number
  }
  return values
}

/** The inverse of {@link channelsLast}. */
export function channelsFirst(latent: Float32Array, channels: number): Float32Array<ArrayBuffer> {
  const count = latent.length / channels
  const values = new Float32Array(latent.length)
  for (let channel = 0; channel < channels; channel++) {
    for (let at = 0; at < count; at++) values[channel * count + at] = latent[at * channels + channel] as number
  }
  return values
}
