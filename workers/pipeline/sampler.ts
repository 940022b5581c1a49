// The denoise loop: steps along the flow from noise (sigma 1) to latents (sigma 0), Euler or ancestral.
import { withScope, type Scope } from '../engine/scope'
import { dim, type Tensor } from '../engine/tensor'
import type { VideoTransformer } from '../models/architecture'
import { guideVelocity } from '../ops/guidance'
import { denoisedEstimate, eulerStep, tokenStep } from '../ops/sampler-step'
import { rescaleGuidance } from '../ops/guidance-rescale'
import { FirstBlockCache } from './first-block-cache'
import { estimateTable, stepTable, tokenTimesteps } from './conditioning-timesteps'

/** Everything a denoise loop needs; nothing in it changes from step to step. */
export interface DenoiseInputs {
  transformer: VideoTransformer
  /** where the loop starts: noise and conditioning, f32 [1, N, C] */
  noise: Tensor
  /** steps that `noise` has taken already */
  firstStep?: number
  /** the transformer's own: see ModelParts.positions */
  positions: unknown
  /** the transformer's own: see VideoTransformer.prepareText */
  text: unknown
  /** the text to steer away from; with it, two forward passes a step */
  negative?: unknown
  guidance: number
  /** spatio-temporal guidance: steer away from the perturbed model, whose `skipBlocks` skip self-attention; one more forward pass a step */
  stg?: { scale: number; skipBlocks: readonly number[] }
  /** guidance rescale, 0 … 1: how far a guided velocity is brought back to the standard deviation of the prompt's own */
  rescale?: number
  /** relative L1 distance of the first block's residual up to which a forward pass skips the other blocks: see FirstBlockCache. 0 or undefined: never */
  cacheThreshold?: number
  /** how far each token is fixed, 0 … 1; f32 [N] */
  strengths?: Float32Array
  /** ancestral sampling: the fresh noise of a step (from 1 on), f32 [N, C] */
  renoise?: (step: number) => Float32Array
  /** steps + 1 values from 1 down to 0 */
  sigmas: ArrayLike<number>
  /** the transformer's timestep for each sigma; steps values */
  timesteps: ArrayLike<number>
}

/** The state after a step. Both tensors belong to the loop and are freed at the next step: copy what is to be read. */
export interface DenoiseStep {
  /** counts from 1 */
  step: number
  steps: number
  /** f32 [1, N, C] at sigmas[step] */
  latent: Tensor
  /** f32 [1, N, C]: the denoised estimate x − sigma·v */
  denoised: Tensor
  /** forward passes of the transformer that the step took, and how many of them ran the first block alone */
  evaluations: number
  skipped: number
}

/**
 * Dispatches one step and yields; the consumer waits for the GPU. It waits itself only with the first-block cache.
 * @throws the signal's reason, while it waits
 */
export async function* denoise(signal: AbortSignal, scope: Scope, inputs: DenoiseInputs): AsyncGenerator<DenoiseStep, Tensor, undefined> {
  const steps = inputs.timesteps.length
  const caches = openCaches(scope, inputs)
  let latent = inputs.noise
  for (let index = inputs.firstStep ?? 0; index < steps; index++) {
    const [next, denoised, evaluations] = await withScope(scope.gpu, async (temporary) => {
      const velocities = await evaluate(signal, temporary, inputs, caches, latent, index)
      return [...takeStep(scope, temporary, inputs, velocities, latent, index), Object.keys(velocities).length] as const
    })
    scope.free(latent)
    latent = next
    const skipped = Object.values(caches ?? {}).filter((cache) => cache.skipped).length
    yield { step: index + 1, steps, latent, denoised, evaluations, skipped }
    scope.free(denoised)
  }
  return latent
}

/** Dispatches all that a step may, so that its kernels compile. @returns the denoised estimate */
export function warmUp(scope: Scope, inputs: DenoiseInputs): Tensor {
  const index = inputs.firstStep ?? 0
  const { transformer, noise } = inputs
  return scope.within((temporary) => {
    const caches = openCaches(temporary, inputs)
    const velocities: Partial<Velocities> = {}
    for (const { output, query } of stepPasses(inputs, noise, index)) {
      caches?.[output].warmUp(temporary, (inner) => transformer.begin(inner, ...query))
      velocities[output] = transformer.forward(temporary, ...query)
    }
    return takeStep(scope, temporary, inputs, velocities as Velocities, noise, index)[1]
  })
}

