import { forgetJobs, sweepJobs } from '../rpc/generate'
import { clipsToDraft, measured, type Measured } from '../shared/draft-share'
import type { GenerateResult } from '../shared/job'
import type { GenerateRequest } from '../shared/request'
import { batchForm } from './batch-form.svelte'
import { draft } from './draft.svelte'
import { generation } from './generation.svelte'
import type { MadeClip } from './generation.svelte'
import { library } from './library.svelte'
import { changed, duplicated, isOpen, movedBy, movedTo, openList, replaced, wantedIds } from './queue-jobs'
import type { BatchPlace, QueueJob } from './queue-jobs'
import { adoptQueues, keepQueue, storedJobIds } from './queue-storage'
import { modelUrlOf, session } from './session.svelte'

/** What is kept of a job that no queue knows may be a script's, which goes on with it on the same day. */
const UNKNOWN_MS = 24 * 3_600_000

/** One clip to make, as it is added. */
export interface Wanted {
  request: GenerateRequest
  batch?: BatchPlace
}

/** All that was asked for and is not settled. One job runs at a time, in the list's order; what is kept of it survives the page. */
class Queue {
  jobs = $state.raw<readonly QueueJob[]>([])
  /** whether the list outlives the page */
  kept = $state(true)
  /** the job that is in the form: it waits until it is given back */
  editing = $state<string | null>(null)
  /** how many jobs a page that is gone has left, until the person has said what becomes of them */
  offered = $state(0)
  /** the job that was run last */
  latest = $state<string | null>(null)
  /** the job that the person looks at; else the screen follows what runs */
  looked = $state<string | null>(null)
  /** clips that were made on this visit, or that belong to a batch of an earlier one, by their jobs */
  #clips = $state.raw<ReadonlyMap<string, MadeClip>>(new Map())

