// What a window is made around, encoded: pictures, clips, and what the plan has shown before it.
import { AppError } from '../../src/shared/errors'
import type { ContextFrames, ChunkPiece } from '../../src/shared/plan'
import type { ClipPart } from '../../src/shared/request'
import type { Scope } from '../engine/scope'
import { conditioningLatents, type FrameEncoder } from './encode-conditioning'
import type { LatentGrid } from './latent-grid'
import type { LoadedModel } from './model'
import type { FrameWriter } from './frame-writer'
import { tokensOfLatent, type ConditioningLatents } from './inject-conditioning'
import type { Edges } from './boundary-blend'
import { conditionFrames, gather, type MediaFrames, type FrameShape } from './media-frames'

/** What a window's frames are taken from and brought to. */
export interface ChunkContext {
  model: LoadedModel
  grid: LatentGrid
  shape: FrameShape
  reel: FrameWriter
  sources: MediaFrames
  /** of the window behind this one, where that was made before: f32 [C, F', H', W'] */
  next?: Float32Array | undefined
}

/** Everything known of a window, in the order in which it is placed. @throws AppError not-found, unreadable-media, bad-request; AbortError */
export async function encodeChunk(signal: AbortSignal, scope: Scope, window: ChunkPiece, context: ChunkContext): Promise<ConditioningLatents[]> {
  const { model, grid, shape, sources } = context
  const known: ConditioningLatents[] = []
  const encode = async (rgba: Uint8ClampedArray<ArrayBuffer>, atFrame: number, strength: number) => {
    known.push(await conditioningLatents(signal, scope, requireEncoder(model), grid, { ...shape, rgba, atFrame, strength }))
  }
  for (const part of window.context) {
    const atFrame = part.at === 'start' ? 0 : window.frames - part.frames
    if (part.of === 'next-chunk') known.push({ values: beginningOf(context, part.frames), atFrame, strength: 1 })
    else await encode(await partFrames(signal, part.of, part.frames, context), atFrame, 1)
  }
  for (const condition of window.conditions) {
    await encode(await conditionFrames(signal, sources, condition, shape, window.frames - condition.atFrame), condition.atFrame, condition.strength)
  }
  return known
}

/** What is shown beside a window's new frames. @throws as encodeChunk */
export async function chunkEdges(signal: AbortSignal, { context: contextFrames }: ChunkPiece, context: Omit<ChunkContext, 'model' | 'grid'>): Promise<Edges> {
  const edges: Edges = {}
  for (const { at, of } of contextFrames) {
    if (at === 'end') edges.after = of === 'next-chunk' ? 'to-come' : await partFrames(signal, of, 1, context)
    else if (of !== 'next-chunk') edges.before = await partFrames(signal, of, 1, context)
  }
  return edges
}

/** Latents of a clip that a window starts from, f32 [F', H', W', C] in the transformer's scale: as long as the window. */
export async function encodeStart(signal: AbortSignal, scope: Scope, window: ChunkPiece, { model, grid, shape, sources }: ChunkContext): Promise<ConditioningLatents | undefined> {
  const { initVideo, frames } = window
  if (!initVideo) return undefined
  const part = await sources.openPart(signal, initVideo.part, shape, initVideo.stretchedTo)
  try {
    if (initVideo.fromFrame + frames > part.count) {
      const [expected, got] = [initVideo.fromFrame + frames, part.count]
      throw new AppError('bad-request', `initVideo: expected a clip of at least ${expected} frames at ${shape.fps} fps, got ${got}.`, { field: 'initVideo', expected, got })
    }
    const rgba = await gather(part.read(signal, initVideo.fromFrame, frames), shape)
    return await conditioningLatents(signal, scope, requireEncoder(model), grid, { ...shape, rgba, atFrame: 0, strength: initVideo.strength })
  } finally {
    part.close()
  }
}

/** The latents of the first frames of the window behind this one, f32 [F', H', W', C]: of a clip that begins there, as an encoder would give them. */
function beginningOf({ next, grid, model }: ChunkContext, frames: number): Float32Array {
  if (!next) throw new Error('The window behind is still to be made.')
  const latents = (frames - 1) / model.manifest.latent.scaleTime + 1
  return tokensOfLatent(next, grid.channels).subarray(0, latents * grid.height * grid.width * grid.channels)
}

type ShownPart = Exclude<ContextFrames['of'], 'next-chunk'>

async function partFrames(signal: AbortSignal, of: ShownPart, frames: number, { reel, shape, sources }: Pick<ChunkContext, 'reel' | 'shape' | 'sources'>): Promise<Uint8ClampedArray<ArrayBuffer>> {
  if (of === 'last-shown') return reel.lastShown(frames)
  if (of === 'first-shown') return reel.firstShown(frames)
  return firstFrames(signal, sources, of, frames, shape)
}

/** The first frames of a clip; of a shorter one the last stands for those that are missing. */
async function firstFrames(signal: AbortSignal, sources: MediaFrames, clip: ClipPart, frames: number, shape: FrameShape): Promise<Uint8ClampedArray<ArrayBuffer>> {
  const part = await sources.openPart(signal, clip, shape)
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
  throw new AppError('bad-request', `${manifest.name} makes clips from words alone: expected no pictures or clips.`, { field: 'conditions' })
}
