import { cancel, generate } from '../rpc/generate'
import { toErrorData } from '../shared/errors'
import type { GenerateResult, JobState, Preview, ProgressEvent } from '../shared/job'
import type { ModelManifest } from '../shared/model'
import type { GenerateRequest } from '../shared/request'
import { library } from './library.svelte'
import { session } from './session.svelte'

/** The one job of this page: what was asked, where it stands, what came of it. Lives on while other views are shown. */
class Generation {
  job = $state.raw<JobState>({ status: 'idle' })
  request = $state.raw<GenerateRequest | null>(null)
  /** the clip as it stood after the latest step */
  preview = $state.raw<Preview | null>(null)
  /** one picture (the middle one) of the preview after each step, in order */
  strip = $state.raw<Preview[]>([])
  /** the latest finished clip; it stays on the screen until another one is there */
  clip = $state.raw<{ request: GenerateRequest; modelName: string; result: GenerateResult } | null>(null)
  cancelling = $state(false)
  /** when the latest event came, in milliseconds of performance.now(); times left count from it */
  eventAtMs = $state(0)

  readonly busy = $derived(this.job.status === 'queued' || this.job.status === 'running')
  readonly progress: ProgressEvent | null = $derived(this.job.status === 'running' ? this.job : null)

  #jobId = ''

  async start(model: ModelManifest, request: GenerateRequest): Promise<void> {
    if (this.busy) return
    const jobId = crypto.randomUUID()
    this.#jobId = jobId
    this.request = request
    this.preview = null
    this.strip = []
    this.cancelling = false
    this.job = { status: 'queued' }
    try {
      const result = await generate(jobId, session.modelUrl, request, (event) => this.#onProgress(jobId, event))
      this.clip = { request, modelName: model.name, result }
      this.job = { status: 'done', result }
      if (result.id !== null) void library.load()
    } catch (thrown) {
      const error = toErrorData(thrown)
      this.job = error.code === 'cancelled' ? { status: 'cancelled' } : { status: 'failed', error }
    } finally {
      this.cancelling = false
    }
  }

  async cancel(): Promise<void> {
    if (!this.busy || this.cancelling) return
    this.cancelling = true
    // a worker that crashed meanwhile has already ended the job with its reason
    await cancel(this.#jobId).catch(() => undefined)
  }

  #onProgress(jobId: string, event: ProgressEvent): void {
    // events travel on a port of their own and may come after the result
    if (jobId !== this.#jobId || !this.busy) return
    this.job = { status: 'running', ...event }
    this.eventAtMs = performance.now()
    if (!event.preview) return
    this.preview = event.preview
    if (event.stage === 'denoising') this.strip = [...this.strip, middlePicture(event.preview)]
  }
}

/** The picture in the middle of a preview, as a preview of one frame. */
function middlePicture({ width, height, frames, rgba }: Preview): Preview {
  const size = width * height * 4
  const start = Math.floor(frames / 2) * size
  return { width, height, frames: 1, rgba: rgba.slice(start, start + size) }
}

export const generation = new Generation()
