// Conditioning latents go into a clip's latent as in diffusers' LTXConditionPipeline. At frame 0 they go in place. An image elsewhere is
// appended at its time. Of a clip elsewhere the first two latent frames are appended (encoded as a clip's start, they differ from the
// latents of the same frames inside a clip) and the rest go in place. Appended latent frames follow the grid's own, so that dropping them
// is keeping the front.
import { AppError } from '../../src/shared/errors'
import type { LatentGrid } from '../models/architecture'
import { firstFrameOf } from '../models/latent-grid'

/** An encoded image or clip. */
export interface ConditioningLatents {
  /** f32 [F', H', W', C] in the transformer's scale; F' = 1 for an image */
  values: Float32Array
  /** frame of the new clip at which it begins; a multiple of T for a clip, and negative where it begins before the new clip */
  atFrame: number
  /** 0 … 1: 1 keeps it as it is */
  strength: number
}

/** The start of a denoise loop with conditioning: F' latent frames of the grid, then K' appended ones. */
export interface ConditionedLatent {
  /** f32 [F' + K', H', W', C] */
  latent: Float32Array<ArrayBuffer>
  /** f32 [F' + K']: 1 is fixed, 0 is noise */
  strengths: Float32Array<ArrayBuffer>
  /** frame of the clip at which each appended latent frame begins */
  appended: number[]
}

/** Latent frames of a later clip that are appended. */
const APPENDED_OF_A_CLIP = 2

/**
 * Mixes conditioning into noise: lerp(noise, conditioning, strength), later ones over earlier ones. What lies beyond the clip's end is
 * left out.
 * @param noise f32 [F', H', W', C]
 * @param scaleTime T, frames of a latent frame
 * @param noiseFor noise for what the `index`-th condition appends, f32 [count]
 * @throws AppError bad-request
 */
export function injectConditioning(
  noise: Float32Array,
  grid: LatentGrid,
  scaleTime: number,
  conditions: readonly ConditioningLatents[],
  noiseFor: (index: number, count: number) => Float32Array,
): ConditionedLatent {
  const frameSize = grid.height * grid.width * grid.channels
  const own = noise.slice()
  const strengths = new Float32Array(grid.frames)
  const extra: { values: Float32Array; strength: number; firstFrame: number }[] = []

  for (const [index, condition] of conditions.entries()) {
    const { values, atFrame, strength } = condition
    const frames = checkCondition(condition, grid, scaleTime)
    const appended: number[] = []
    for (let frame = 0; frame < frames; frame++) {
      if (atFrame + firstFrameOf(frame, scaleTime) > (grid.frames - 1) * scaleTime) break
      const slot = atFrame / scaleTime + frame
      if (atFrame !== 0 && (frame < APPENDED_OF_A_CLIP || slot < 0)) {
        appended.push(frame)
        continue
      }
      mix(own.subarray(slot * frameSize, (slot + 1) * frameSize), values.subarray(frame * frameSize, (frame + 1) * frameSize), strength)
      strengths[slot] = strength
    }
    const fresh = appended.length > 0 ? noiseFor(index, appended.length * frameSize).slice() : new Float32Array()
    appended.forEach((frame, at) => {
      const mixed = fresh.subarray(at * frameSize, (at + 1) * frameSize)
      mix(mixed, values.subarray(frame * frameSize, (frame + 1) * frameSize), strength)
      extra.push({ values: mixed, strength, firstFrame: atFrame + firstFrameOf(frame, scaleTime) })
    })
  }

  const latent = new Float32Array(own.length + extra.length * frameSize)
  latent.set(own)
  extra.forEach(({ values }, at) => latent.set(values, own.length + at * frameSize))
  return { latent, strengths: Float32Array.from([...strengths, ...extra.map(({ strength }) => strength)]), appended: extra.map(({ firstFrame }) => firstFrame) }
}

/** How many latent frames a condition has; throws where it does not fit the clip. */
function checkCondition({ values, atFrame, strength }: ConditioningLatents, grid: LatentGrid, scaleTime: number): number {
  const frames = values.length / (grid.height * grid.width * grid.channels)
  const last = (grid.frames - 1) * scaleTime
  const refuse = (field: string, expected: string, got: string | number) => {
    throw new AppError('bad-request', `conditions: expected ${field} ${expected}, got ${got}.`, { field: 'conditions', expected, got })
  }
  if (!Number.isInteger(frames) || frames < 1) {
    refuse('latents', `of whole ${grid.height}×${grid.width} frames with ${grid.channels} channels`, `${values.length} values`)
  }
  if (!(strength >= 0 && strength <= 1)) refuse('strength', 'from 0 to 1', strength)
  if (!Number.isInteger(atFrame) || atFrame > last) refuse('atFrame', `a whole number up to ${last}`, atFrame)
  if (frames > 1 && atFrame % scaleTime !== 0) refuse("a clip's atFrame", `a multiple of ${scaleTime}`, atFrame)
  if (frames === 1 && atFrame < 0) refuse("an image's atFrame", `from 0 to ${last}`, atFrame)
  return frames
}

/** start ← lerp(start, end, strength); at 1 exactly `end`. */
function mix(start: Float32Array, end: Float32Array, strength: number): void {
  start.forEach((from, index) => {
    const to = end[index] as number
    start[index] = strength < 0.5 ? from + strength * (to - from) : to - (to - from) * (1 - strength)
  })
}
