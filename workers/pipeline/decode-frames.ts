// Latents to frames, a few at a time: memory does not grow with the clip's length.
import type { ProgressEvent } from '../../src/shared/job'
import type { GenerateRequest } from '../../src/shared/request'
import type { WindowPiece } from '../../src/shared/plan'
import type { Scope } from '../engine/scope'
import type { Tensor } from '../engine/tensor'
import type { JobClock } from './job-clock'
import { latentCount, rawLatent, type LatentGrid } from './latent-grid'
import type { LoadedModel } from './model'
import { gaussianNoise, NOISE_STREAM } from './noise'
import type { Reel } from './reel'
import { Seams, type Edges } from './seams'
import { untilAborted } from './until-aborted'

export interface DecodeJob {
  model: LoadedModel
  request: GenerateRequest
  /** f32 [1, N, C] */
  tokens: Tensor
  grid: LatentGrid
  /** which of its frames are shown */
  window: Pick<WindowPiece, 'frames' | 'skipFirst' | 'skipLast'>
  /** what is shown beside them */
  edges: Edges
  reel: Reel
  clock: JobClock
  tell: (event: ProgressEvent) => void
}

/** Decodes in time order onto the reel. */
export async function decodeFrames(signal: AbortSignal, scope: Scope, job: DecodeJob): Promise<void> {
  const { model, request, tokens, grid, window, edges, reel, clock, tell } = job
  const frameBytes = request.width * request.height * 4
  const seams = new Seams(window, edges)
  let frame = 0
  tell({ stage: 'decoding', step: 0, steps: request.frames })
  clock.lap()
  const noise = { latents: gaussianNoise(request.seed, latentCount(grid), NOISE_STREAM.decode) }
  const groups = model.autoencoder.decode(signal, scope, rawLatent(scope, tokens, model, grid), noise)
  try {
    while (!seams.done) {
      const group = await untilAborted(signal, groups.next())
      clock.decodeMs += clock.lap()
      if (group.done) return
      for (let offset = 0; offset < group.value.length && !seams.done; offset += frameBytes, frame++) {
        for (const shown of seams.add(group.value.subarray(offset, offset + frameBytes))) await reel.add(signal, shown)
      }
      clock.encodeMs += clock.lap()
      tell({ stage: 'decoding', step: frame, steps: request.frames })
    }
  } finally {
    await groups.return(undefined)
  }
}
