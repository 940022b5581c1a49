// Noise to latents: prepares the kernels, runs the denoise loop, and shows and stores each step.
import type { ChunkPiece } from '../../src/shared/plan'
import type { Embeds, PromptEmbeds } from '../../src/shared/prompt-embeds'
import type { GenerateRequest } from '../../src/shared/request'
import { AppError } from '../../src/shared/errors'
import type { Scope } from '../engine/scope'
import { elementCount, reshape, type Tensor } from '../engine/tensor'
import { untilAborted } from '../engine/until-aborted'
import type { LatentGrid, LoadedModel } from '../models/architecture'
import type { Schedule } from '../models/flow-match-scheduler'
import { channelsLast, latentCount, latentOfTokens, rawLatent, tokenCount } from '../models/latent-grid'
import { readPreview } from '../models/read-frames'
import { patchify } from '../ops/patchify'
import type { ChunkCheckpoint, LoopState } from '../storage/checkpoints'
import { injectConditioning, type ConditioningLatents } from './inject-conditioning'
import type { JobContext } from './job-context'
import { gaussianNoise, NOISE_STREAM } from './noise'
import { prepareKernels } from './prepare-kernels'
import { denoise, warmUp, type DenoiseInputs, type DenoiseStep } from './sampler'

/** Sigmas this near count as one. */
const NEAR = 1e-6

export interface DenoiseRun {
  model: LoadedModel
  request: GenerateRequest
  grid: LatentGrid
  embeds: PromptEmbeds
  /** f32 [C, F', H', W'] instead of noise drawn from the seed */
  noise?: Float32Array<ArrayBuffer> | undefined
  /** in the order in which it is injected */
  conditioning?: readonly ConditioningLatents[]
  /** latents of a whole clip to start from: at the first noise level at or below their `strength`, or at that itself, mixed with as much noise */
  initVideo?: ConditioningLatents | undefined
  /** the state that an earlier run of the same job stored */
  stored?: LoopState | undefined
  /** where each step is stored */
  checkpoint?: Pick<ChunkCheckpoint, 'save'> | undefined
  /** of the clip, still to be generated after this one */
  chunksAfter?: number
}

/** @returns the final latents, f32 [F', H', W', C] */
export async function runDenoise(job: JobContext, scope: Scope, run: DenoiseRun): Promise<Float32Array<ArrayBuffer>> {
  const { signal, gpu, clock, report } = job
  const { model, grid } = run
  const inputs = resumeFrom(scope, prepare(scope, run), run.stored)
  const work = { dispatch: () => warmUpStep(scope, inputs, model, grid), estimate: (own: Scope) => warmUp(own, inputs) }
  await prepareKernels(job, work)

  report({ stage: 'denoising', step: inputs.firstStep ?? 0, steps: inputs.timesteps.length })
  await gpu.settle()
  clock.lap()
  const loop = denoise(signal, scope, inputs)
  const readStep = stepReader(job, scope, run)
  /** of the last step */
  let reading: Promise<void> | undefined
  try {
    for (;;) {
      signal.throwIfAborted()
      // The next step is dispatched before the last one is waited for, so that the GPU computes while that is read back and shown.
      const next = await loop.next()
      await reading
      if (next.done) return await untilAborted(signal, gpu.read(latentOfTokens(scope, next.value, grid, model.patch)))
      reading = readStep(next.value)
      reading.catch(() => undefined) // thrown where it is awaited
      await untilAborted(signal, gpu.queue.nearlyDone())
    }
  } finally {
    await Promise.allSettled([reading]) // a job that has ended reports nothing more
  }
}

/** Reads back a step's preview and latent, stores the one and reports the other. Both are copied before it returns to its caller. */
function stepReader(
  { signal, clock, report }: JobContext,
  scope: Scope,
  { model, request, grid, checkpoint, chunksAfter = 0 }: DenoiseRun,
): (step: DenoiseStep) => Promise<void> {
  const resumable = resumableStates(request.cacheThreshold)
  return async ({ step, steps, latent, denoised, evaluations, skipped }) => {
    const raw = rawLatent(scope, latentOfTokens(scope, denoised, grid, model.patch), model.decoder.config)
    const reading = Promise.all([readPreview(scope, model.decoder.preview(scope, raw)), checkpoint && scope.gpu.read(latent)])
    scope.free(raw)
    const [preview, tokens] = await untilAborted(signal, reading)
    const state = tokens && resumable({ step, tokens }, skipped === 0, step === steps)
    if (state) checkpoint?.save(state)
    clock.evaluations += evaluations
    clock.evaluationsSkipped += skipped
    clock.stepMs.push(clock.lap())
    const etaSeconds = clock.etaSeconds(step, steps, chunksAfter)
    report({ stage: 'denoising', step, steps, preview, ...(etaSeconds !== undefined && { etaSeconds }) })
  }
}

