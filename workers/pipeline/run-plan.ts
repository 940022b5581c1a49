// The pieces of a plan one after the other onto the reel: clips that are there, and runs of the model. The loop of every mode.
import type { JobProgress } from '../../src/shared/job'
import { leadsToNext, type Piece, type ChunkPiece } from '../../src/shared/plan'
import type { GenerateRequest } from '../../src/shared/request'
import type { Gpu } from '../engine/device'
import type { JobCheckpoint } from '../storage/checkpoints'
import type { TuningCache } from '../storage/tuning-cache'
import type { Conditioning } from './prompt-embeds'
import { ValuesHash } from './hashes'
import type { JobClock } from './job-clock'
import type { LoadedModel } from './model'
import type { FrameWriter } from './frame-writer'
import { makeChunk, writeChunk } from './run-chunk'
import type { BoundaryBlend } from './boundary-blend'
import { writeMedia } from './write-media'
import type { MediaFrames } from './media-frames'

export interface PlanJob {
  request: GenerateRequest
  plan: readonly Piece[]
  /** the model with its transformer on the GPU: asked before each window, for decoding may have put the decoder in its place */
  model: (tell: (event: JobProgress) => void) => Promise<LoadedModel>
  /** what each window's prompt became */
  words: (prompt: string) => Conditioning
  sources: MediaFrames
  reel: FrameWriter
  /** f32 [C, F', H', W'] instead of the first window's noise drawn from the seed */
  noise?: Float32Array<ArrayBuffer> | undefined
  checkpoint?: JobCheckpoint | null
  tuningCache?: TuningCache | undefined
  /** asked after each window: whether the clip ends with it, or where it is made backwards begins with it */
  endsEarly?: () => boolean
  clock: JobClock
  tell: (event: JobProgress) => void
}

/** What a plan came to. */
export interface PlanResult {
  /** pieces that were shown: all, unless the clip ended early */
  pieces: number
  /** of the last window, f32 [C, F', H', W'] */
  latents?: Float32Array<ArrayBuffer>
  /** of all windows' latents */
  latentsSha256: string
}

/** The runs of the model in a plan. */
export function chunksOf(plan: readonly Piece[]): ChunkPiece[] {
  return plan.filter((piece) => piece.kind === 'window')
}

/** Shows a plan's pieces. @throws as openPart; AbortError */
export async function runPlan(signal: AbortSignal, gpu: Gpu, job: PlanJob): Promise<PlanResult> {
  const { request, plan, words, sources, reel, noise, checkpoint, tuningCache, endsEarly, clock, tell } = job
  const hash = new ValuesHash()
  const tellOf = (piece: number) => (event: JobProgress) => tell(plan.length > 1 ? { ...event, piece, pieces: plan.length } : event)
  let model: LoadedModel | undefined
  let latents: Float32Array<ArrayBuffer> | undefined
  let pieces = 0
  let chunksAfter = chunksOf(plan).length
  // frames go to the file in order, and windows that lead to the one behind them are made before that order comes to them
  const made = new Map<number, Float32Array<ArrayBuffer>>()
  let seam: BoundaryBlend | undefined

  /** Makes a window, and before it those behind it that it leads to. @returns the first that was made: a later one where the clip is ended early */
  const make = async (index: number): Promise<number> => {
    let last = index
    while (leadsToNext(plan[last])) last++
    for (let at = last; ; at--) {
      chunksAfter--
      const window = plan[at] as ChunkPiece
      const tellPiece = tellOf(index + last - at + 1)
      model = await job.model(tellPiece)
      made.set(at, await makeChunk(signal, gpu, {
        model, request, window, words: words(window.prompt), reel, sources, noise: at === 0 ? noise : undefined,
        checkpoint: checkpoint?.chunk(at), chunksAfter, tuningCache, next: made.get(at + 1), clock, tell: tellPiece,
      }))
      if (at > index && !endsEarly?.()) continue
      chunksAfter -= at - index // those that are left out
      return at
    }
  }

  for (let index = 0; index < plan.length; index++) {
    if (plan[index]?.kind === 'window' && !made.has(index)) index = await make(index)
    const piece = plan[index] as Piece
    reel.begin(piece.dissolve, plan[index + 1]?.dissolve ?? 0)
    pieces++
    if (piece.kind === 'source') {
      await writeMedia(signal, sources, piece, request, reel, tellOf(index + 1))
      continue
    }
    latents = made.get(index) as Float32Array<ArrayBuffer>
    made.delete(index)
    seam = await writeChunk(signal, gpu, { model: model as LoadedModel, request, window: piece, reel, sources, clock, tell: tellOf(index + 1) }, latents, seam)
    hash.add(latents)
    // the last one may lead to a clip that is still to be shown
    if (chunksAfter > 0 && endsEarly?.()) break
  }
  await reel.end(signal)
  return { pieces, latentsSha256: hash.hex(), ...(latents && { latents }) }
}
