// The denoise loop: steps along the flow from noise (sigma 1) to latents (sigma 0), straight (Euler) or with fresh noise.
import { withScope, type Scope } from '../engine/scope'
import { dim, type Tensor } from '../engine/tensor'
import type { LtxTransformer, PreparedText } from '../models/ltx-transformer'
import { guideVelocity } from '../ops/guidance'
import type { RopeTable } from '../ops/rope'
import { denoisedEstimate, eulerStep, tokenStep } from '../ops/sampler-step'
import { rescaleGuidance } from '../ops/guidance-rescale'
import { FirstBlockCache } from './first-block-cache'
import { estimateTable, stepTable, tokenTimesteps } from './conditioning-timesteps'

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
  /** relative change of what the first block adds up to which an evaluation goes without the others: see FirstBlockCache. 0 or nothing: never */
  cacheThreshold?: number
  /** how much of each token is known, 0 … 1; f32 [N] */
  strengths?: Float32Array
  /** stochastic sampling: the noise that a step (from 1 on) goes back with, f32 [N, C] */
  renoise?: (step: number) => Float32Array
  /** steps + 1 values from 1 down to 0 */
  sigmas: ArrayLike<number>
  /** what the transformer is told for each sigma; steps values */
  timesteps: ArrayLike<number>
}

/** The state after a step. Both tensors are the loop's: at the next step they are gone, and what is to be read of them is copied before. */
export interface DenoiseStep {
  /** counts from 1 */
  step: number
  steps: number
  /** f32 [1, N, C] at sigmas[step] */
  latent: Tensor
  /** f32 [1, N, C]: where the latent would land if the velocity stayed: x − sigma·v */
  denoised: Tensor
  /** evaluations of the transformer that the step took, and how many of them went without all blocks but the first */
  evaluations: number
  skipped: number
}

/**
 * Dispatches one step and yields; the consumer waits for the GPU as it likes. It waits itself only where evaluations are reused.
 * @throws the signal's reason, while it waits
 */
export async function* denoise(signal: AbortSignal, scope: Scope, inputs: DenoiseInputs): AsyncGenerator<DenoiseStep, Tensor, undefined> {
  const steps = inputs.timesteps.length
  const caches = openCaches(scope, inputs)
  let latent = inputs.noise
  for (let index = inputs.firstStep ?? 0; index < steps; index++) {
    const [next, denoised, evaluations] = await withScope(scope.gpu, async (temporary) => {
      const seen = await evaluate(signal, temporary, inputs, caches, latent, index)
      return [...takeStep(scope, temporary, inputs, seen, latent, index), Object.keys(seen).length] as const
    })
    scope.free(latent)
    latent = next
    const skipped = Object.values(caches ?? {}).filter((cache) => cache.skipped).length
    yield { step: index + 1, steps, latent, denoised, evaluations, skipped }
    scope.free(denoised)
  }
  return latent
}

/** Dispatches what a step may, for its kernels. @returns the denoised estimate */
export function rehearse(scope: Scope, inputs: DenoiseInputs): Tensor {
  const index = inputs.firstStep ?? 0
  const { transformer, noise } = inputs
  return scope.within((temporary) => {
    const caches = openCaches(temporary, inputs)
    const seen: Partial<Velocities> = {}
    for (const { gives, asked } of stepEvaluations(inputs, noise, index)) {
      caches?.[gives].rehearse(temporary, (inner) => transformer.begin(inner, ...asked))
      seen[gives] = transformer.forward(temporary, ...asked)
    }
    return takeStep(scope, temporary, inputs, seen as Velocities, noise, index)[1]
  })
}

/** The latent after a step, and the denoised estimate; both in `scope`. */
function takeStep(scope: Scope, temporary: Scope, inputs: DenoiseInputs, seen: Velocities, latent: Tensor, index: number): readonly [Tensor, Tensor] {
  const { sigmas, strengths, renoise } = inputs
  const sigma = sigmas[index] as number
  const sigmaNext = sigmas[index + 1] as number
  const velocity = guide(temporary, inputs, seen)
  if (!strengths && !renoise) return [eulerStep(scope, latent, velocity, { sigma, sigmaNext }), denoisedEstimate(scope, latent, velocity, { sigma })]
  const tokens = dim(latent, -2)
  const known = strengths ?? new Float32Array(tokens)
  const upload = (table: Float32Array) => temporary.upload(table, [tokens, 3], 'f32')
  // the last step ends at sigma 0, where nothing is added
  const noise = renoise && sigmaNext > 0 ? temporary.upload(renoise(index + 1), latent.shape, 'f32') : undefined
  return [
    tokenStep(scope, latent, velocity, upload(stepTable(known, sigma, sigmaNext, renoise !== undefined)), noise),
    tokenStep(scope, latent, velocity, upload(estimateTable(known, sigma))),
  ]
}

/** What the transformer says of a latent: the velocity, and those to steer away from. */
interface Velocities {
  velocity: Tensor
  unconditional?: Tensor
  perturbed?: Tensor
}

/** One evaluation of a step: what of the velocities it gives, and what the transformer is asked. */
interface Asked {
  gives: keyof Velocities
  asked: readonly [tokens: Tensor, text: PreparedText, rope: RopeTable, timesteps: Float32Array, blind?: readonly number[]]
}

function stepEvaluations({ text, rope, unconditional, stg, strengths, timesteps }: DenoiseInputs, latent: Tensor, index: number): Asked[] {
  const time = timesteps[index] as number
  const times = strengths ? tokenTimesteps(strengths, time) : Float32Array.of(time)
  const all: Asked[] = [{ gives: 'velocity', asked: [latent, text, rope, times] }]
  if (unconditional) all.push({ gives: 'unconditional', asked: [latent, unconditional, rope, times] })
  if (stg) all.push({ gives: 'perturbed', asked: [latent, text, rope, times, stg.skipBlocks] })
  return all
}

/** Runs a step's evaluations, with caches each on its own. */
async function evaluate(signal: AbortSignal, scope: Scope, inputs: DenoiseInputs, caches: Caches | undefined, latent: Tensor, index: number): Promise<Velocities> {
  const { transformer } = inputs
  const seen: Partial<Velocities> = {}
  for (const { gives, asked } of stepEvaluations(inputs, latent, index)) {
    seen[gives] = caches ? await caches[gives].evaluate(signal, scope, (inner) => transformer.begin(inner, ...asked)) : transformer.forward(scope, ...asked)
  }
  return seen as Velocities // the first is always asked for
}

type Caches = Record<keyof Velocities, FirstBlockCache>

function openCaches(scope: Scope, { transformer, cacheThreshold = 0 }: DenoiseInputs): Caches | undefined {
  if (cacheThreshold === 0) return undefined
  const open = () => new FirstBlockCache(scope, transformer, cacheThreshold)
  return { velocity: open(), unconditional: open(), perturbed: open() }
}

/** The velocity that is followed, in a tensor of its own where anything steers it. */
function guide(scope: Scope, { guidance, stg, rescale }: DenoiseInputs, { velocity, ...away }: Velocities): Tensor {
  if (!away.unconditional && !away.perturbed) return velocity
  const guided = guideVelocity(scope, velocity, { ...away, guidance, ...(stg && { stg: stg.scale }) })
  return rescale ? rescaleGuidance(scope, guided, velocity, rescale) : guided
}
