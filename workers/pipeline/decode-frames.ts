// Latents to frames.
import type { ChunkPiece } from '../../src/shared/plan'
import type { GenerateRequest } from '../../src/shared/request'
import type { Scope } from '../engine/scope'
import { untilAborted } from '../engine/until-aborted'
import type { LatentGrid, LoadedModel } from '../models/architecture'
import { latentCount, rawLatent } from '../models/latent-grid'
import { BoundaryBlend, type Edges } from './boundary-blend'
import type { FrameWriter } from './frame-writer'
import type { JobContext } from './job-context'
import { gaussianNoise, NOISE_STREAM } from './noise'

/** A chunk's latents, and where its frames go. */
export interface Decoding {
  model: LoadedModel
  request: GenerateRequest
  /** f32 [F', H', W', C] */
  latents: Float32Array
  grid: LatentGrid
  /** which of its frames are new */
  chunk: Pick<ChunkPiece, 'frames' | 'skipFirst' | 'skipLast'>
  /** the frames beside them */
  edges: Edges
  /** the blending at the end of the chunk before, where it waits for the first frame of this one */
  open: BoundaryBlend | undefined
  writer: FrameWriter
}

/** Decodes in time order into the clip's file, a few frames at a time: memory does not grow with the length. @returns the blending at its end, where that waits for the next chunk */
export async function decodeFrames({ signal, clock, report }: JobContext, scope: Scope, decoding: Decoding): Promise<BoundaryBlend | undefined> {
  const { model, request, latents, grid, chunk, edges, open, writer } = decoding
  // Blending and context frames need RGBA. Without them, frames come from the GPU as the file takes them.
  const direct = edges.before || edges.after || open ? undefined : writer.direct
  const frameBytes = direct?.bytes ?? request.width * request.height * 4
  const blend = new BoundaryBlend(chunk, edges)
  let frame = 0
  report({ stage: 'decoding', step: 0, steps: request.frames })
  clock.lap()
  const noise = { latents: gaussianNoise(request.seed, latentCount(grid), NOISE_STREAM.decode) }
  const latent = scope.upload(latents, [grid.frames, grid.height, grid.width, grid.channels], 'f32')
  const groups = model.decoder.decode(signal, scope, rawLatent(scope, latent, model.decoder.config), noise, direct?.pixels)
  try {
    while (!blend.done) {
      const group = await untilAborted(signal, groups.next())
      clock.decodeMs += clock.lap()
      if (group.done) break
      for (let offset = 0; offset < group.value.length && !blend.done; offset += frameBytes, frame++) {
        const decoded = group.value.subarray(offset, offset + frameBytes)
        const held = frame === 0 && open ? open.meet(decoded) : []
        for (const next of [...held, ...blend.add(decoded)]) await (direct ? writer.write(signal, next) : writer.add(signal, next))
      }
      clock.encodeMs += clock.lap()
      report({ stage: 'decoding', step: frame, steps: request.frames })
    }
  } finally {
    await groups.return(undefined)
  }
  return edges.after === 'to-come' ? blend : undefined
}