/** The latent after a step, and the denoised estimate; both in `scope`. */
function takeStep(scope: Scope, temporary: Scope, inputs: DenoiseInputs, velocities: Velocities, latent: Tensor, index: number): readonly [Tensor, Tensor] {
  const { sigmas, strengths, renoise } = inputs
  const sigma = sigmas[index] as number
  const sigmaNext = sigmas[index + 1] as number
  const velocity = guide(temporary, inputs, velocities)
  if (!strengths && !renoise) return [eulerStep(scope, latent, velocity, { sigma, sigmaNext }), denoisedEstimate(scope, latent, velocity, { sigma })]
  const tokens = dim(latent, -2)
  const fixed = strengths ?? new Float32Array(tokens)
  const upload = (table: Float32Array) => temporary.upload(table, [tokens, 3], 'f32')
  // the last step ends at sigma 0, where nothing is added
  const noise = renoise && sigmaNext > 0 ? temporary.upload(renoise(index + 1), latent.shape, 'f32') : undefined
  return [
    tokenStep(scope, latent, velocity, upload(stepTable(fixed, sigma, sigmaNext, renoise !== undefined)), noise),
    tokenStep(scope, latent, velocity, upload(estimateTable(fixed, sigma))),
  ]
}

/** The transformer's outputs for a latent: the prompt's velocity, and those to steer away from. */
interface Velocities {
  velocity: Tensor
  unconditional?: Tensor
  perturbed?: Tensor
}

/** One forward pass of a step: which velocity it gives, and the transformer's arguments. */
interface Query {
  output: keyof Velocities
  query: readonly [tokens: Tensor, text: unknown, positions: unknown, timesteps: Float32Array, skipBlocks?: readonly number[]]
}

function stepPasses({ text, positions, negative, stg, strengths, timesteps }: DenoiseInputs, latent: Tensor, index: number): Query[] {
  const time = timesteps[index] as number
  const times = strengths ? tokenTimesteps(strengths, time) : Float32Array.of(time)
  const all: Query[] = [{ output: 'velocity', query: [latent, text, positions, times] }]
  if (negative !== undefined) all.push({ output: 'unconditional', query: [latent, negative, positions, times] })
  if (stg) all.push({ output: 'perturbed', query: [latent, text, positions, times, stg.skipBlocks] })
  return all
}

/** Runs a step's forward passes; each stream has its own cache. */
async function evaluate(
  signal: AbortSignal,
  scope: Scope,
  inputs: DenoiseInputs,
  caches: Caches | undefined,
  latent: Tensor,
  index: number,
): Promise<Velocities> {
  const { transformer } = inputs
  const velocities: Partial<Velocities> = {}
  for (const { output, query } of stepPasses(inputs, latent, index)) {
    velocities[output] = caches
      ? await caches[output].evaluate(signal, scope, (inner) => transformer.begin(inner, ...query))
      : transformer.forward(scope, ...query)
  }
  return velocities as Velocities // the first is always there
}

type Caches = Record<keyof Velocities, FirstBlockCache>

function openCaches(scope: Scope, { transformer, cacheThreshold = 0 }: DenoiseInputs): Caches | undefined {
  if (cacheThreshold === 0) return undefined
  const open = () => new FirstBlockCache(scope, transformer, cacheThreshold)
  return { velocity: open(), unconditional: open(), perturbed: open() }
}

/** The guided velocity, in a tensor of its own where there is any guidance. */
function guide(scope: Scope, { guidance, stg, rescale }: DenoiseInputs, { velocity, ...away }: Velocities): Tensor {
  if (!away.unconditional && !away.perturbed) return velocity
  const guided = guideVelocity(scope, velocity, { ...away, guidance, ...(stg && { stg: stg.scale }) })
  return rescale ? rescaleGuidance(scope, guided, velocity, rescale) : guided
}