/**
 * The state to store after each step. A state is the latent alone, so a resumed loop runs all blocks in its first step; with the first-block
 * cache that gives the same frames only before a step whose forward passes all ran all blocks, and after the last step.
 */
function resumableStates(cacheThreshold = 0): (after: LoopState, allBlocks: boolean, last: boolean) => LoopState | undefined {
  let before: LoopState | undefined
  return (after, allBlocks, last) => {
    const state = cacheThreshold === 0 || last ? after : allBlocks ? before : undefined
    before = after
    return state
  }
}

/** The loop from a stored state: all but the latent follows from the request. A state of another size or schedule is ignored. */
function resumeFrom(scope: Scope, inputs: DenoiseInputs, stored: LoopState | undefined): DenoiseInputs {
  if (!stored || stored.tokens.length !== elementCount(inputs.noise.shape) || stored.step > inputs.timesteps.length) return inputs
  const noise = scope.upload(stored.tokens, inputs.noise.shape, 'f32')
  scope.free(inputs.noise)
  return { ...inputs, noise, firstStep: stored.step }
}

/** Dispatches one step, its preview and the start of decoding, so that their kernels compile. */
function warmUpStep(scope: Scope, inputs: DenoiseInputs, { decoder, patch }: LoadedModel, grid: LatentGrid): void {
  scope.within((temporary) => {
    if ((inputs.firstStep ?? 0) >= inputs.timesteps.length) return // all steps are done
    const raw = rawLatent(temporary, latentOfTokens(temporary, warmUp(temporary, inputs), grid, patch), decoder.config)
    decoder.preview(temporary, raw)
    decoder.warmUpDecode?.(temporary, raw)
  })
}

function prepare(scope: Scope, run: DenoiseRun): DenoiseInputs {
  const { model, request, grid, embeds } = run
  const { timesteps, sigmas } = scheduleOf(run)
  const text = ({ values, tokens, width }: Embeds) => model.transformer.prepareText(scope, scope.upload(values, [1, tokens, width], 'f32'))
  const { tokens, appended, strengths } = startTokens(scope, run, sigmas[0] ?? 1)
  return {
    transformer: model.transformer,
    noise: tokens,
    positions: model.positions(scope, grid, request.fps, appended),
    text: text(embeds.positive),
    ...(embeds.negative && { negative: text(embeds.negative) }),
    guidance: request.guidance,
    ...(request.stg && request.stg.scale > 0 && { stg: request.stg }),
    ...(request.guidanceRescale !== undefined && { rescale: request.guidanceRescale }),
    ...(request.cacheThreshold !== undefined && { cacheThreshold: request.cacheThreshold }),
    ...(strengths && { strengths }),
    // drawn in the tokens' order: appended tokens do not change the grid's own noise
    ...(model.ancestral && { renoise: (step: number) => gaussianNoise(request.seed, elementCount(tokens.shape), step) }),
    sigmas,
    timesteps,
  }
}

type Scheduled = Pick<DenoiseRun, 'model' | 'request' | 'grid'> & { initVideo?: Pick<NonNullable<ChunkPiece['initVideo']>, 'strength'> | undefined }

/** The steps of a chunk: all of its model's, or those from the noise level on at which the init video is mixed in. */
function scheduleOf({ model, request, grid, initVideo }: Scheduled): Schedule {
  return startAtLevel(model.schedule(request.steps, tokenCount(grid, model.patch)), initVideo?.strength ?? 1)
}

