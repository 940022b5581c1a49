// How known tokens go through a denoise loop, as in diffusers' LTXConditionPipeline: a token known to strength s carries
// the time min(t, 1 − s) and stays where it is until the loop has come down to it; then it moves like the others.

/** Training times of a whole flow. */
const TIMES = 1000
/** Sigmas this near count as one: the reference's arithmetic is f32. */
const NEAR = 1e-6

/** The noise level that a token known to this strength starts from. */
const levelOf = (strength: number): number => Math.fround(1 - strength)

/** What the transformer is told of each token: f32 [N]. @param time 0 … 1000, the step's */
export function tokenTimesteps(strengths: Float32Array, time: number): Float32Array {
  return strengths.map((strength) => Math.min(time, levelOf(strength) * TIMES))
}

/** Each token's (factor, keep, add) for ops/sampler-step's tokenStep: an Euler step, or all the way and back with noise. f32 [N, 3] */
export function stepTable(strengths: Float32Array, sigma: number, sigmaNext: number, ancestral: boolean): Float32Array {
  const moving = ancestral ? [-sigma, 1 - sigmaNext, sigmaNext] : [sigmaNext - sigma, 1, 0]
  return tableOf(strengths, (strength) => (sigma - NEAR < levelOf(strength) ? moving : [0, 1, 0]))
}

/** The same for where each token would land if the velocity stayed. f32 [N, 3] */
export function estimateTable(strengths: Float32Array, sigma: number): Float32Array {
  return tableOf(strengths, (strength) => [-Math.min(sigma, levelOf(strength)), 1, 0])
}

function tableOf(strengths: Float32Array, rowOf: (strength: number) => readonly number[]): Float32Array {
  const table = new Float32Array(strengths.length * 3)
  strengths.forEach((strength, token) => table.set(rowOf(strength), token * 3))
  return table
}
