// Noise to latents: compiles, runs the denoise loop, and shows each step.
import type { JobProgress } from '../../src/shared/job'
import type { GenerateRequest } from '../../src/shared/request'
import { AppError } from '../../src/shared/errors'
import type { LoopState, ChunkCheckpoint } from '../storage/checkpoints'
import type { TuningCache } from '../storage/tuning-cache'
import type { Scope } from '../engine/scope'
import { elementCount, reshape, type Tensor } from '../engine/tensor'
import type { Schedule } from '../models/flow-match-scheduler'
import { ltxSchedule } from '../models/ltx-schedule'
import { readPreview } from '../models/read-frames'
import { patchify, unpatchify } from '../ops/patchify'
import type { Conditioning } from './prompt-embeds'
import type { JobClock } from './job-clock'
import { gridTokens, latentCount, ropePositionsOf, rawLatent, tokenCount, videoCoordinates, type LatentGrid } from './latent-grid'
import type { LoadedModel, PromptEmbedding, Sampling } from './model'
import { gaussianNoise, NOISE_STREAM } from './noise'
import { latentOfTokens, injectConditioning, tokensOfLatent, type ConditioningLatents } from './inject-conditioning'
import { prepareKernels } from './prepare-kernels'
import { denoise, rehearse, type DenoiseInputs, type DenoiseStep } from './sampler'
import { untilAborted } from './until-aborted'

/** Sigmas this near count as one. */
const NEAR = 1e-6
/** One latent pixel a token: LTX's patch size. */
const PATCH = { patch: 1, patchTime: 1 }

export interface DenoiseJob {
  model: LoadedModel
  request: GenerateRequest
  grid: LatentGrid
  words: Conditioning
  /** f32 [C, F', H', W'] instead of noise drawn from the seed */
  noise?: Float32Array<ArrayBuffer> | undefined
  /** what is known of the clip, encoded, in the order in which it is placed */
  known?: readonly ConditioningLatents[]
  /** latents of a whole clip to begin from: at the first noise level at or below their `strength`, or at that itself, mixed with as much noise */
  start?: ConditioningLatents
  /** other than the model's own */
  sampling?: Sampling
  /** where an earlier run of the same job had come to */
  kept?: LoopState | undefined
  /** where each step is kept */
  checkpoint?: Pick<ChunkCheckpoint, 'save'> | undefined
  /** of the clip, still to be made after this one */
  chunksAfter?: number
  /** where the fastest kernels are kept once they are found; without it those of the fixed table are taken */
  tuningCache?: TuningCache | undefined
  clock: JobClock
  tell: (event: JobProgress) => void
}

/** @returns the final latent, f32 [C, F', H', W'] */
export async function runDenoise(signal: AbortSignal, scope: Scope, job: DenoiseJob): Promise<Float32Array<ArrayBuffer>> {
  const { model, grid, clock, tell } = job
  const { gpu } = scope
  const inputs = goingOn(scope, prepare(scope, job), job.kept)
  const work = { dispatch: () => dispatchOneStep(scope, inputs, model, grid), estimate: (own: Scope) => rehearse(own, inputs) }
  await prepareKernels(signal, gpu, work, job.tuningCache, tell)

  tell({ stage: 'denoising', step: inputs.firstStep ?? 0, steps: inputs.timesteps.length })
  await gpu.settle()
  clock.lap()
  const loop = denoise(signal, scope, inputs)
  const readStep = stepReader(signal, scope, job)
  /** the last step's */
  let reading: Promise<void> | undefined
  try {
    for (;;) {
      signal.throwIfAborted()
      // the next step is dispatched before the last one is waited for, so that the GPU computes while that is read back and shown
      const next = await loop.next()
      await reading
      if (next.done) {
        const latent = unpatchify(scope, gridTokens(next.value, grid), { ...PATCH, ...grid })
        return await untilAborted(signal, gpu.read(latent))
      }
      reading = readStep(next.value)
      reading.catch(() => undefined) // it is told when its turn comes
      await untilAborted(signal, gpu.queue.nearlyDone())
    }
  } finally {
    await Promise.allSettled([reading]) // nothing is told of a job that has ended
  }
}

