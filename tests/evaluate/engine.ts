// The engine in Node: the page's own pipeline on Dawn, with frames read back instead of encoded.
import type { JobProgress } from '../../src/shared/job'
import type { ModelManifest } from '../../src/shared/model'
import type { GenerateRequest } from '../../src/shared/request'
import { parseRequest } from '../../src/shared/request-problems'
import type { FloatDType } from '../../workers/engine/tensor'
import type { JobClock } from '../../workers/pipeline/job-context'
import type { LtxTransformer } from '../../workers/models/ltx/transformer'
import { openModel } from '../../workers/pipeline/open-model'
import { fetchManifest } from '../../workers/weights/fetch-file'
import { openAdapter } from './adapter'
import type { Clip } from './clip'
import { clipInMemory, type MemoryJob } from './clip-in-memory'
import { serveFolder } from './serve-folder'
import { openNodeTextEncoder } from './text'

/** A clip, and what its making took. */
export interface Measured {
  clip: Clip
  /** f32 [C, F', H', W'] of its last window */
  latents: Float32Array<ArrayBuffer>
  clock: JobClock
  /** of denoising. On a software adapter it is this process's processor time, of which what else the machine does takes nothing */
  denoiseMs: number
}

/** A model on a device. */
export interface Engine {
  adapter: string
  /** a CPU pretending to be a GPU */
  software: boolean
  precision: FloatDType
  manifest: ModelManifest
  /** of the transformer */
  blocks: number
  /**
   * @param given clips that the request names, by their ids
   * @throws AppError bad-request when the model does not allow it
   */
  makeClip(request: GenerateRequest, given?: ReadonlyMap<string, Clip>): Promise<Clip>
  /** The same for a request from words alone. @throws AppError bad-request */
  measure(request: GenerateRequest): Promise<Measured>
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
    const manifest = await fetchManifest(new AbortController().signal, server.url)
    const gpu = await openAdapter()
    const dtype = precision ?? (gpu.facts.f16 ? 'f16' : 'f32')
    const model = await (await openModel(signal, server.url)).load(signal, gpu, { precision: dtype }, () => undefined)
    const text = await openNodeTextEncoder(server.url, manifest)
    const make = (data: GenerateRequest, more: Pick<MemoryJob, 'given' | 'report'>) =>
      clipInMemory(signal, gpu, { model, request: parseRequest(data, manifest), embed: (prompt) => text.embed(prompt), ...more })
    return {
      adapter: gpu.facts.name,
      software: gpu.facts.software,
      precision: dtype,
      manifest,
      blocks: (model.transformer as LtxTransformer).config.num_layers,
      makeClip: async (data, given) => (await make(data, { given })).clip,
      async measure(data) {
        const marks: number[] = []
        const report = ({ stage }: JobProgress) => void (stage === 'denoising' && marks.push(gpu.facts.software ? processorMs() : performance.now()))
        const {
          clip,
          clock,
          result: { latents },
        } = await make(data, { report })
        if (!latents) throw new Error('measure: expected a request for new frames.')
        return { clip, latents, clock, denoiseMs: (marks.at(-1) ?? 0) - (marks[0] ?? 0) }
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

/** Of this process and all its threads. */
function processorMs(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}
