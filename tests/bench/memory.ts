// What clips of several windows take of the GPU's memory, through the pipeline that the page runs.
import { planOf } from '../../src/shared/plan'
import type { GenerateRequest } from '../../src/shared/request'
import { parseRequest } from '../../src/shared/request-problems'
import type { ModelManifest } from '../../src/shared/model'
import type { Gpu } from '../../workers/engine/device'
import type { FloatDType } from '../../workers/engine/tensor'
import { chunksOf } from '../../workers/pipeline/run-plan'
import { clipInMemory } from '../evaluate/clip-in-memory'
import { withStarter } from './starter-clips'

export interface ClipMemory {
  frames: number
  windows: number
  /** the most that tensors took at once, weights and all */
  peakGpuBytes: number
}

const SIDE = 64

/** Clips of the starter, 64 × 64 pixels and one step, so many windows long. */
export function measureMemory(gpu: Gpu, dtype: FloatDType, windowCounts: readonly number[]): Promise<ClipMemory[]> {
  const { signal } = new AbortController()
  return withStarter(gpu, dtype, async (model, embed) => {
    const measured: ClipMemory[] = []
    for (const windows of windowCounts) {
      const request = requestOf(model.manifest, windows)
      gpu.pool.drain()
      gpu.pool.resetPeak()
      const { clip } = await clipInMemory(signal, gpu, { model, request, embed: (prompt) => Promise.resolve(embed(prompt)) })
      measured.push({ frames: clip.frames.length, windows, peakGpuBytes: gpu.pool.peakBytes })
    }
    return measured
  })
}

/** The longest clip of so many windows. */
function requestOf(manifest: ModelManifest, windows: number): GenerateRequest {
  const { scaleTime } = manifest.latent
  const request = (frames: number) =>
    parseRequest({ model: manifest.id, prompt: 'a red sky', width: SIDE, height: SIDE, frames, fps: manifest.fps.default, steps: 1, guidance: 3, seed: 7 }, manifest)
  const countOf = (frames: number) => chunksOf(planOf(request(frames), manifest)).length
  let frames = 1 + scaleTime
  while (countOf(frames + scaleTime) <= windows) frames += scaleTime
  return request(frames)
}
