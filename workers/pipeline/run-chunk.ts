// One chunk: conditioning and embeds become latents, and latents the frames that are written.
import type { ChunkPiece } from '../../src/shared/plan'
import type { PromptEmbeds } from '../../src/shared/prompt-embeds'
import type { GenerateRequest } from '../../src/shared/request'
import { withScope } from '../engine/scope'
import type { LoadedModel } from '../models/architecture'
import { latentGrid } from '../models/latent-grid'
import type { ChunkCheckpoint } from '../storage/checkpoints'
import type { BoundaryBlend } from './boundary-blend'
import { decodeFrames } from './decode-frames'
import { finishedLatents, runDenoise } from './denoise-chunk'
import { chunkEdges, encodeConditioning, encodeInitVideo } from './encode-chunk'
import type { FrameWriter } from './frame-writer'
import type { JobContext } from './job-context'
import type { MediaFrames } from './media-frames'

/** A chunk of a clip. */
export interface Chunk {
  model: LoadedModel
  /** the whole clip's; prompt, seed and length are the chunk's own */
  request: GenerateRequest
  chunk: ChunkPiece
  writer: FrameWriter
  media: MediaFrames
}

/** A chunk that is to be generated. */
export interface ChunkRun extends Chunk {
  embeds: PromptEmbeds
  /** f32 [C, F', H', W'] instead of noise drawn from the seed */
  noise?: Float32Array<ArrayBuffer> | undefined
  checkpoint?: ChunkCheckpoint | undefined
  chunksAfter: number
  /** latents of the chunk after this one, where that was generated before: f32 [F', H', W', C] */
  next?: Float32Array | undefined
}

/** Generates a chunk's latents, f32 [F', H', W', C]. One that an earlier run finished is read back, and nothing is encoded for it. */
export async function generateChunk(job: JobContext, run: ChunkRun): Promise<Float32Array<ArrayBuffer>> {
  const { model, chunk, embeds, writer, media, noise, checkpoint, chunksAfter, next } = run
  const request = chunkRequest(run)
  const grid = latentGrid(request, model.manifest)
  const stored = await checkpoint?.read()
  return withScope(job.gpu, async (scope) => {
    const finished = await finishedLatents(job, scope, { model, request, grid, initVideo: chunk.initVideo }, stored)
    if (finished) return finished
    const inputs = { model, grid, shape: request, writer, media, next }
    const conditioning = await encodeConditioning(job, scope, chunk, inputs)
    const initVideo = await encodeInitVideo(job, scope, chunk, inputs)
    return runDenoise(job, scope, { model, request, grid, embeds, noise, conditioning, initVideo, stored, checkpoint, chunksAfter })
  })
}

/**
 * Decodes a chunk and writes its new frames.
 * @param latents f32 [F', H', W', C]
 * @param open the blending at the end of the chunk before, where that leads to this one
 * @returns the same for the chunk after this one
 */
export function decodeChunk(job: JobContext, run: Chunk, latents: Float32Array, open: BoundaryBlend | undefined): Promise<BoundaryBlend | undefined> {
  const { model, chunk, writer, media } = run
  const request = chunkRequest(run)
  const grid = latentGrid(request, model.manifest)
  return withScope(job.gpu, async (scope) => {
    const edges = await chunkEdges(job, chunk, { shape: request, writer, media })
    return decodeFrames(job, scope, { model, request, latents, grid, chunk, edges, open, writer })
  })
}

function chunkRequest({ request, chunk: { prompt, seed, frames } }: Chunk): GenerateRequest {
  return { ...request, prompt, seed, frames }
}
