// How much quicker a draft is than a clip, from what was measured of both. Pure.
import type { JobReport } from './job'
import type { GenerateRequest } from './request'

/** How long one of them took, in milliseconds; loading and the like left out, which come once. */
export interface Measured {
  /** all but its length, its steps and its words */
  like: string
  draft: boolean
  ms: number
}

type Shape = Pick<GenerateRequest, 'model' | 'width' | 'height'>

/** What a finished job says of it. */
export function measured(request: Shape & Pick<GenerateRequest, 'frames'>, { stepMs, decodeMs, encodeMs }: Pick<JobReport, 'stepMs' | 'decodeMs' | 'encodeMs'>): Measured {
  return { like: likeOf(request), draft: request.frames === 1, ms: stepMs.reduce((sum, ms) => sum + ms, 0) + decodeMs + encodeMs }
}

/** How many times as long as a draft a clip of the same model and size takes, by their medians; null until both are known. */
export function clipsToDraft(all: readonly Measured[], shape: Shape): number | null {
  const like = likeOf(shape)
  const [draft, clip] = [true, false].map((kind) => median(all.filter((entry) => entry.like === like && entry.draft === kind).map(({ ms }) => ms)))
  return draft && clip ? clip / draft : null
}

function likeOf({ model, width, height }: Shape): string {
  return `${model} ${width}×${height}`
}

/** The lower one of two in the middle. */
function median(values: readonly number[]): number | undefined {
  return values.toSorted((a, b) => a - b)[Math.floor((values.length - 1) / 2)]
}
