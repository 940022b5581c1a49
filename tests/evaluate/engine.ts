// The engine in Node: the page's own pipeline on Dawn, with frames read back instead of encoded.
import type { ModelManifest } from '../../src/shared/model'
import { planOf, sharedFrames } from '../../src/shared/plan'
import { parseRequest, type GenerateRequest } from '../../src/shared/request'
import type { FloatDType } from '../../workers/engine/tensor'
import type { ClipSink } from '../../workers/pipeline/clip-sink'
import { JobClock } from '../../workers/pipeline/job-clock'
import { loadModel } from '../../workers/pipeline/load-model'
import type { PromptEmbedding } from '../../workers/pipeline/model'
import { Reel } from '../../workers/pipeline/reel'
import { runPlan, windowsOf } from '../../workers/pipeline/run-plan'
import { fetchManifest } from '../../workers/weights/fetch-file'
import { openAdapter } from './adapter'
import type { Clip } from './clip'
import { memorySources } from './memory-sources'
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
      async makeClip(data, given = new Map<string, Clip>()) {
        const request = parseRequest(data, manifest)
        const plan = planOf(request, manifest)
        const { width, height } = request
        const frames: Uint8ClampedArray[] = []
        const sink: ClipSink = {
          add: (rgba) => Promise.resolve(void frames.push(rgba.slice())),
          finish: () => Promise.reject(new Error('The frames are the clip.')),
          abort: () => Promise.resolve(),
        }
        const embedded = new Map<string, PromptEmbedding>()
        for (const prompt of [...windowsOf(plan).map((window) => window.prompt), request.negativePrompt ?? '']) embedded.set(prompt, await text.embed(prompt))
        const words = (prompt: string) => embedded.get(prompt) as PromptEmbedding
        await runPlan(signal, gpu, {
          request,
          plan,
          model: () => Promise.resolve(model),
          words: (prompt) => ({ prompt: words(prompt), ...(request.guidance !== 1 && { away: words(request.negativePrompt ?? '') }) }),
          sources: memorySources(given),
          reel: new Reel(sink, sharedFrames(manifest)),
          clock: new JobClock(),
          tell: () => undefined,
        })
        return { width, height, frames }
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
