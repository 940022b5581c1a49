// The engine in Node: the page's own pipeline on Dawn, with frames read back instead of encoded.
import type { ModelManifest } from '../../src/shared/model'
import { parseRequest, type GenerateRequest } from '../../src/shared/request'
import type { FloatDType } from '../../workers/engine/tensor'
import { loadModel } from '../../workers/pipeline/load-model'
import { fetchManifest } from '../../workers/weights/fetch-file'
import { openAdapter } from './adapter'
import type { Clip } from './clip'
import { clipInMemory } from './clip-in-memory'
import { serveFolder } from './serve-folder'
import { openNodeTextEncoder } from './text'

/** A model on a device. */
export interface Engine {
  adapter: string
  /** a CPU pretending to be a GPU */
  software: boolean
  precision: FloatDType
  manifest: ModelManifest
  /**
   * @param given clips that the request names, by their ids
   * @throws AppError bad-request when the model does not allow it
   */
  makeClip(request: GenerateRequest, given?: ReadonlyMap<string, Clip>): Promise<Clip>
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
      async makeClip(data, given) {
        const { clip } = await clipInMemory(signal, gpu, { model, request: parseRequest(data, manifest), given, embed: (prompt) => text.embed(prompt) })
        return clip
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
