// How much faster a draft is than a clip, from measured durations. Pure.
import type { JobReport } from './job'
import type { GenerateRequest } from './request'

/** Duration of a job without loading and compilation, which happen once. */
export interface JobTiming {
  /** model and size; only jobs with the same key are compared */
  key: string
  isDraft: boolean
  ms: number
}

type ModelAndSize = Pick<GenerateRequest, 'model' | 'width' | 'height'>

/** Duration of a finished job. */
export function jobTiming(
  request: ModelAndSize & Pick<GenerateRequest, 'frames'>,
  { stepMs, decodeMs, encodeMs }: Pick<JobReport, 'stepMs' | 'decodeMs' | 'encodeMs'>,
): JobTiming {
  return { key: keyOf(request), isDraft: request.frames === 1, ms: stepMs.reduce((sum, ms) => sum + ms, 0) + decodeMs + encodeMs }
}

/** Median duration of clips divided by that of drafts of the same model and size; null until both are known. */
export function draftSpeedup(timings: readonly JobTiming[], size: ModelAndSize): number | null {
  const key = keyOf(size)
  const [draft, clip] = [true, false].map((isDraft) => median(timings.filter((timing) => timing.key === key && timing.isDraft === isDraft).map(({ ms }) => ms)))
  return draft && clip ? clip / draft : null
}

function keyOf({ model, width, height }: ModelAndSize): string {
  return `${model} ${width}×${height}`
}

/** Median; of an even number of values the lower middle one. */
function median(values: readonly number[]): number | undefined {
  return values.toSorted((a, b) => a - b)[Math.floor((values.length - 1) / 2)]
}
