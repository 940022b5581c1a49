// The pieces of a plan one after the other onto the reel: clips that are there, and runs of the model. The loop of every mode.
import type { ProgressEvent } from '../../src/shared/job'
import type { Piece, WindowPiece } from '../../src/shared/plan'
import type { GenerateRequest } from '../../src/shared/request'
import type { Gpu } from '../engine/device'
import type { JobCheckpoint } from '../storage/checkpoints'
import type { Conditioning } from './conditioning'
import { ValuesHash } from './hashes'
import type { JobClock } from './job-clock'
import type { LoadedModel } from './model'
import type { Reel } from './reel'
import { runWindow } from './run-window'
import { showSource } from './show-source'
import type { ClipSources } from './source-frames'

export interface PlanJob {
  request: GenerateRequest
  plan: readonly Piece[]
  /** the model with its transformer on the GPU: asked before each window, for decoding may have put the decoder in its place */
  model: (tell: (event: ProgressEvent) => void) => Promise<LoadedModel>
  /** what each window's prompt became */
  words: (prompt: string) => Conditioning
  sources: ClipSources
  reel: Reel
  /** f32 [C, F', H', W'] instead of the first window's noise drawn from the seed */
  noise?: Float32Array<ArrayBuffer> | undefined
  checkpoint?: JobCheckpoint | null
  /** asked after each window: whether the clip ends with it */
  endsEarly?: () => boolean
  clock: JobClock
  tell: (event: ProgressEvent) => void
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
export function windowsOf(plan: readonly Piece[]): WindowPiece[] {
  return plan.filter((piece) => piece.kind === 'window')
}

/** Shows a plan's pieces. @throws as openPart; AbortError */
export async function runPlan(signal: AbortSignal, gpu: Gpu, job: PlanJob): Promise<PlanResult> {
  const { request, plan, words, sources, reel, noise, checkpoint, endsEarly, clock, tell } = job
  const hash = new ValuesHash()
  let latents: Float32Array<ArrayBuffer> | undefined
  let pieces = 0
  let windowsAfter = windowsOf(plan).length
  for (const [index, piece] of plan.entries()) {
    const tellPiece = (event: ProgressEvent) => tell(plan.length > 1 ? { ...event, piece: index + 1, pieces: plan.length } : event)
    reel.begin(piece.dissolve, plan[index + 1]?.dissolve ?? 0)
    pieces++
    if (piece.kind === 'source') {
      await showSource(signal, sources, piece, request, reel, tellPiece)
      continue
    }
    windowsAfter--
    const model = await job.model(tellPiece)
    latents = await runWindow(signal, gpu, {
      model, request, window: piece, words: words(piece.prompt), reel, sources, noise: index === 0 ? noise : undefined,
      checkpoint: checkpoint?.window(index), windowsAfter, clock, tell: tellPiece,
    })
    hash.add(latents)
    // the last one may lead to a clip that is still to be shown
    if (windowsAfter > 0 && endsEarly?.()) break
  }
  await reel.end(signal)
  return { pieces, latentsSha256: hash.hex(), ...(latents && { latents }) }
}
