// The denoise loop: Euler steps along the flow from noise (sigma 1) to latents (sigma 0).
import type { Scope } from '../engine/scope'
import type { Tensor } from '../engine/tensor'
import type { LtxTransformer, PreparedText } from '../models/ltx-transformer'
import type { RopeTable } from '../ops/rope'
import { denoisedEstimate, eulerStep } from '../ops/sampler-step'

/** Everything a denoise loop needs; nothing in it changes from step to step. */
export interface DenoiseInputs {
  transformer: LtxTransformer
  /** f32 [1, N, C] */
  noise: Tensor
  rope: RopeTable
  text: PreparedText
  /** the text to steer away from; with it, two forward passes a step */
  unconditional?: PreparedText
  guidance: number
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

/**
 * Dispatches one step and yields; the consumer waits for the GPU as it likes (a preview's read-back does).
 * Classifier-free guidance (Ho & Salimans, 2022): v = vₑ + guidance·(v − vₑ).
 */
export function* denoise(scope: Scope, inputs: DenoiseInputs): Generator<DenoiseStep, Tensor> {
  const { transformer, rope, text, unconditional, guidance, sigmas, timesteps } = inputs
  const steps = timesteps.length
  let latent = inputs.noise
  for (let index = 0; index < steps; index++) {
    const sigma = sigmas[index] as number
    const sigmaNext = sigmas[index + 1] as number
    const [next, denoised] = scope.within((temporary) => {
      const timestep = Float32Array.of(timesteps[index] as number)
      const velocity = transformer.forward(temporary, latent, text, rope, timestep)
      const away = unconditional && transformer.forward(temporary, latent, unconditional, rope, timestep)
      const guided = away ? { sigma, unconditional: away, guidance } : { sigma }
      return [eulerStep(scope, latent, velocity, { ...guided, sigmaNext }), denoisedEstimate(scope, latent, velocity, guided)] as const
    })
    scope.free(latent)
    latent = next
    yield { step: index + 1, steps, latent, denoised }
    scope.free(denoised)
  }
  return latent
}