  readonly running = $derived(this.jobs.find(({ status }) => status === 'running') ?? null)
  readonly open = $derived(this.jobs.filter(isOpen))
  readonly #next = $derived(this.jobs.find(({ id, status }) => status === 'waiting' && id !== this.editing))
  /** whether something is under way, or begins at once */
  readonly busy = $derived(generation.busy || this.#next !== undefined)

  /** how long each clip and draft of this visit took */
  #measured = $state.raw<readonly Measured[]>([])
  #goes = false
  /** what the form had before a job was put into it */
  #formBefore: { modelId: string; request: GenerateRequest; asTyped: Pick<typeof draft, 'prompt' | 'negativePrompt' | 'seedMode' | 'mode' | 'inputs'> } | null = null

  /** All that this page will make or put back into the form, for what is named in it. */
  get remembered(): unknown {
    return [this.jobs, this.#formBefore]
  }

  /** What a job has come to; null before its end. */
  clipOf(jobId: string): MadeClip | null {
    return this.#clips.get(jobId) ?? null
  }

  /** All jobs that were asked for together with this one, in their order. */
  batchOf(job: QueueJob | undefined): QueueJob[] {
    return job?.batch ? this.jobs.filter(({ batch }) => batch?.id === job.batch?.id) : []
  }

  /** How many times as long as a draft a clip took on this visit, at this model and size; null until both were made. */
  clipsToDraft(request: GenerateRequest): number | null {
    return clipsToDraft(this.#measured, request)
  }

  /** Adds clips to make with the model of the form, or puts them in the place of the job that was being edited. */
  add(wanted: readonly Wanted[]): void {
    const { model, modelId } = session
    if (!model) return
    const jobs = wanted.map((entry): QueueJob => ({ id: crypto.randomUUID(), ...entry, modelId, modelName: model.name, status: 'waiting' }))
    this.looked = null
    if (this.editing === null) this.#set([...openList(this.jobs), ...jobs])
    else {
      this.#set(replaced(this.jobs, this.editing, jobs))
      void this.#leaveForm()
    }
    void this.#go()
  }

  /** Puts a job's words and settings into the form; what is made of them next takes its place, and what the form had comes back. */
  async edit(job: QueueJob): Promise<void> {
    const { model, modelId } = session
    const { prompt, negativePrompt, seedMode, mode } = draft
    if (model) this.#formBefore ??= { modelId, request: draft.request(model), asTyped: { prompt, negativePrompt, seedMode, mode, inputs: $state.snapshot(draft.inputs) } }
    this.editing = job.id
    batchForm.kind = 'one'
    await session.use(job.modelId)
    draft.use(job.request)
  }

  /** Leaves the job that is in the form as it was. */
  stopEditing(): void {
    void this.#leaveForm()
    void this.#go()
  }

  duplicate(jobId: string): void {
    this.#set(duplicated(this.jobs, jobId, crypto.randomUUID()))
    void this.#go()
  }

  moveBy(jobId: string, by: -1 | 1): void {
    this.#set(movedBy(this.jobs, jobId, by))
  }

  moveTo(jobId: string, placeOf: string): void {
    this.#set(movedTo(this.jobs, jobId, placeOf))
  }

  /** Takes a job off the list; the running one is cancelled. A clip that was made stays in the library. */
  remove(jobId: string): void {
    if (jobId === this.running?.id) void generation.cancel()
    this.#drop(new Set([jobId]))
  }

  /** Takes off the list what came to its end. */
  clear(): void {
    this.#set(this.jobs.filter(isOpen))
    if (!this.jobs.some(({ id }) => id === this.looked)) this.looked = null
  }

  /** Holds a job; the running one keeps what is done so far, and the next one begins. */
  pause(jobId: string): void {
    if (jobId === this.running?.id) void generation.pause()
    else this.#set(changed(this.jobs, jobId, { status: 'paused' }))
  }

  /** Lets a paused job go on, or tries again one that failed or was cancelled, in its turn. */
  resume(jobId: string): void {
    this.#set(changed(this.jobs, jobId, { status: 'waiting', error: undefined }))
    void this.#go()
  }

  /** Holds all that runs or waits. */
  pauseAll(): void {
    this.#set(this.jobs.map((job) => (job.status === 'waiting' ? { ...job, status: 'paused' } : job)))
    void generation.pause()
  }

  /** Lets all that is paused go on. */
  resumeAll(): void {
    this.offered = 0
    this.#set(this.jobs.map((job) => (job.status === 'paused' ? { ...job, status: 'waiting' } : job)))
    void this.#go()
  }

  /** Takes what is paused off the list: nobody wants what the closed page had left. */
  discard(): void {
    this.offered = 0
    this.#drop(new Set(this.jobs.flatMap(({ id, status }) => (status === 'paused' ? [id] : []))))
  }

  /** Ends the running job, and takes off the list all that waits or is paused. */
  cancelAll(): void {
    this.offered = 0
    void generation.cancel()
    this.#drop(new Set(this.open.flatMap(({ id, status }) => (status === 'running' ? [] : [id]))))
  }

  /** At the start: takes over what closed pages have left, and deletes what was kept of jobs that nobody has any more, once it is old. */
  async adopt(): Promise<void> {
    await adoptQueues((jobs) => {
      this.#set([...jobs, ...this.jobs])
      this.offered += jobs.filter(isOpen).length
      void this.#openMade(jobs)
    })
    // where it cannot be deleted now, the next start does it
    void sweepJobs([...wantedIds(this.jobs), ...storedJobIds()], Date.now() - UNKNOWN_MS).catch(() => undefined)
  }

  /** Runs what waits, one after the other. */
  async #go(): Promise<void> {
    if (this.#goes) return
    this.#goes = true
    for (let job = this.#next; job; job = this.#next) await this.#run(job)
    this.#goes = false
  }

  async #run({ id, request, modelId, modelName }: QueueJob): Promise<void> {
    this.latest = id
    this.#set(changed(this.jobs, id, { status: 'running' }))
    const outcome = await generation.run({ id, modelUrl: modelUrlOf(modelId), modelName, request })
    const { status } = outcome
    if (outcome.status === 'done') {
      const { result } = outcome
      this.#keepClip(id, { request, modelName, result })
      // what was done before an interruption was not measured
      if (result.report.stepMs.length >= request.steps) this.#measured = [...this.#measured, measured(request, result.report)]
      this.#set(changed(this.jobs, id, { status, resultId: result.id }))
      if (result.id !== null) void library.load().then(() => this.#asMade(id))
    } else {
      this.#set(changed(this.jobs, id, { status, ...(outcome.status === 'failed' && { error: outcome.error }) }))
      // it may have been off the list before it stopped
      if (status === 'cancelled') forget([id])
    }
  }

  /** A clip that was ended early is shorter than what was asked for: the library knows what was made. */
  #asMade(jobId: string): void {
    const clip = this.#clips.get(jobId)
    const record = library.clips.find(({ id }) => id === clip?.result.id)
    if (!clip || !record || record.request.frames === clip.request.frames) return
    const made = { ...clip, request: record.request }
    this.#keepClip(jobId, made)
    if (generation.clip?.result === clip.result) generation.clip = made
  }

  #drop(ids: ReadonlySet<string>): void {
    if (this.editing !== null && ids.has(this.editing)) void this.#leaveForm()
    if (this.looked !== null && ids.has(this.looked)) this.looked = null
    this.#set(this.jobs.filter(({ id }) => !ids.has(id)))
    void this.#go()
  }

  async #leaveForm(): Promise<void> {
    const before = this.#formBefore
    this.editing = null
    this.#formBefore = null
    if (!before) return
    await session.use(before.modelId)
    draft.use(before.request)
    Object.assign(draft, before.asTyped)
  }

  #set(jobs: readonly QueueJob[]): void {
    const wanted = wantedIds(jobs)
    const gone = wantedIds(this.jobs).filter((id) => !wanted.includes(id))
    this.jobs = jobs
    this.kept = keepQueue(jobs)
    if (gone.length > 0) forget(gone)
  }

  #keepClip(jobId: string, clip: MadeClip): void {
    this.#clips = new Map([...this.#clips, [jobId, clip]])
  }

  /** Clips of a batch that an earlier page has made, from the library; one that was deleted stays an empty place. */
  async #openMade(jobs: readonly QueueJob[]): Promise<void> {
    const made = jobs.filter(({ status, resultId }) => status === 'done' && resultId)
    if (made.length === 0) return
    await library.load()
    for (const { id, resultId, request, modelName } of made) {
      const record = library.clips.find((clip) => clip.id === resultId)
      const blob = record && (await library.open(record.id).catch(() => null))
      if (blob) this.#keepClip(id, { request, modelName, result: { id: record.id, blob, codec: record.codec, report: record.report } satisfies GenerateResult })
    }
  }
}

/** What was kept of jobs that will not go on is of no use. Where it cannot be deleted now, a later start does it. */
function forget(ids: readonly string[]): void {
  void forgetJobs(ids).catch(() => undefined)
}

export const queue = new Queue()
