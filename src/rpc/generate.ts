import { proxy, transfer } from 'comlink'
import { AppError } from '../shared/errors'
import type { AdapterReport, GenerateApi, GenerateOptions, JobCallbacks } from '../shared/worker-apis'
import type { GenerateResult, JobProgress } from '../shared/job'
import type { GenerateRequest } from '../shared/request'
import type { ModelTimes } from '../shared/time-estimate'
import { localFilesFor } from './local-files'
import { startTextWorker, type TextWorker } from './text'
import { WorkerClient } from './worker-client'
import { freeMemoryForClip } from './prompt-enhancer'

const client = new WorkerClient<GenerateApi>(
  () => new Worker(new URL('../../workers/generate.worker.ts', import.meta.url), { type: 'module', name: 'generate' }),
)

/** Jobs that run or wait, with the text worker of those that encode; a cancelled one stays until its generate() has ended. */
const jobs = new Map<string, { cancelled: boolean; text: TextWorker | null }>()

/** What this machine has. @throws AppError no-webgpu, no-adapter */
export async function probe(): Promise<AdapterReport> {
  // no worker is needed to know this
  if (!('gpu' in navigator)) throw new AppError('no-webgpu', 'This browser has no WebGPU.', { secureContext: isSecureContext })
  return client.call((api) => api.probe())
}

/** Whether the GPU can give so many bytes beside what it holds now. @throws AppError no-webgpu, no-adapter */
export function fits(bytes: number): Promise<boolean> {
  return client.call((api) => api.fits(bytes))
}

/** How long a block of the model's shape takes on this GPU. @throws AppError no-webgpu, no-adapter, not-found, weights-missing */
export function measure(modelUrl: string): Promise<ModelTimes> {
  return client.call((api) => api.measure(modelUrl))
}

/** GPU buffers that live now, and how many of them are weights; between jobs the two are equal. */
export function gpuBuffers(): Promise<{ live: number; weights: number }> {
  return client.call((api) => api.gpuBuffers())
}

/** Runs one job. @param modelUrl absolute URL of the model folder, ending in / */
export async function generate(
  jobId: string,
  modelUrl: string,
  request: GenerateRequest,
  onProgress: (event: JobProgress) => void,
  options: GenerateOptions = {},
): Promise<GenerateResult & { latents?: Float32Array<ArrayBuffer> }> {
  const job: { cancelled: boolean; text: TextWorker | null } = { cancelled: false, text: null }
  jobs.set(jobId, job)
  const clipIsOver = freeMemoryForClip()
  const callbacks: JobCallbacks = {
    onProgress,
    openTextWorker() {
      job.text = startTextWorker()
      return Promise.resolve(transfer(job.text.port, [job.text.port]))
    },
    textWorkerEnd: () => job.text?.ended ?? Promise.resolve(null),
    closeTextWorker: () => Promise.resolve(job.text?.end()),
  }
  try {
    const localFiles = await localFilesFor(modelUrl)
    if (job.cancelled) throw new AppError('cancelled', 'The job was cancelled.')
    return await client.call((api) => api.generate(jobId, modelUrl, request, proxy(callbacks), { ...options, localFiles }))
  } catch (error) {
    // A worker whose device is gone is of no use to the next job: it gets a new one.
    if (error instanceof AppError && error.code === 'device-lost') client.end(error)
    throw error
  } finally {
    job.text?.end() // the generate worker may have crashed before it could
    jobs.delete(jobId)
    clipIsOver()
  }
}

/** Asks a job to stop; it rejects with `cancelled` within one step. An unknown job is no error. */
export async function cancel(jobId: string): Promise<void> {
  const job = jobs.get(jobId)
  if (!job) return
  job.cancelled = true
  await client.call((api) => api.cancel(jobId))
}

/** Ends a job's clip with the window under way; its generate() answers with what there is. An unknown job is no error. */
export async function finishEarly(jobId: string): Promise<void> {
  if (jobs.has(jobId)) await client.call((api) => api.finishEarly(jobId))
}

/** Deletes what is kept of these jobs; one that is under way keeps it. */
export async function forgetJobs(ids: readonly string[]): Promise<void> {
  await client.call((api) => api.forgetJobs(ids))
}

/** Deletes what is kept of all jobs but these and those under way, unless some of it was written since. @param beforeMs since the epoch */
export async function sweepJobs(knownIds: readonly string[], beforeMs: number): Promise<void> {
  await client.call((api) => api.sweepJobs(knownIds, beforeMs))
}
