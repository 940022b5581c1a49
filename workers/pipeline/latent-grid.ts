// From pixels and frames to the grid of latents, and its coordinates for RoPE.
import type { ModelManifest } from '../../src/shared/model'
import type { GenerateRequest } from '../../src/shared/request'
import type { Scope } from '../engine/scope'
import { reshape, type Tensor } from '../engine/tensor'
import { affine } from '../ops/elementwise'
import type { LoadedModel } from './load-model'

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

/** Coordinates (time, y, x) of the grid's tokens in order (f, h, w), as diffusers' `video_coords`: f32 [1, 3, N]. */
export function videoCoordinates(grid: LatentGrid, { rope }: ModelManifest): Float32Array<ArrayBuffer> {
  const count = tokenCount(grid)
  const coordinates = new Float32Array(3 * count)
  for (let token = 0; token < count; token++) {
    const column = token % grid.width
    const row = Math.floor(token / grid.width) % grid.height
    const frame = Math.floor(token / (grid.width * grid.height))
    coordinates[token] = frame * rope.timeScale
    coordinates[count + token] = row * rope.spaceScale
    coordinates[2 * count + token] = column * rope.spaceScale
  }
  return coordinates
}

/**
 * The transformer's whitened tokens, f32 [1, N, C] in order (f, h, w), as the autoencoder's raw latent, f32 [F', H', W', C]:
 * the order of the elements is the same.
 */
export function rawLatent(scope: Scope, tokens: Tensor, { latentScale }: LoadedModel, grid: LatentGrid): Tensor {
  return affine(scope, reshape(tokens, [grid.frames, grid.height, grid.width, grid.channels]), latentScale)
}
