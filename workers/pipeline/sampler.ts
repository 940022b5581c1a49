// The denoise loop: steps along the flow from noise (sigma 1) to latents (sigma 0), straight (Euler) or with fresh noise.
import type { Scope } from '../engine/scope'
import { dim, type Tensor } from '../engine/tensor'
import type { LtxTransformer, PreparedText } from '../models/ltx-transformer'
import { guideVelocity } from '../ops/guide-velocity'
import type { RopeTable } from '../ops/rope'
import { denoisedEstimate, eulerStep, tokenStep } from '../ops/sampler-step'
import { matchSpread } from '../ops/spread'
import { estimateTable, stepTable, tokenTimesteps } from './token-steps'

/** Everything a denoise loop needs; nothing in it changes from step to step. */
export interface DenoiseInputs {
  transformer: LtxTransformer
  /** where the loop starts: noise, and what is known; f32 [1, N, C] */
  noise: Tensor
  /** steps that `noise` has taken already */
  firstStep?: number
  rope: RopeTable
  text: PreparedText
  /** the text to steer away from; with it, two forward passes a step */
  unconditional?: PreparedText
  guidance: number
  /** spatio-temporal guidance: steer away from the model whose `skipBlocks` do not look around; one more forward pass a step */
  stg?: { scale: number; skipBlocks: readonly number[] }
  /** guidance rescale, 0 … 1: how far a guided velocity is brought back to the spread of the prompt's own */
  rescale?: number
  /** how much of each token is known, 0 … 1; f32 [N] */
  strengths?: Float32Array
  /** stochastic sampling: the noise that a step (from 1 on) goes back with, f32 [N, C] */
  freshNoise?: (step: number) => Float32Array
  /** steps + 1 values from 1 down to 0 */
  sigmas: ArrayLike<number>
  /** what the transformer is told for each sigma; steps values */
  timesteps: ArrayLike<number>
}

/** The state after a step. Both tensors are the loop's: they are gone at the next step. */
export interface DenoiseStep {
  /** counts from 1 */
  step: number
  steps: number
  /** f32 [1, N, C] at sigmas[step] */
  latent: Tensor
  /** f32 [1, N, C]: where the latent would land if the velocity stayed: x − sigma·v */
  denoised: Tensor
}

/** Dispatches one step and yields; the consumer waits for the GPU as it likes (a preview's read-back does). */
export function* denoise(scope: Scope, inputs: DenoiseInputs): Generator<DenoiseStep, Tensor> {
  const steps = inputs.timesteps.length
  let latent = inputs.noise
  for (let index = inputs.firstStep ?? 0; index < steps; index++) {
    const [next, denoised] = scope.within((temporary) => takeStep(scope, temporary, inputs, latent, index))
    scope.free(latent)
    latent = next
    yield { step: index + 1, steps, latent, denoised }
    scope.free(denoised)
  }
  return latent
}

/** The latent after a step, and the denoised estimate; both in `scope`. */
function takeStep(scope: Scope, temporary: Scope, inputs: DenoiseInputs, latent: Tensor, index: number): readonly [Tensor, Tensor] {
  const { sigmas, strengths, freshNoise } = inputs
  const sigma = sigmas[index] as number
  const sigmaNext = sigmas[index + 1] as number
  const seen = evaluate(temporary, inputs, latent, inputs.timesteps[index] as number)
  if (!strengths && !freshNoise) {
    const { velocity, ...guided } = seen.weakened || inputs.rescale ? { velocity: guide(temporary, inputs, seen) } : seen
    const from = { sigma, guidance: inputs.guidance, ...guided }
    return [eulerStep(scope, latent, velocity, { ...from, sigmaNext }), denoisedEstimate(scope, latent, velocity, from)]
  }
  const velocity = guide(temporary, inputs, seen)
  const tokens = dim(latent, -2)
  const known = strengths ?? new Float32Array(tokens)
  const upload = (table: Float32Array) => temporary.upload(table, [tokens, 3], 'f32')
  // the last step ends at sigma 0, where nothing is added
  const noise = freshNoise && sigmaNext > 0 ? temporary.upload(freshNoise(index + 1), latent.shape, 'f32') : undefined
  return [
    tokenStep(scope, latent, velocity, upload(stepTable(known, sigma, sigmaNext, freshNoise !== undefined)), noise),
    tokenStep(scope, latent, velocity, upload(estimateTable(known, sigma))),
  ]
}

/** What the transformer says of a latent: the velocity, and those to steer away from. */
interface Velocities {
  velocity: Tensor
  unconditional?: Tensor
  weakened?: Tensor
}

function evaluate(scope: Scope, { transformer, text, rope, unconditional, stg, strengths }: DenoiseInputs, latent: Tensor, time: number): Velocities {
  const times = strengths ? tokenTimesteps(strengths, time) : Float32Array.of(time)
  const velocity = transformer.forward(scope, latent, text, rope, times)
  return {
    velocity,
    ...(unconditional && { unconditional: transformer.forward(scope, latent, unconditional, rope, times) }),
    ...(stg && { weakened: transformer.forward(scope, latent, text, rope, times, stg.skipBlocks) }),
  }
}

/** The velocity that is followed, in a tensor of its own where anything steers it. */
function guide(scope: Scope, { guidance, stg, rescale }: DenoiseInputs, { velocity, ...away }: Velocities): Tensor {
  if (!away.unconditional && !away.weakened) return velocity
  const guided = guideVelocity(scope, velocity, { ...away, guidance, ...(stg && { stg: stg.scale }) })
  return rescale ? matchSpread(scope, guided, velocity, rescale) : guided
}
