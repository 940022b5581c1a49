// One run of the model: known frames and words become latents, and latents the frames that are shown.
import type { JobProgress } from '../../src/shared/job'
import type { ChunkPiece } from '../../src/shared/plan'
import type { GenerateRequest } from '../../src/shared/request'
import type { Gpu } from '../engine/device'
import { withScope } from '../engine/scope'
import type { ChunkCheckpoint } from '../storage/checkpoints'
import type { TuningCache } from '../storage/tuning-cache'
import type { Conditioning } from './prompt-embeds'
import { decodeFrames } from './decode-frames'
import { finishedLatents, runDenoise } from './denoise-job'
import { encodeStart, encodeChunk, chunkEdges } from './encode-chunk'
import type { JobClock } from './job-clock'
import { latentGrid } from './latent-grid'
import type { LoadedModel } from './model'
import type { FrameWriter } from './frame-writer'
import type { BoundaryBlend } from './boundary-blend'
import type { MediaFrames } from './media-frames'

export interface ChunkJob {
  model: LoadedModel
  /** the whole clip's; what differs in this window is the window's */
  request: GenerateRequest
  window: ChunkPiece
  reel: FrameWriter
  sources: MediaFrames
  clock: JobClock
  tell: (event: JobProgress) => void
}

export interface MakeChunkJob extends ChunkJob {
  words: Conditioning
  /** f32 [C, F', H', W'] instead of noise drawn from the seed */
  noise?: Float32Array<ArrayBuffer> | undefined
  checkpoint?: ChunkCheckpoint | undefined
  chunksAfter: number
  tuningCache?: TuningCache | undefined
  /** of the window behind this one, where that was made before: f32 [C, F', H', W'] */
  next?: Float32Array | undefined
}

/** Makes a window's latents, f32 [C, F', H', W']; one that an earlier run has finished is as that left it, and nothing of it is encoded. */
export async function makeChunk(signal: AbortSignal, gpu: Gpu, job: MakeChunkJob): Promise<Float32Array<ArrayBuffer>> {
  const { model, window, words, reel, sources, noise, checkpoint, chunksAfter, tuningCache, next, clock, tell } = job
  const request = windowRequest(job)
  const grid = latentGrid(request, model.manifest)
  const kept = await checkpoint?.read()
  const finished = finishedLatents({ model, request, grid, ...(window.initVideo && { start: window.initVideo }) }, kept)
  if (finished) return finished
  return withScope(gpu, async (scope) => {
    const context = { model, grid, shape: request, reel, sources, next }
    const known = await encodeChunk(signal, scope, window, context)
    const start = await encodeStart(signal, scope, window, context)
    return runDenoise(signal, scope, { model, request, grid, words, noise, known, ...(start && { start }), kept, checkpoint, chunksAfter, tuningCache, clock, tell })
  })
}

/**
 * Shows the new ones of a window's frames.
 * @param latents f32 [C, F', H', W']
 * @param open the seam of the window before, where that leads to this one
 * @returns its own, where it leads to the window behind it
 */
export function writeChunk(signal: AbortSignal, gpu: Gpu, job: ChunkJob, latents: Float32Array, open: BoundaryBlend | undefined): Promise<BoundaryBlend | undefined> {
  const { model, window, reel, sources, clock, tell } = job
  const request = windowRequest(job)
  const grid = latentGrid(request, model.manifest)
  return withScope(gpu, async (scope) => {
    const edges = await chunkEdges(signal, window, { shape: request, reel, sources })
    return decodeFrames(signal, scope, { model, request, latents, grid, window, edges, open, reel, clock, tell })
  })
}

function windowRequest({ request, window: { prompt, seed, frames } }: ChunkJob): GenerateRequest {
  return { ...request, prompt, seed, frames }
}
