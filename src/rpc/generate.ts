import { proxy, transfer } from 'comlink'
import { AppError } from '../shared/errors'
import type { AdapterReport, GenerateApi, GenerateOptions, JobCallbacks } from '../shared/worker-apis'
import type { GenerateResult, JobProgress } from '../shared/job'
import type { GenerateRequest } from '../shared/request'
import type { ModelTimes } from '../shared/time-estimate'
import { localFilesFor } from './local-files'
import { encodeText } from './text'
import { WorkerClient } from './worker-client'
import { freeMemoryForClip } from './prompt-enhancer'

const client = new WorkerClient<GenerateApi>(
  () => new Worker(new URL('../../workers/generate.worker.ts', import.meta.url), { type: 'module', name: 'generate' }),
)

/** Jobs under way; aborting one ends its text worker, the generate worker is told by its door. */
const jobs = new Map<string, AbortController>()

/** What this machine has. @throws AppError no-webgpu, no-adapter */
export async function probe(): Promise<AdapterReport> {
  // no worker is needed to know this
  if (!('gpu' in navigator)) throw new AppError('no-webgpu', 'This browser has no WebGPU.', { secureContext: isSecureContext })
  return client.call((door) => door.probe())
}

/** Whether the GPU can give so many bytes beside what it holds now. @throws AppError no-webgpu, no-adapter */
export function fits(bytes: number): Promise<boolean> {
  return client.call((door) => door.fits(bytes))
}

/** How long a block of the model's shape takes on this GPU. @throws AppError no-webgpu, no-adapter, not-found, weights-missing */
export function measure(modelUrl: string): Promise<ModelTimes> {
  return client.call((door) => door.measure(modelUrl))
}

/** GPU buffers that live now, and how many of them are weights; between jobs the two are equal. */
export function gpuBuffers(): Promise<{ live: number; weights: number }> {
  return client.call((door) => door.gpuBuffers())
}

/** Runs one job. @param modelUrl absolute URL of the model folder, ending in / */
export async function generate(
  jobId: string,
  modelUrl: string,
  request: GenerateRequest,
  onProgress: (event: JobProgress) => void,
  options: GenerateOptions = {},
): Promise<GenerateResult & { latents?: Float32Array<ArrayBuffer> }> {
  const controller = new AbortController()
  jobs.set(jobId, controller)
  const clipIsOver = freeMemoryForClip()
  const callbacks: JobCallbacks = {
    onProgress,
    encodeText: async (url, prompts) => {
      const embeddings = await encodeText(controller.signal, url, prompts)
      return transfer(embeddings, embeddings.prompts.map((prompt) => prompt.values.buffer))
    },
  }
  try {
    const localFiles = await localFilesFor(modelUrl)
    if (controller.signal.aborted) throw new AppError('cancelled', 'The job was cancelled.')
    return await client.call((door) => door.generate(jobId, modelUrl, request, proxy(callbacks), { ...options, localFiles }))
  } catch (error) {
    // A worker whose device is gone is of no use to the next job: it gets a new one.
    if (error instanceof AppError && error.code === 'device-lost') client.end(error)
    throw error
  } finally {
    jobs.delete(jobId)
    clipIsOver()
  }
}

/** Asks a job to stop; it rejects with `cancelled` within one step. An unknown job is no error. */
export async function cancel(jobId: string): Promise<void> {
  const controller = jobs.get(jobId)
  if (!controller) return
  controller.abort()
  await client.call((door) => door.cancel(jobId))
}

/** Ends a job's clip with the window under way; its generate() answers with what there is. An unknown job is no error. */
export async function finishEarly(jobId: string): Promise<void> {
  if (jobs.has(jobId)) await client.call((door) => door.finishEarly(jobId))
}

/** Deletes what is kept of these jobs; one that is under way keeps it. */
export async function forgetJobs(ids: readonly string[]): Promise<void> {
  await client.call((door) => door.forgetJobs(ids))
}

/** Deletes what is kept of all jobs but these and those under way, unless some of it was written since. @param beforeMs since the epoch */
export async function sweepJobs(knownIds: readonly string[], beforeMs: number): Promise<void> {
  await client.call((door) => door.sweepJobs(knownIds, beforeMs))
}