/** Reads a step's preview and its latent back, keeps the one and tells of the other. Both are copied before it returns to its caller. */
function stepReader(signal: AbortSignal, scope: Scope, { model, request, grid, clock, tell, checkpoint, chunksAfter = 0 }: DenoiseJob): (step: DenoiseStep) => Promise<void> {
  const resumable = resumableStates(request.cacheThreshold)
  return async ({ step, steps, latent, denoised, evaluations, skipped }) => {
    const raw = rawLatent(scope, gridTokens(denoised, grid), model, grid)
    const reading = Promise.all([readPreview(scope, model.autoencoder.preview(scope, raw)), checkpoint && scope.gpu.read(latent)])
    scope.free(raw)
    const [preview, tokens] = await untilAborted(signal, reading)
    const state = tokens && resumable({ step, tokens }, skipped === 0, step === steps)
    if (state) checkpoint?.save(state)
    clock.evaluations += evaluations
    clock.evaluationsSkipped += skipped
    clock.stepMs.push(clock.lap())
    const etaSeconds = clock.etaSeconds(step, steps, chunksAfter)
    tell({ stage: 'denoising', step, steps, preview, ...(etaSeconds !== undefined && { etaSeconds }) })
  }
}

/**
 * Which state a loop is to go on from, after each step. What is kept is the latent alone, so a loop that goes on runs its first step whole;
 * with reuse between steps that gives the same frames only before a step whose evaluations all ran whole, and after the last one.
 */
function resumableStates(cacheThreshold = 0): (after: LoopState, whole: boolean, last: boolean) => LoopState | undefined {
  let before: LoopState | undefined
  return (after, whole, last) => {
    const state = cacheThreshold === 0 || last ? after : whole ? before : undefined
    before = after
    return state
  }
}

/** The loop from where an earlier run had come to: all but the latent follows from the request. */
function goingOn(scope: Scope, inputs: DenoiseInputs, kept: LoopState | undefined): DenoiseInputs {
  if (!kept || kept.tokens.length !== elementCount(inputs.noise.shape) || kept.step > inputs.timesteps.length) return inputs
  const noise = scope.upload(kept.tokens, inputs.noise.shape, 'f32')
  scope.free(inputs.noise)
  return { ...inputs, noise, firstStep: kept.step }
}

/** One step, its preview and what decoding begins with, for their kernels. */
function dispatchOneStep(scope: Scope, inputs: DenoiseInputs, model: LoadedModel, grid: LatentGrid): void {
  scope.within((temporary) => {
    if ((inputs.firstStep ?? 0) >= inputs.timesteps.length) return // all steps are done
    const raw = rawLatent(temporary, gridTokens(rehearse(temporary, inputs), grid), model, grid)
    model.autoencoder.preview(temporary, raw)
    model.autoencoder.warmUpDecode?.(temporary, raw)
  })
}

function prepare(scope: Scope, job: DenoiseJob): DenoiseInputs {
  const { model, request, grid, words, sampling = model.sampling ?? {} } = job
  const { transformer } = model
  const { timesteps, sigmas } = scheduleOf(job)
  const text = ({ values, tokens, width }: PromptEmbedding) => transformer.prepareText(scope, scope.upload(values, [1, tokens, width], 'f32'))
  const { start, appended, strengths } = startTokens(scope, job, sigmas[0] ?? 1)
  return {
    transformer,
    noise: start,
    rope: transformer.prepareCoordinates(scope, videoCoordinates(grid, ropePositionsOf(model.manifest, request.fps), appended)),
    text: text(words.prompt),
    ...(words.away && { unconditional: text(words.away) }),
    guidance: request.guidance,
    ...(request.stg && request.stg.scale > 0 && { stg: request.stg }),
    ...(request.guidanceRescale !== undefined && { rescale: request.guidanceRescale }),
    ...(request.cacheThreshold !== undefined && { cacheThreshold: request.cacheThreshold }),
    ...(strengths && { strengths }),
    // drawn in the tokens' order: what is appended does not change the grid's own
    ...(sampling.stochastic && { renoise: (step: number) => gaussianNoise(request.seed, elementCount(start.shape), step) }),
    sigmas,
    timesteps,
  }
}

