import { formatSeconds } from '../../components/quantities'
import type { ModelManifest } from '../../shared/model'
import { clipSeconds, evaluationsOf } from '../../shared/time-estimate'
import type { ModelTimes } from '../../shared/time-estimate'

/** A clip of a model, and how long it takes here. */
export interface ClipTime {
  /** "768 × 512, 3.2 s" */
  clip: string
  /** "about 3 min" */
  takes: string
  /** far beyond what was measured */
  rough: boolean
}

/** The smallest clip, the default one and the largest, as far as they differ. Pure. */
export function clipTimesOf(times: ModelTimes, manifest: ModelManifest): ClipTime[] {
  const { sizes, frames, fps, steps, guidance, guided, latent } = manifest
  const bySize = sizes.toSorted((a, b) => b.width * b.height - a.width * a.height)
  const byFrames = frames.allowed.toSorted((a, b) => a - b)
  const clips = [
    [bySize.at(-1), byFrames[0]],
    [sizes[0], frames.default],
    [bySize[0], byFrames.at(-1)],
  ] as const
  const evaluations = evaluationsOf({ guidance: guidance.default, stgScale: guided?.stg?.scale ?? 0 })
  const told = clips.flatMap(([size, count]) => {
    if (!size || count === undefined) return []
    const tokens = (size.width / latent.scaleSpace) * (size.height / latent.scaleSpace) * ((count - 1) / latent.scaleTime + 1)
    const { seconds, rough } = clipSeconds(times, { tokens, steps: steps.default, evaluations })
    return [{ clip: `${size.width} × ${size.height}, ${formatSeconds(count / fps.default)}`, takes: aboutWords(seconds), rough }]
  })
  return told.filter(({ clip }, index) => told.findIndex((other) => other.clip === clip) === index)
}

/** A guess of a time in seconds, as coarse as a guess is. Pure. */
export function aboutWords(seconds: number): string {
  if (seconds < 2) return 'about a second'
  if (seconds < 20) return `about ${Math.round(seconds)} s`
  if (seconds < 90) return `about ${Math.round(seconds / 5) * 5} s`
  if (seconds < 5400) return `about ${Math.round(seconds / 60)} min`
  return `about ${Math.round(seconds / 3600)} h`
}
