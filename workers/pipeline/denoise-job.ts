// Noise to latents: compiles, runs the denoise loop, and shows each step.
import type { ProgressEvent } from '../../src/shared/job'
import type { GenerateRequest } from '../../src/shared/request'
import { AppError } from '../../src/shared/errors'
import type { Scope } from '../engine/scope'
import { reshape, type Tensor } from '../engine/tensor'
import { fallingSigmas, setTimesteps, shiftForTokens } from '../models/flow-match-scheduler'
import { patchify, unpatchify } from '../ops/patchify'
import type { Conditioning } from './conditioning'
import type { JobClock } from './job-clock'
import { latentCount, rawLatent, tokenCount, videoCoordinates, type LatentGrid } from './latent-grid'
import type { LoadedModel } from './load-model'
import { gaussianNoise } from './noise'
import { denoise, type DenoiseInputs } from './sampler'
import type { PromptEmbedding } from './studio'
import { untilAborted } from './until-aborted'

/** One latent pixel a token: LTX's patch size. */
const PATCH = { patch: 1, patchTime: 1 }

export interface DenoiseJob {
  model: LoadedModel
  request: GenerateRequest
  grid: LatentGrid
  words: Conditioning
  /** f32 [C, F', H', W'] instead of noise drawn from the seed */
  noise?: Float32Array<ArrayBuffer> | undefined
  clock: JobClock
  tell: (event: ProgressEvent) => void
}

/** `tokens`: the final latent on the GPU, f32 [1, N, C], in `scope`; `latents`: the same on the host, f32 [C, F', H', W']. */
export async function runDenoise(signal: AbortSignal, scope: Scope, job: DenoiseJob): Promise<{ tokens: Tensor; latents: Float32Array<ArrayBuffer> }> {
  const { model, request, grid, clock, tell } = job
  const { gpu } = scope
  tell({ stage: 'compiling' })
  const inputs = prepare(scope, job)
  await untilAborted(signal, gpu.compile(() => dispatchOneStep(scope, inputs, model, grid)))

  tell({ stage: 'denoising', step: 0, steps: request.steps })
  await gpu.settle()
  clock.lap()
  const loop = denoise(scope, inputs)
  for (;;) {
    signal.throwIfAborted()
    const next = loop.next()
    if (next.done) {
      const latent = unpatchify(scope, next.value, { ...PATCH, ...grid })
      const latents = await untilAborted(signal, gpu.read(latent))
      scope.free(latent)
      return { tokens: next.value, latents }
    }
    const { step, steps, denoised } = next.value
    const raw = rawLatent(scope, denoised, model, grid)
    const preview = await untilAborted(signal, model.autoencoder.preview(scope, raw))
    scope.free(raw)
    clock.stepMs.push(clock.lap())
    const etaSeconds = clock.etaSeconds(steps)
    tell({ stage: 'denoising', step, steps, preview, ...(etaSeconds !== undefined && { etaSeconds }) })
  }
}

/** One step and its preview, for their kernels. */
function dispatchOneStep(scope: Scope, inputs: DenoiseInputs, model: LoadedModel, grid: LatentGrid): void {
  scope.within((temporary) => {
    const first = denoise(temporary, inputs).next()
    if (!first.done) model.autoencoder.previewFrames(temporary, rawLatent(temporary, first.value.denoised, model, grid))
  })
}

function prepare(scope: Scope, { model, request, grid, words, noise }: DenoiseJob): DenoiseInputs {
  const count = latentCount(grid)
  if (noise && noise.length !== count) {
    throw new AppError('bad-request', `noise: expected ${count} values, got ${noise.length}.`, { field: 'noise', expected: count, got: noise.length })
  }
  const { transformer } = model
  const text = ({ values, tokens, width }: PromptEmbedding) => transformer.prepareText(scope, scope.upload(values, [1, tokens, width], 'f32'))
  const latent = scope.upload(noise ?? gaussianNoise(request.seed, count), [grid.channels, grid.frames, grid.height, grid.width], 'f32')
  const start = patchify(scope, latent, PATCH)
  scope.free(latent)
  return {
    transformer,
    noise: reshape(start, [1, tokenCount(grid), grid.channels]),
    rope: transformer.prepareCoordinates(scope, videoCoordinates(grid, model.manifest)),
    text: text(words.prompt),
    ...(words.away && { unconditional: text(words.away) }),
    guidance: request.guidance,
    ...setTimesteps(model.schedulerConfig, {
      sigmas: fallingSigmas(request.steps),
      mu: shiftForTokens(model.schedulerConfig, tokenCount(grid)), // read only where the config shifts by length
    }),
  }
}
