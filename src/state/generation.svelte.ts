import { cancel, finishEarly, generate } from '../rpc/generate'
import { AppError, toErrorData } from '../shared/errors'
import type { ErrorData } from '../shared/errors'
import type { GenerateResult, JobState, Preview, JobProgress } from '../shared/job'
import type { GenerateRequest } from '../shared/request'
import { savedResult } from './queue-storage'

/** What to run. */
export interface Run {
  /** also of its checkpoint: the same id with the same request goes on where it stopped */
  id: string
  modelUrl: string
  modelName: string
  request: GenerateRequest
  /** whether it ran before, and may have saved its clip */
  again: boolean
}

/** A finished clip, with what it was made from. */
export interface MadeClip {
  request: GenerateRequest
  modelName: string
  result: GenerateResult
}

/** How a run ended. */
export type Outcome = { status: 'done'; clip: MadeClip } | { status: 'failed'; error: ErrorData } | { status: 'cancelled' | 'paused' }

/** The one job that runs: what was asked, where it stands, what came of it. Lives on while other views are shown. */
class Generation {
  job = $state.raw<JobState>({ status: 'idle' })
  request = $state.raw<GenerateRequest | null>(null)
  /** the clip as it stood after the latest step */
  preview = $state.raw<Preview | null>(null)
  /** one picture (the middle one) of the preview after each step, in order */
  strip = $state.raw<Preview[]>([])
  /** the latest finished clip; it stays on the screen until another one is there */
  clip = $state.raw<MadeClip | null>(null)
  /** what the running job was asked to do before its end */
  ending = $state<'cancelled' | 'paused' | 'kept' | null>(null)
  /** when the latest event came, in milliseconds of performance.now(); times left count from it */
  eventAtMs = $state(0)

  readonly busy = $derived(this.job.status === 'queued' || this.job.status === 'running')
  readonly progress: JobProgress | null = $derived(this.job.status === 'running' ? this.job : null)
  /** whether it can end with the part under way: others are to come */
  readonly canKeep = $derived((this.progress?.piece ?? 1) < (this.progress?.pieces ?? 1))

  #jobId = ''

  /** Runs a job to its end, whatever that is. One at a time. */
  async run({ id, modelUrl, modelName, request, again }: Run): Promise<Outcome> {
    this.#jobId = id
    this.request = request
    this.preview = null
    this.strip = []
    this.ending = null
    this.job = { status: 'queued' }
    try {
      const saved = again ? await savedResult(id) : null
      if (this.#isStopping()) throw new AppError('cancelled', 'The job was cancelled.')
      const options = { checkpoint: true, once: true }
      const result = saved?.result ?? (await generate(id, modelUrl, request, (event) => this.#onProgress(id, event), options))
      return this.#done({ request: saved?.request ?? request, modelName, result })
    } catch (thrown) {
      const saved = await savedResult(id)
      if (saved) return this.#done({ ...saved, modelName })
      const error = toErrorData(thrown)
      if (error.code !== 'cancelled') return (this.job = { status: 'failed', error })
      return (this.job = { status: this.ending === 'paused' ? 'paused' : 'cancelled' })
    } finally {
      this.ending = null
    }
  }

  /** Ends the job for good. */
  cancel(): Promise<void> {
    return this.#stop('cancelled')
  }

  /** Ends the job so that it can go on after its last finished step. */
  pause(): Promise<void> {
    return this.#stop('paused')
  }

  /** Ends the clip with the window under way. */
  async keep(): Promise<void> {
    if (!this.canKeep || this.ending) return
    this.ending = 'kept'
    await finishEarly(this.#jobId).catch(() => undefined)
  }

  #isStopping(): boolean {
    return this.ending === 'cancelled' || this.ending === 'paused'
  }

  #done(clip: MadeClip): Outcome {
    this.clip = clip
    this.job = { status: 'done', result: clip.result }
    return { status: 'done', clip }
  }

  async #stop(ending: 'cancelled' | 'paused'): Promise<void> {
    if (!this.busy || this.ending === 'cancelled' || this.ending === ending) return
    this.ending = ending
    // a worker that crashed meanwhile has already ended the job with its reason
    await cancel(this.#jobId).catch(() => undefined)
  }

  #onProgress(jobId: string, event: JobProgress): void {
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
