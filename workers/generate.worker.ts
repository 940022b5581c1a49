// The generate API: one job at a time, from a request to a saved clip.
import { expose, transfer } from 'comlink'
import type { GenerateApi } from '../src/shared/worker-apis'
import { registerErrorTransfer } from '../src/shared/error-transfer'
import { announceWorker } from '../src/shared/worker-life'
import { AppError, toErrorData } from '../src/shared/errors'
import { chooseEncoder } from './media/encode'
import { measureModel } from './pipeline/measure-model'
import { ModelHost } from './pipeline/model-host'
import { makeClip } from './pipeline/make-clip'
import { forgetJobs, sweepJobs } from './storage/checkpoints'

registerErrorTransfer()
announceWorker()

const modelHost = new ModelHost()
const jobs = new Map<string, AbortController>()
/** jobs that end with the chunk under way */
const ending = new Set<string>()
/** settles when the job before has ended; never rejects */
let queue: Promise<unknown> = Promise.resolve()

/** Size and rate for which the page asks which encoder there is. */
const PROBE = [128, 128, 8] as const

const api: GenerateApi = {
  async probe() {
    const codec = await chooseEncoder(...PROBE)
    const { facts } = await modelHost.gpu()
    return { adapter: facts.name, software: facts.software, f16: facts.f16, codec: codec?.codecString ?? null }
  },

  async generate(jobId, modelUrl, request, callbacks, options = {}) {
    const controller = new AbortController()
    jobs.set(jobId, controller)
    const job = queue.then(() =>
      makeClip(controller.signal, modelHost, { id: jobId, modelUrl, request, endsEarly: () => ending.has(jobId) }, callbacks, options),
    )
    queue = job.catch(() => undefined)
    try {
      const result = await job
      return result.latents ? transfer(result, [result.latents.buffer]) : result
    } catch (error) {
      const { code, message, details } = toErrorData(error)
      throw new AppError(code, message, details)
    } finally {
      jobs.delete(jobId)
      ending.delete(jobId)
    }
  },

  async cancel(jobId) {
    jobs.get(jobId)?.abort(new AppError('cancelled', 'The job was cancelled.', {}))
    await queue
  },

  finishEarly(jobId) {
    if (jobs.has(jobId)) ending.add(jobId)
    return Promise.resolve()
  },

  forgetJobs: (ids) => forgetJobs(ids.filter((id) => !jobs.has(id))),
  sweepJobs: (knownIds, beforeMs) => sweepJobs([...knownIds, ...jobs.keys()], beforeMs),

  fits(bytes) {
    const answer = queue.then(() => modelHost.fits(bytes))
    queue = answer.catch(() => undefined)
    return answer
  },

  measure(modelUrl) {
    const answer = queue.then(async () => measureModel(new AbortController().signal, await modelHost.gpu(), modelUrl))
    queue = answer.catch(() => undefined)
    return answer
  },

  gpuBuffers: () => modelHost.buffers(),
  unload: () => modelHost.unload(),
}

expose(api)
