// How evenly a clip moves: the mean change of a pixel from each frame to the next.
import type { Clip } from './clip'

/** `step`: mean |change| of a colour value a frame, 0 … 1; `variation`: its standard deviation over the clip / its mean;
 * `first`: the step from frame 0 to 1 / the median step. */
export interface Consistency {
  step: number
  variation: number
  first: number
}

/** Mean |frame[t + 1] − frame[t]| over pixels and colours, 0 … 1, for each t. */
export function frameSteps({ frames }: Clip): number[] {
  return frames.slice(1).map((frame, index) => {
    const before = frames[index]!
    let sum = 0
    for (let i = 0; i < frame.length; i++) if (i % 4 !== 3) sum += Math.abs(frame[i]! - before[i]!)
    return sum / ((frame.length / 4) * 3 * 255)
  })
}

/** A clip's consistency; one whose frames are all alike is perfectly even. */
export function consistencyOf(clip: Clip): Consistency {
  const steps = frameSteps(clip)
  const step = mean(steps)
  if (step === 0) return { step: 0, variation: 0, first: 1 }
  const variation = Math.sqrt(mean(steps.map((value) => (value - step) ** 2))) / step
  const sorted = [...steps].sort((a, b) => a - b)
  const median = (sorted[(sorted.length - 1) >> 1]! + sorted[sorted.length >> 1]!) / 2
  return { step, variation, first: median === 0 ? 1 : steps[0]! / median }
}

/** The mean of each figure over clips. */
export function meanConsistency(clips: readonly Consistency[]): Consistency {
  return { step: mean(clips.map((c) => c.step)), variation: mean(clips.map((c) => c.variation)), first: mean(clips.map((c) => c.first)) }
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}