/** The final latents of a chunk whose steps are all done, as runDenoise gives them; undefined where some are left. */
export async function finishedLatents(
  { signal, gpu }: JobContext,
  scope: Scope,
  run: Scheduled,
  stored: LoopState | undefined,
): Promise<Float32Array<ArrayBuffer> | undefined> {
  const {
    grid,
    model: { patch },
  } = run
  const count = latentCount(grid)
  if (!stored || stored.step !== scheduleOf(run).timesteps.length || stored.tokens.length < count) return undefined
  const tokens = stored.tokens.slice(0, count)
  if (patch.patch === 1 && patch.patchTime === 1) return tokens
  const uploaded = scope.upload(tokens, [1, tokenCount(grid, patch), count / tokenCount(grid, patch)], 'f32')
  return untilAborted(signal, gpu.read(latentOfTokens(scope, uploaded, grid, patch)))
}

/**
 * The part of a schedule from the first sigma at or below `level` on. Where all are above it, as of a model that was distilled to a few high
 * sigmas, one step from the level itself: the init video must not drown in more noise than was requested.
 */
function startAtLevel({ sigmas, timesteps }: Schedule, level: number): Schedule {
  const first = timesteps.findIndex((_, step) => (sigmas[step] as number) <= level + NEAR)
  if (first >= 0) return { sigmas: sigmas.subarray(first), timesteps: timesteps.subarray(first) }
  const timesPerSigma = (timesteps[0] as number) / (sigmas[0] as number)
  return { sigmas: Float32Array.of(level, 0), timesteps: Float32Array.of(level * timesPerSigma) }
}

/** Where the loop starts: f32 [1, N + K, C·p], and what of it is conditioning. */
interface StartTokens {
  tokens: Tensor
  /** frames at which the K tokens' latent frames begin */
  appended: readonly number[]
  /** f32 [N + K]; undefined without conditioning */
  strengths?: Float32Array
}

/** Noise, given or drawn from the seed, mixed with the init video and the conditioning. */
function startTokens(scope: Scope, { model, request, grid, noise: given, conditioning = [], initVideo }: DenoiseRun, sigma: number): StartTokens {
  const count = latentCount(grid)
  const expectCount = (field: 'noise' | 'initVideo', got: number) => {
    if (got !== count) throw new AppError('bad-request', `${field}: expected ${count} latent values, got ${got}.`, { field, expected: count, got })
  }
  if (given) expectCount('noise', given.length)
  if (initVideo) expectCount('initVideo', initVideo.values.length)
  const noise = channelsLast(given ?? gaussianNoise(request.seed, count), grid.channels)
  const start = initVideo ? noise.map((value, index) => sigma * value + (1 - sigma) * (initVideo.values[index] as number)) : noise
  const upload = (latent: Float32Array<ArrayBuffer>) => tokensOfLatent(scope, latent, grid, model)
  if (conditioning.length === 0 && !initVideo) return { tokens: upload(start), appended: [] }
  const fresh = (index: number, values: number) => gaussianNoise(request.seed, values, NOISE_STREAM.condition + index)
  const { latent, strengths, appended } = injectConditioning(start, grid, model.manifest.latent.scaleTime, conditioning, fresh)
  return { tokens: upload(latent), strengths: perToken(strengths, grid, model), appended }
}

/** Latent frames, f32 [F' + K', H', W', C], as tokens, f32 [1, N + K, C·p]. */
function tokensOfLatent(scope: Scope, latent: Float32Array<ArrayBuffer>, { height, width, channels }: LatentGrid, { patch }: LoadedModel): Tensor {
  const uploaded = scope.upload(latent, [latent.length / (height * width * channels), height, width, channels], 'f32')
  if (patch.patch === 1 && patch.patchTime === 1) return reshape(uploaded, [1, latent.length / channels, channels])
  const tokens = patchify(scope, uploaded, patch)
  scope.free(uploaded)
  return reshape(tokens, [1, ...tokens.shape])
}

/** Strengths of latent frames, f32 [F' + K'], as those of their tokens, f32 [N + K]. */
function perToken(strengths: Float32Array, { height, width }: LatentGrid, { manifest, patch }: LoadedModel): Float32Array {
  if (patch.patchTime !== 1) throw new Error(`${manifest.name}: a patch holds ${patch.patchTime} latent frames, so that frames cannot be fixed one by one.`)
  const perFrame = (height / patch.patch) * (width / patch.patch)
  const values = new Float32Array(strengths.length * perFrame)
  strengths.forEach((strength, frame) => values.fill(strength, frame * perFrame, (frame + 1) * perFrame))
  return values
}
