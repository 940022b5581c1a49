// What a chunk is generated around, encoded: images, clips, and the frames before and after it.
import { AppError } from '../../src/shared/errors'
import type { ChunkPiece, ContextFrames } from '../../src/shared/plan'
import type { ClipPart } from '../../src/shared/request'
import type { Scope } from '../engine/scope'
import type { FrameEncoder, LatentGrid, LoadedModel } from '../models/architecture'
import type { Edges } from './boundary-blend'
import { encodeRgba } from './encode-frames'
import type { FrameWriter } from './frame-writer'
import type { ConditioningLatents } from './inject-conditioning'
import type { JobContext } from './job-context'
import { conditionFrames, gather, type FrameShape, type MediaFrames } from './media-frames'

/** Where a chunk's inputs come from. */
export interface ChunkInputs {
  model: LoadedModel
  grid: LatentGrid
  shape: FrameShape
  writer: FrameWriter
  media: MediaFrames
  /** latents of the chunk after this one, where that was generated before: f32 [F', H', W', C] */
  next?: Float32Array | undefined
}

/** A chunk's conditioning, in the order in which it is injected. @throws AppError not-found, unreadable-media, bad-request; AbortError */
export async function encodeConditioning(job: JobContext, scope: Scope, chunk: ChunkPiece, inputs: ChunkInputs): Promise<ConditioningLatents[]> {
  const { model, grid, shape, media } = inputs
  const latents: ConditioningLatents[] = []
  const encode = async (rgba: Uint8ClampedArray<ArrayBuffer>, atFrame: number, strength: number) => {
    latents.push(await encodeRgba(job, scope, requireEncoder(model), grid, { ...shape, rgba, atFrame, strength }))
  }
  for (const { at, frames, of } of chunk.context) {
    const atFrame = at === 'start' ? 0 : chunk.frames - frames
    if (of === 'next-chunk') latents.push({ values: beginningOfNext(inputs, frames), atFrame, strength: 1 })
    else await encode(await contextFrames(job, of, frames, inputs), atFrame, 1)
  }
  for (const condition of chunk.conditions) {
    await encode(await conditionFrames(job.signal, media, condition, shape, chunk.frames - condition.atFrame), condition.atFrame, condition.strength)
  }
  return latents
}

/** The frames beside a chunk's new ones. @throws as encodeConditioning */
export async function chunkEdges(job: JobContext, { context }: ChunkPiece, inputs: Pick<ChunkInputs, 'shape' | 'writer' | 'media'>): Promise<Edges> {
  const edges: Edges = {}
  for (const { at, of } of context) {
    if (at === 'end') edges.after = of === 'next-chunk' ? 'to-come' : await contextFrames(job, of, 1, inputs)
    else if (of !== 'next-chunk') edges.before = await contextFrames(job, of, 1, inputs)
  }
  return edges
}

/** Latents of the clip that a chunk starts from, as long as the chunk: f32 [F', H', W', C]. */
export async function encodeInitVideo(
  job: JobContext,
  scope: Scope,
  chunk: ChunkPiece,
  { model, grid, shape, media }: ChunkInputs,
): Promise<ConditioningLatents | undefined> {
  const { initVideo, frames } = chunk
  if (!initVideo) return undefined
  const { part, fromFrame, strength, stretchedTo } = initVideo
  const opened = await media.openPart(job.signal, part, shape, stretchedTo)
  try {
    if (fromFrame + frames > opened.count) {
      const [expected, got] = [fromFrame + frames, opened.count]
      throw new AppError('bad-request', `initVideo: expected a clip of at least ${expected} frames at ${shape.fps} fps, got ${got}.`, {
        field: 'initVideo',
        expected,
        got,
      })
    }
    const rgba = await gather(opened.read(job.signal, fromFrame, frames), shape)
    return await encodeRgba(job, scope, requireEncoder(model), grid, { ...shape, rgba, atFrame: 0, strength })
  } finally {
    opened.close()
  }
}

/** The first latents of the next chunk, f32 [F', H', W', C]: an encoder would give the same for a clip that begins there. */
function beginningOfNext({ next, grid, model }: ChunkInputs, frames: number): Float32Array {
  if (!next) throw new Error('The next chunk is not generated yet.')
  const latents = (frames - 1) / model.manifest.latent.scaleTime + 1
  return next.subarray(0, latents * grid.height * grid.width * grid.channels)
}

async function contextFrames(
  job: JobContext,
  of: Exclude<ContextFrames['of'], 'next-chunk'>,
  frames: number,
  { writer, shape, media }: Pick<ChunkInputs, 'writer' | 'shape' | 'media'>,
): Promise<Uint8ClampedArray<ArrayBuffer>> {
  if (of === 'last-shown') return writer.lastShown(frames)
  if (of === 'first-shown') return writer.firstShown(frames)
  return firstFrames(job.signal, media, of, frames, shape)
}

/** The first frames of a clip; a shorter one repeats its last frame. */
async function firstFrames(
  signal: AbortSignal,
  media: MediaFrames,
  clip: ClipPart,
  frames: number,
  shape: FrameShape,
): Promise<Uint8ClampedArray<ArrayBuffer>> {
  const part = await media.openPart(signal, clip, shape)
  try {
    const found = await gather(part.read(signal, 0, frames), shape)
    const size = shape.width * shape.height * 4
    const all = new Uint8ClampedArray(frames * size)
    all.set(found)
    for (let at = found.length; at < all.length; at += size) all.copyWithin(at, found.length - size, found.length)
    return all
  } finally {
    part.close()
  }
}

function requireEncoder({ encoder, manifest }: LoadedModel): FrameEncoder {
  if (encoder) return encoder
  throw new AppError('bad-request', `${manifest.name} generates from text alone: expected no images or clips. Choose another model, or remove them.`, {
    field: 'conditions',
  })
}
