import { formatSeconds } from '../../components/quantities'
import { clipTokens, type ModelManifest } from '../../shared/model'
import { clipBytes } from '../../shared/clip-memory'
import { clipSeconds, evaluationsOf } from '../../shared/time-estimate'
import type { ModelTimes } from '../../shared/time-estimate'

type Size = ModelManifest['sizes'][number]

/** A clip of a model, and how long it takes here. */
export interface ClipTime {
  /** "768 × 512, 3.2 s" */
  clip: string
  /** "about 3 min" */
  takes: string
  /** far beyond what was measured */
  rough: boolean
}

/**
 * The smallest clip, the default one and the largest that the GPU has room for, as far as they differ. Pure.
 * @param weightBytes of the GPU, that the model takes for any clip
 */
export function clipTimesOf(times: ModelTimes, manifest: ModelManifest, weightBytes: number): ClipTime[] {
  const { sizes, frames, fps, steps, guidance, guided } = manifest
  const bySize = sizes.toSorted((a, b) => b.width * b.height - a.width * a.height)
  const byFrames = frames.allowed.toSorted((a, b) => a - b)
  const tokensOf = ({ width, height }: Size, count: number) => clipTokens({ width, height, frames: count }, manifest)
  const hasRoom = (size: Size, count: number) => clipBytes(weightBytes, times.width, tokensOf(size, count)) <= times.budgetBytes
  // the longest in the largest size that has room for any length
  const large = bySize.find((size) => hasRoom(size, byFrames[0] ?? 1))
  const clips = [
    [bySize.at(-1), byFrames[0]],
    [sizes[0], frames.default],
    [large, byFrames.findLast((count) => large && hasRoom(large, count))],
  ] as const
  const evaluations = evaluationsOf({ guidance: guidance.default, stgScale: guided?.stg?.scale ?? 0 })
  const told = clips.flatMap(([size, count]) => {
    if (!size || count === undefined || !hasRoom(size, count)) return []
    const tokens = tokensOf(size, count)
    const { seconds, rough } = clipSeconds(times, { tokens, steps: steps.default, evaluations })
    return [{ clip: `${size.width} × ${size.height}, ${formatSeconds(count / fps.default)}`, takes: durationText(seconds), rough }]
  })
  return told.filter(({ clip }, index) => told.findIndex((other) => other.clip === clip) === index)
}

/** A guess of a time in seconds, as approximate as a guess is. Pure. */
export function durationText(seconds: number): string {
  if (seconds < 2) return 'about a second'
  if (seconds < 20) return `about ${Math.round(seconds)} s`
  if (seconds < 90) return `about ${Math.round(seconds / 5) * 5} s`
  if (seconds < 5400) return `about ${Math.round(seconds / 60)} min`
  return `about ${Math.round(seconds / 3600)} h`
}
