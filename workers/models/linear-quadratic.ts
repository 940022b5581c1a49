// LTX-Video's other spacing of sigmas: the first half of the steps stays near 1, the rest falls along a parabola.

/** 1 − sigma where the straight half ends. */
const THRESHOLD = 0.025

/**
 * Sigmas from 1 downwards, without the last 0: rises of 1 − sigma first even, then quadratic to 1, value and slope continuous.
 * It is `linear_quadratic_schedule` of Lightricks' rf.py, first in Meta's Movie Gen (2024), section 3.4.2.
 */
export function linearQuadraticSigmas(steps: number): number[] {
  if (steps < 2) return [1]
  const even = Math.floor(steps / 2)
  const rest = steps - even
  const slope = THRESHOLD / even
  // p(i) = a·i² + b·i + c with p(even) = THRESHOLD, p(steps) = 1; the slope as the published code has it
  const missing = even - THRESHOLD * steps
  const a = missing / (even * rest ** 2)
  const b = slope - (2 * missing) / rest ** 2
  const c = a * even ** 2
  return Array.from({ length: steps }, (_, i) => 1 - (i < even ? i * slope : a * i ** 2 + b * i + c))
}
