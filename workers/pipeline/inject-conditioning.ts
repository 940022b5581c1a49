// Known latents take their places among a clip's tokens, as in diffusers' LTXConditionPipeline: at frame 0 in place; a
// picture elsewhere is appended at its time; of a clip elsewhere the first two latents are appended (encoded as a clip's
// start, they are not what these frames are inside a clip) and the rest go in place. Appended tokens stand behind the
// grid's own, so that dropping them is keeping the front.
import { AppError } from '../../src/shared/errors'
import { pixelFrameOf, tokenCount, type LatentGrid } from './latent-grid'

/** A picture or clip that is known, encoded. */
export interface ConditioningLatents {
  /** f32 [F', H', W', C] in the transformer's scale: tokens in order; F' = 1 for a picture */
  values: Float32Array
  /** pixel frame at which it begins; a multiple of T for a clip, and negative where it begins before the clip being made */
  atFrame: number
  /** 0 … 1: 1 keeps it as it is */
  strength: number
}

/** Where a denoise loop with known tokens starts: N tokens of the grid, then K appended ones. */
export interface ConditionedTokens {
  /** f32 [N + K, C] */
  tokens: Float32Array<ArrayBuffer>
  /** f32 [N + K]: how much of each is known; 0 is noise */
  strengths: Float32Array<ArrayBuffer>
  /** pixel frame of each appended latent frame */
  appended: number[]
}

/** Latents of a later clip that stand behind the grid. */
const APPENDED_OF_A_CLIP = 2

/**
 * Mixes what is known into noise: lerp(noise, known, strength), later conditions over earlier ones. What lies beyond the
 * clip's end is left out.
 * @param noise f32 [N, C], tokens of the grid
 * @param scaleTime T, pixel frames of a latent frame
 * @param noiseFor noise for what the `index`-th condition appends, f32 [count]
 * @throws AppError bad-request
 */
export function injectConditioning(
  noise: Float32Array,
  grid: LatentGrid,
  scaleTime: number,
  conditions: readonly ConditioningLatents[],
  noiseFor: (index: number, count: number) => Float32Array,
): ConditionedTokens {
  const perFrame = grid.height * grid.width
  const frameSize = perFrame * grid.channels
  const tokens = noise.slice()
  const strengths = new Float32Array(tokenCount(grid))
  const extra: { values: Float32Array; strength: number; pixelFrame: number }[] = []

  for (const [index, condition] of conditions.entries()) {
    const { values, atFrame, strength } = condition
    const frames = checkCondition(condition, grid, scaleTime)
    const appended: number[] = []
    for (let frame = 0; frame < frames; frame++) {
      if (atFrame + pixelFrameOf(frame, scaleTime) > (grid.frames - 1) * scaleTime) break
      const place = atFrame / scaleTime + frame
      if (atFrame !== 0 && (frame < APPENDED_OF_A_CLIP || place < 0)) {
        appended.push(frame)
        continue
      }
      const known = values.subarray(frame * frameSize, (frame + 1) * frameSize)
      mix(tokens.subarray(place * frameSize, (place + 1) * frameSize), known, strength)
      strengths.fill(strength, place * perFrame, (place + 1) * perFrame)
    }
    const fresh = appended.length > 0 ? noiseFor(index, appended.length * frameSize).slice() : new Float32Array()
    appended.forEach((frame, at) => {
      const own = fresh.subarray(at * frameSize, (at + 1) * frameSize)
      mix(own, values.subarray(frame * frameSize, (frame + 1) * frameSize), strength)
      extra.push({ values: own, strength, pixelFrame: atFrame + pixelFrameOf(frame, scaleTime) })
    })
  }

  const all = new Float32Array(tokens.length + extra.length * frameSize)
  const allStrengths = new Float32Array(strengths.length + extra.length * perFrame)
  all.set(tokens)
  allStrengths.set(strengths)
  extra.forEach(({ values, strength }, at) => {
    all.set(values, tokens.length + at * frameSize)
    allStrengths.fill(strength, strengths.length + at * perFrame, strengths.length + (at + 1) * perFrame)
  })
  return { tokens: all, strengths: allStrengths, appended: extra.map(({ pixelFrame }) => pixelFrame) }
}

/** The condition's latent frames; throws where it does not fit the clip. */
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
  if (frames === 1 && atFrame < 0) refuse("a picture's atFrame", `from 0 to ${last}`, atFrame)
  return frames
}

/** start ← lerp(start, end, strength); at 1 exactly `end`. */
function mix(start: Float32Array, end: Float32Array, strength: number): void {
  start.forEach((from, index) => {
    const to = end[index] as number
    start[index] = strength < 0.5 ? from + strength * (to - from) : to - (to - from) * (1 - strength)
  })
}

/** A latent [C, F', H', W'] as tokens [N, C] in order (f, h, w). */
export function tokensOfLatent(latent: Float32Array, channels: number): Float32Array<ArrayBuffer> {
  const count = latent.length / channels
  const tokens = new Float32Array(latent.length)
  for (let channel = 0; channel < channels; channel++) {
    for (let token = 0; token < count; token++) tokens[token * channels + channel] = latent[channel * count + token] as number
  }
  return tokens
}

/** The inverse: the first N of tokens [N + K, C] as a latent [C, F', H', W']. @param count N */
export function latentOfTokens(tokens: Float32Array, channels: number, count: number): Float32Array<ArrayBuffer> {
  const latent = new Float32Array(count * channels)
  for (let channel = 0; channel < channels; channel++) {
    for (let token = 0; token < count; token++) latent[channel * count + token] = tokens[token * channels + channel] as number
  }
  return latent
}