/** The steps that a job takes: all of its model's, or from where the clip that it begins from is mixed in. */
function scheduleOf({ model, request, grid, sampling = model.sampling ?? {}, start }: ScheduledJob): Schedule {
  return beginningAt(ltxSchedule({ ...sampling, config: model.schedulerConfig }, request.steps, tokenCount(grid)), start?.strength ?? 1)
}

type ScheduledJob = Pick<DenoiseJob, 'model' | 'request' | 'grid' | 'sampling'> & { start?: Pick<ConditioningLatents, 'strength'> }

/** The final latent of a job whose steps are all done, as runDenoise gives it; undefined where some are still to be taken. */
export function finishedLatents(job: ScheduledJob, kept: LoopState | undefined): Float32Array<ArrayBuffer> | undefined {
  const { grid } = job
  if (!kept || kept.step !== scheduleOf(job).timesteps.length || kept.tokens.length < latentCount(grid)) return undefined
  return latentOfTokens(kept.tokens, grid.channels, tokenCount(grid))
}

/**
 * The part of a schedule from the first sigma at or below `level` on. Where all are above it, as of a model that was distilled to a few high
 * ones, one step from the level itself: a clip is not to be drowned in more noise than was asked for.
 */
function beginningAt({ sigmas, timesteps }: Schedule, level: number): Schedule {
  const first = timesteps.findIndex((_, step) => (sigmas[step] as number) <= level + NEAR)
  if (first >= 0) return { sigmas: sigmas.subarray(first), timesteps: timesteps.subarray(first) }
  const timesPerSigma = (timesteps[0] as number) / (sigmas[0] as number)
  return { sigmas: Float32Array.of(level, 0), timesteps: Float32Array.of(level * timesPerSigma) }
}

/** Noise, given or drawn from the seed, mixed with the clip to begin from, and with what is known in its place: f32 [1, N + K, C]. */
function startTokens(scope: Scope, { model, request, grid, noise: given, known = [], start }: DenoiseJob, sigma: number): { start: Tensor; appended?: number[]; strengths?: Float32Array } {
  const count = latentCount(grid)
  if (given && given.length !== count) {
    throw new AppError('bad-request', `noise: expected ${count} values, got ${given.length}.`, { field: 'noise', expected: count, got: given.length })
  }
  const noise = given ?? gaussianNoise(request.seed, count)
  if (start && start.values.length !== count) {
    throw new AppError('bad-request', `start: expected a clip of ${count} latent values, got ${start.values.length}.`, { field: 'start', expected: count, got: start.values.length })
  }
  if (known.length > 0 || start) {
    const grained = tokensOfLatent(noise, grid.channels).map((value, index) => (start ? sigma * value + (1 - sigma) * (start.values[index] as number) : value))
    const fresh = (index: number, values: number) => gaussianNoise(request.seed, values, NOISE_STREAM.condition + index)
    const { tokens, strengths, appended } = injectConditioning(grained, grid, model.manifest.latent.scaleTime, known, fresh)
    return { start: scope.upload(tokens, [1, strengths.length, grid.channels], 'f32'), strengths, appended }
  }
  const latent = scope.upload(noise, [grid.channels, grid.frames, grid.height, grid.width], 'f32')
  const tokens = patchify(scope, latent, PATCH)
  scope.free(latent)
  return { start: reshape(tokens, [1, tokenCount(grid), grid.channels]) }
}
