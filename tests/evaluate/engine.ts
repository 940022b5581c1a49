// The engine in Node: the page's own pipeline on Dawn, with frames read back instead of encoded.
import type { ModelManifest } from '../../src/shared/model'
import { parseRequest, type GenerateRequest } from '../../src/shared/request'
import { withScope } from '../../workers/engine/scope'
import type { FloatDType } from '../../workers/engine/tensor'
import { runDenoise } from '../../workers/pipeline/denoise-job'
import { JobClock } from '../../workers/pipeline/job-clock'
import { latentGrid, rawLatent } from '../../workers/pipeline/latent-grid'
import { loadModel } from '../../workers/pipeline/load-model'
import { fetchManifest } from '../../workers/weights/fetch-file'
import { openAdapter } from './adapter'
import type { Clip } from './clip'
import { serveFolder } from './serve-folder'
import { openNodeTextEncoder } from './text'

/** A model on a device. */
export interface Engine {
  adapter: string
  /** a CPU pretending to be a GPU */
  software: boolean
  precision: FloatDType
  manifest: ModelManifest
  /** @throws AppError bad-request when the model does not allow it */
  makeClip(request: GenerateRequest): Promise<Clip>
  close(): Promise<void>
}

/**
 * Opens the best adapter there is and loads a model folder.
 * @param precision of activations; what the page would take when left out
 * @throws AppError no-adapter, weights-missing, weights-truncated, weights-corrupt, out-of-memory
 */
export async function openEngine(folder: string, precision?: FloatDType): Promise<Engine> {
  const { signal } = new AbortController()
  const server = await serveFolder(folder)
  try {
    const manifest = await fetchManifest(server.url)
    const gpu = await openAdapter()
    const dtype = precision ?? (gpu.facts.f16 ? 'f16' : 'f32')
    const model = await loadModel(signal, gpu, server.url, manifest, { precision: dtype }, () => undefined)
    const text = await openNodeTextEncoder(server.url, manifest)
    return {
      adapter: gpu.facts.name,
      software: gpu.facts.software,
      precision: dtype,
      manifest,
      async makeClip(data) {
        const request = parseRequest(data, manifest)
        const grid = latentGrid(request, manifest)
        const words = {
          prompt: await text.embed(request.prompt),
          ...(request.guidance !== 1 && { away: await text.embed(request.negativePrompt ?? '') }),
        }
        return withScope(gpu, async (scope) => {
          const { tokens } = await runDenoise(signal, scope, { model, request, grid, words, clock: new JobClock(), tell: () => undefined })
          const { width, height } = request
          const frames: Uint8ClampedArray[] = []
          for await (const group of model.autoencoder.decode(signal, scope, rawLatent(scope, tokens, model, grid))) {
            for (let at = 0; at < group.length; at += width * height * 4) frames.push(group.slice(at, at + width * height * 4))
          }
          return { width, height, frames }
        })
      },
      async close() {
        await text.close()
        model.close()
        gpu.close()
      },
    }
  } finally {
    server.close() // all that a model needs is in memory by now
  }
}
