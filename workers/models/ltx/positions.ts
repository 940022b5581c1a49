// RoPE positions of a clip's tokens: (time, y, x) of each, as diffusers' `video_coords`.
import type { ModelManifest } from '../../../src/shared/model'
import type { LatentGrid, ModelParts } from '../architecture'
import { firstFrameOf } from '../latent-grid'
import type { LtxTransformer } from './transformer'

/** How a model counts positions for RoPE. */
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
  const own = Array.from({ length: grid.frames }, (_, index) => firstFrameOf(index, places.scaleTime))
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

/** Positions for ModelParts, one latent pixel a token. */
export function ltxPositions(transformer: LtxTransformer, manifest: ModelManifest): ModelParts['positions'] {
  return (scope, grid, fps, appended) => transformer.prepareCoordinates(scope, videoCoordinates(grid, ropePositionsOf(manifest, fps), appended))
}
