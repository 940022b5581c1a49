// Latents to encoded frames, a few at a time: memory does not grow with the clip's length.
import type { ProgressEvent } from '../../src/shared/job'
import type { GenerateRequest } from '../../src/shared/request'
import type { Scope } from '../engine/scope'
import type { Tensor } from '../engine/tensor'
import type { ClipSink } from './clip-sink'
import { FrameHash } from './hashes'
import type { JobClock } from './job-clock'
import { latentCount, rawLatent, type LatentGrid } from './latent-grid'
import type { LoadedModel } from './model'
import { gaussianNoise, NOISE_STREAM } from './noise'
import { untilAborted } from './until-aborted'

export interface DecodeJob {
  model: LoadedModel
  request: GenerateRequest
  /** f32 [1, N, C] */
  tokens: Tensor
  grid: LatentGrid
  sink: ClipSink
  clock: JobClock
  tell: (event: ProgressEvent) => void
}

/** Decodes in time order into the sink; gives the hex SHA-256 of all frames' RGBA bytes. */
export async function decodeFrames(signal: AbortSignal, scope: Scope, job: DecodeJob): Promise<string> {
  const { model, request, tokens, grid, sink, clock, tell } = job
  const hash = new FrameHash()
  const frameBytes = request.width * request.height * 4
  let framesDone = 0
  tell({ stage: 'decoding', step: 0, steps: request.frames })
  clock.lap()
  const noise = { latents: gaussianNoise(request.seed, latentCount(grid), NOISE_STREAM.decode) }
  const groups = model.autoencoder.decode(scope, rawLatent(scope, tokens, model, grid), noise)
  try {
    for (;;) {
      const group = await untilAborted(signal, groups.next())
      clock.decodeMs += clock.lap()
      if (group.done) return hash.hex()
      for (let offset = 0; offset < group.value.length; offset += frameBytes) {
        const rgba = group.value.subarray(offset, offset + frameBytes)
        hash.add(rgba)
        await untilAborted(signal, sink.add(rgba))
        framesDone++
      }
      clock.encodeMs += clock.lap()
      tell({ stage: 'decoding', step: framesDone, steps: request.frames })
    }
  } finally {
    await groups.return(undefined)
  }
}
