// Latents to frames, a few at a time: memory does not grow with the clip's length.
import type { JobProgress } from '../../src/shared/job'
import type { GenerateRequest } from '../../src/shared/request'
import type { ChunkPiece } from '../../src/shared/plan'
import type { Scope } from '../engine/scope'
import type { JobClock } from './job-clock'
import { latentCount, rawLatent, tokenCount, type LatentGrid } from './latent-grid'
import type { LoadedModel } from './model'
import { gaussianNoise, NOISE_STREAM } from './noise'
import { tokensOfLatent } from './inject-conditioning'
import type { FrameWriter } from './frame-writer'
import { BoundaryBlend, type Edges } from './boundary-blend'
import { untilAborted } from '../engine/until-aborted'

export interface DecodeJob {
  model: LoadedModel
  request: GenerateRequest
  /** f32 [C, F', H', W'] */
  latents: Float32Array
  grid: LatentGrid
  /** which of its frames are shown */
  window: Pick<ChunkPiece, 'frames' | 'skipFirst' | 'skipLast'>
  /** what is shown beside them */
  edges: Edges
  /** of the window before, where its end was to come: it is the first frame of this one */
  open: BoundaryBlend | undefined
  reel: FrameWriter
  clock: JobClock
  tell: (event: JobProgress) => void
}

/** Decodes in time order onto the reel. @returns the seam at its end, where that is to come */
export async function decodeFrames(signal: AbortSignal, scope: Scope, job: DecodeJob): Promise<BoundaryBlend | undefined> {
  const { model, request, latents, grid, window, edges, open, reel, clock, tell } = job
  // seams and what goes on from a frame want RGBA; where there is none of them, frames come as the file takes them
  const direct = edges.before || edges.after || open ? undefined : reel.direct
  const frameBytes = direct?.bytes ?? request.width * request.height * 4
  const seams = new BoundaryBlend(window, edges)
  let frame = 0
  tell({ stage: 'decoding', step: 0, steps: request.frames })
  clock.lap()
  const noise = { latents: gaussianNoise(request.seed, latentCount(grid), NOISE_STREAM.decode) }
  const tokens = scope.upload(tokensOfLatent(latents, grid.channels), [1, tokenCount(grid), grid.channels], 'f32')
  const groups = model.autoencoder.decode(signal, scope, rawLatent(scope, tokens, model, grid), noise, direct?.pixels)
  try {
    while (!seams.done) {
      const group = await untilAborted(signal, groups.next())
      clock.decodeMs += clock.lap()
      if (group.done) break
      for (let offset = 0; offset < group.value.length && !seams.done; offset += frameBytes, frame++) {
        const decoded = group.value.subarray(offset, offset + frameBytes)
        const before = frame === 0 && open ? open.meet(decoded) : []
        for (const shown of [...before, ...seams.add(decoded)]) await (direct ? reel.write(signal, shown) : reel.add(signal, shown))
      }
      clock.encodeMs += clock.lap()
      tell({ stage: 'decoding', step: frame, steps: request.frames })
    }
  } finally {
    await groups.return(undefined)
  }
  return edges.after === 'to-come' ? seams : undefined
}
