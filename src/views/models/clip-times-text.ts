import { formatSeconds } from '../../components/quantities'
import { clipTokens, type ModelManifest } from '../../shared/model'
import { clipBytes } from '../../shared/clip-memory'
import { clipSeconds, forwardPassesOf } from '../../shared/time-estimate'
import type { ModelTimes } from '../../shared/time-estimate'

type Size = ModelManifest['sizes'][number]

/** Estimated generation time of a clip. */
export interface ClipTime {
  /** "768 × 512, 3.2 s" */
  clip: string
  /** "about 3 min" */
  takes: string
  /** extrapolated far beyond the measured sizes */
  rough: boolean
}

/**
 * Times of the smallest clip, the default clip and the largest clip that fits into GPU memory, without duplicates. Pure.
 * @param weightBytes GPU memory of the weights in bytes
 */
export function estimateClipTimes(times: ModelTimes, manifest: ModelManifest, weightBytes: number): ClipTime[] {
  const { sizes, frames, fps, steps, guidance, guided } = manifest
  const bySize = sizes.toSorted((a, b) => b.width * b.height - a.width * a.height)
  const byFrames = frames.allowed.toSorted((a, b) => a - b)
  const tokensOf = ({ width, height }: Size, count: number) => clipTokens({ width, height, frames: count }, manifest)
  const fitsMemory = (size: Size, count: number) => clipBytes(weightBytes, times.width, tokensOf(size, count)) <= times.budgetBytes
  // the largest resolution that fits at the shortest duration, at the longest duration that fits
  const large = bySize.find((size) => fitsMemory(size, byFrames[0] ?? 1))
  const clips = [
    [bySize.at(-1), byFrames[0]],
    [sizes[0], frames.default],
    [large, byFrames.findLast((count) => large && fitsMemory(large, count))],
  ] as const
  const evaluations = forwardPassesOf({ guidance: guidance.default, stgScale: guided?.stg?.scale ?? 0 })
  const estimates = clips.flatMap(([size, count]) => {
    if (!size || count === undefined || !fitsMemory(size, count)) return []
    const tokens = tokensOf(size, count)
    const { seconds, rough } = clipSeconds(times, { tokens, steps: steps.default, evaluations })
    return [{ clip: `${size.width} × ${size.height}, ${formatSeconds(count / fps.default)}`, takes: durationText(seconds), rough }]
  })
  return estimates.filter(({ clip }, index) => estimates.findIndex((other) => other.clip === clip) === index)
}

/** Rounded text of an estimated time in seconds. Pure. */
export function durationText(seconds: number): string {
  if (seconds < 2) return 'about a second'
  if (seconds < 20) return `about ${Math.round(seconds)} s`
  if (seconds < 90) return `about ${Math.round(seconds / 5) * 5} s`
  if (seconds < 5400) return `about ${Math.round(seconds / 60)} min`
  return `about ${Math.round(seconds / 3600)} h`
}
