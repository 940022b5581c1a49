// Peak GPU memory of clips of several chunks in the page's pipeline.
import { planOf } from '../../src/shared/plan'
import type { GenerateRequest } from '../../src/shared/request'
import { parseRequest } from '../../src/shared/request-problems'
import type { ModelManifest } from '../../src/shared/model'
import type { Gpu } from '../../workers/engine/device'
import type { FloatDType } from '../../workers/engine/tensor'
import { chunksOf } from '../../workers/pipeline/run-plan'
import { clipInMemory } from '../evaluate/clip-in-memory'
import { withStarter } from './starter'

export interface ClipMemory {
  frames: number
  chunks: number
  /** peak of all tensors, weights included */
  peakGpuBytes: number
}

const SIDE = 64

/** Clips of the starter with these numbers of chunks, 64 × 64 pixels and one step. */
export function measureMemory(gpu: Gpu, dtype: FloatDType, chunkCounts: readonly number[]): Promise<ClipMemory[]> {
  const { signal } = new AbortController()
  return withStarter(gpu, dtype, async (model, embed) => {
    const measured: ClipMemory[] = []
    for (const chunks of chunkCounts) {
      const request = requestOf(model.manifest, chunks)
      gpu.pool.drain()
      gpu.pool.resetPeak()
      const { clip } = await clipInMemory(signal, gpu, { model, request, embed: (prompt) => Promise.resolve(embed(prompt)) })
      measured.push({ frames: clip.frames.length, chunks, peakGpuBytes: gpu.pool.peakBytes })
    }
    return measured
  })
}

/** The longest clip of this number of chunks. */
function requestOf(manifest: ModelManifest, chunks: number): GenerateRequest {
  const { scaleTime } = manifest.latent
  const request = (frames: number) =>
    parseRequest(
      { model: manifest.id, prompt: 'a red sky', width: SIDE, height: SIDE, frames, fps: manifest.fps.default, steps: 1, guidance: 3, seed: 7 },
      manifest,
    )
  const countOf = (frames: number) => chunksOf(planOf(request(frames), manifest)).length
  let frames = 1 + scaleTime
  while (countOf(frames + scaleTime) <= chunks) frames += scaleTime
  return request(frames)
}
