// One run of the model: known frames and words in, frames in time order out.
import type { ProgressEvent } from '../../src/shared/job'
import type { WindowPiece } from '../../src/shared/plan'
import type { GenerateRequest } from '../../src/shared/request'
import type { Gpu } from '../engine/device'
import { withScope } from '../engine/scope'
import type { WindowCheckpoint } from '../storage/checkpoints'
import type { Conditioning } from './conditioning'
import { decodeFrames } from './decode-frames'
import { runDenoise } from './denoise-job'
import { encodeStart, encodeWindow } from './encode-window'
import type { JobClock } from './job-clock'
import { latentGrid } from './latent-grid'
import type { LoadedModel } from './model'
import type { Reel } from './reel'
import type { ClipSources } from './source-frames'

export interface WindowJob {
  model: LoadedModel
  /** the whole clip's; what differs in this window is the window's */
  request: GenerateRequest
  window: WindowPiece
  words: Conditioning
  reel: Reel
  sources: ClipSources
  /** f32 [C, F', H', W'] instead of noise drawn from the seed */
  noise?: Float32Array<ArrayBuffer> | undefined
  /** see DenoiseJob */
  checkpoint?: WindowCheckpoint | undefined
  windowsAfter: number
  clock: JobClock
  tell: (event: ProgressEvent) => void
}

/** Makes a window's frames and shows those that are new. @returns its latents, f32 [C, F', H', W'] */
export function runWindow(signal: AbortSignal, gpu: Gpu, job: WindowJob): Promise<Float32Array<ArrayBuffer>> {
  const { model, window, words, reel, sources, noise, checkpoint, windowsAfter, clock, tell } = job
  const { prompt, seed, frames } = window
  const request = { ...job.request, prompt, seed, frames }
  const grid = latentGrid(request, model.manifest)
  return withScope(gpu, async (scope) => {
    const context = { model, grid, shape: request, reel, sources }
    const { known, edges } = await encodeWindow(signal, scope, window, context)
    const start = await encodeStart(signal, scope, window, context)
    const { tokens, latents } = await runDenoise(signal, scope, { model, request, grid, words, noise, known, ...(start && { start }), checkpoint, windowsAfter, clock, tell })
    await decodeFrames(signal, scope, { model, request, tokens, grid, window, edges, reel, clock, tell })
    return latents
  })
}
