// What clips of several windows take of the GPU's memory, through the pipeline that the page runs.
import { planOf } from '../../src/shared/plan'
import { parseRequest, type GenerateRequest } from '../../src/shared/request'
import type { ModelManifest } from '../../src/shared/model'
import type { Gpu } from '../../workers/engine/device'
import type { FloatDType } from '../../workers/engine/tensor'
import { loadModel } from '../../workers/pipeline/load-model'
import { windowsOf } from '../../workers/pipeline/run-plan'
import { fetchManifest } from '../../workers/weights/fetch-file'
import { clipInMemory } from '../evaluate/clip-in-memory'
import { serveFolder } from '../evaluate/serve-folder'
import { randomValues } from '../gpu/reference'

export interface ClipMemory {
  frames: number
  windows: number
  /** the most that tensors took at once, weights and all */
  peakGpuBytes: number
}

const SIDE = 64
const WORDS = 8

/** Clips of the starter, 64 × 64 pixels and one step, so many windows long. */
export async function measureMemory(gpu: Gpu, dtype: FloatDType, windowCounts: readonly number[]): Promise<ClipMemory[]> {
  const { signal } = new AbortController()
  const server = await serveFolder('public/models/starter')
  try {
    const manifest = await fetchManifest(server.url)
    const model = await loadModel(signal, gpu, server.url, manifest, { precision: dtype }, () => undefined)
    try {
      // what the words say costs no memory
      const width = model.transformer.config.caption_channels
      const embed = (prompt: string) => Promise.resolve({ values: randomValues(prompt.length, WORDS * width), tokens: WORDS, width, usedPrompt: prompt })
      const measured: ClipMemory[] = []
      for (const windows of windowCounts) {
        const request = requestOf(manifest, windows)
        gpu.pool.drain()
        gpu.pool.resetPeak()
        const { clip } = await clipInMemory(signal, gpu, { model, request, embed })
        measured.push({ frames: clip.frames.length, windows, peakGpuBytes: gpu.pool.peakBytes })
      }
      return measured
    } finally {
      model.close()
    }
  } finally {
    server.close()
  }
}

/** The longest clip of so many windows. */
function requestOf(manifest: ModelManifest, windows: number): GenerateRequest {
  const { scaleTime } = manifest.latent
  const request = (frames: number) =>
    parseRequest({ model: manifest.id, prompt: 'a red sky', width: SIDE, height: SIDE, frames, fps: manifest.fps.default, steps: 1, guidance: 3, seed: 7 }, manifest)
  const countOf = (frames: number) => windowsOf(planOf(request(frames), manifest)).length
  let frames = 1 + scaleTime
  while (countOf(frames + scaleTime) <= windows) frames += scaleTime
  return request(frames)
}
