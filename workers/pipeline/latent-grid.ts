// From pixels and frames to the grid of latents, and its coordinates for RoPE.
import type { ModelManifest } from '../../src/shared/model'
import type { GenerateRequest } from '../../src/shared/request'
import type { Scope } from '../engine/scope'
import { reshape, type Tensor } from '../engine/tensor'
import { affine } from '../ops/elementwise'
import type { LoadedModel } from './model'

/** Sizes of a clip's latent: F' frames of H' × W' latent pixels with C channels. */
export interface LatentGrid {
  channels: number
  frames: number
  height: number
  width: number
}

/** The latent of a clip: the first picture alone, then groups of `scaleTime` frames. */
export function latentGrid(request: GenerateRequest, { latent }: ModelManifest): LatentGrid {
  return {
    channels: latent.channels,
    frames: (request.frames - 1) / latent.scaleTime + 1,
    height: request.height / latent.scaleSpace,
    width: request.width / latent.scaleSpace,
  }
}

/** Tokens of a clip: one a latent pixel. */
export function tokenCount(grid: LatentGrid): number {
  return grid.frames * grid.height * grid.width
}

/** Numbers in a latent. */
export function latentCount(grid: LatentGrid): number {
  return grid.channels * tokenCount(grid)
}

/** How a model counts places for RoPE. */
export interface RopePositions {
  /** of time: latent frames, or seconds on the clip's own clock as LTX-Video counts since 0.9.5 */
  unit: 'latents' | 'seconds'
  /** coordinate of one unit of time, and of one latent pixel */
  timeScale: number
  spaceScale: number
  /** T, pixel frames of a latent frame */
  scaleTime: number
  /** pictures per second */
  fps: number
}

/** The places of a model's tokens in a clip of this rate. */
export function ropePositionsOf({ rope, latent }: ModelManifest, fps: number): RopePositions {
  return { unit: rope.unit ?? 'latents', timeScale: rope.timeScale, spaceScale: rope.spaceScale, scaleTime: latent.scaleTime, fps }
}

/** The first pixel frame that the `index`-th latent of a clip stands for: 0, 1, T + 1, 2·T + 1, … */
export function pixelFrameOf(index: number, scaleTime: number): number {
  return Math.max(0, (index - 1) * scaleTime + 1)
}

/** RoPE's time of a latent that begins at this pixel frame; a clip's latents stand at 0, 1, 2, … where time counts in latents. */
function timeOf(pixelFrame: number, { unit, timeScale, scaleTime, fps }: RopePositions): number {
  if (unit === 'seconds') return Math.fround(pixelFrame * Math.fround(1 / fps)) * timeScale
  return pixelFrame === 0 ? 0 : ((pixelFrame + scaleTime - 1) / scaleTime) * timeScale
}

/**
 * Coordinates (time, y, x) of the grid's tokens in order (f, h, w), as diffusers' `video_coords`: f32 [1, 3, N + K].
 * @param appended pixel frames of latent frames that stand behind the grid's, K tokens in all
 */
export function videoCoordinates(grid: LatentGrid, places: RopePositions, appended: readonly number[] = []): Float32Array<ArrayBuffer> {
  const own = Array.from({ length: grid.frames }, (_, index) => pixelFrameOf(index, places.scaleTime))
  const times = [...own, ...appended].map((pixelFrame) => timeOf(pixelFrame, places))
  const count = times.length * grid.height * grid.width
  const coordinates = new Float32Array(3 * count)
  for (let token = 0; token < count; token++) {
    const column = token % grid.width
    const row = Math.floor(token / grid.width) % grid.height
    const frame = Math.floor(token / (grid.width * grid.height))
    coordinates[token] = times[frame] as number
    coordinates[count + token] = row * places.spaceScale
    coordinates[2 * count + token] = column * places.spaceScale
  }
  return coordinates
}

/** The tokens of the grid, without those appended behind them: [1, N + K, C] → [1, N, C] in the same buffer. */
export function gridTokens(tokens: Tensor, grid: LatentGrid): Tensor {
  return { ...tokens, shape: [1, tokenCount(grid), grid.channels] }
}

/**
 * The transformer's whitened tokens, f32 [1, N, C] in order (f, h, w), as the autoencoder's raw latent, f32 [F', H', W', C]:
 * the order of the elements is the same.
 */
export function rawLatent(scope: Scope, tokens: Tensor, { latentScale }: LoadedModel, grid: LatentGrid): Tensor {
  const scale = scope.upload(latentScale, [2, grid.channels], 'f32')
  const raw = affine(scope, reshape(tokens, [grid.frames, grid.height, grid.width, grid.channels]), scale)
  scope.free(scale)
  return raw
}
