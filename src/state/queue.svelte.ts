import { forgetJobs, sweepJobs } from '../rpc/generate'
import { draftSpeedup, jobTiming, type JobTiming } from '../shared/draft-timing'
import type { GenerateRequest } from '../shared/request'
import { batchForm } from './batch-form.svelte'
import { draft } from './draft.svelte'
import { generation } from './generation.svelte'
import type { MadeClip } from './generation.svelte'
import { library } from './library.svelte'
import { duplicateJob, isOpen, jobsToKeep, moveJobBy, moveJobTo, replaceJob, resumableIds, updateJob } from './queue-jobs'
import type { BatchPosition, QueueJob } from './queue-jobs'
import { adoptQueues, saveQueue, storedJobIds, type TabQueue } from './queue-storage'
import { modelUrlOf, session } from './session.svelte'

/** Milliseconds before checkpoints of unknown jobs are deleted: a script may still resume them. */
const UNKNOWN_JOB_MS = 24 * 3_600_000

/** A job to add to the queue. */
export interface NewJob {
  request: GenerateRequest
  batch?: BatchPosition
}

/** A pure change of the list. */
type Change = (list: readonly QueueJob[]) => readonly QueueJob[]

/**
 * The queue. One job runs at a time, in list order. The list and the checkpoints survive the end of the page: a job is in the list once it is
 * on the disk.
 */
class Queue {
  jobs = $state.raw<readonly QueueJob[]>([])
  /** whether the list is on the disk, or on its way there */
  saved = $state(true)
  /** number of rows of closed pages that could not be read, and are set aside */
  unread = $state(0)
  /** id of the job that is edited in the form; it does not run meanwhile */
  editing = $state<string | null>(null)
  /** number of adopted jobs that the user has neither resumed nor discarded */
  offered = $state(0)
  /** id of the job that ran last */
  latest = $state<string | null>(null)
  /** id of the job that the user selected for the output panel; otherwise the panel shows the running job */
  selected = $state<string | null>(null)
  /** clips of this visit and of adopted batches, by job id */
  #clips = $state.raw<ReadonlyMap<string, MadeClip>>(new Map())

  readonly running = $derived(this.jobs.find(({ status }) => status === 'running') ?? null)
  readonly open = $derived(this.jobs.filter(isOpen))
  readonly #next = $derived(this.jobs.find(({ id, status }) => status === 'waiting' && id !== this.editing))
  /** additions that are on their way to the disk, and not in the list yet: pure, and applied to the list of then */
  #additions = $state.raw<readonly Change[]>([])
  /** whether a job is running or about to start */
  readonly busy = $derived(generation.busy || this.#next !== undefined || this.#additions.length > 0)

  /** durations of the jobs of this visit */
  #timings = $state.raw<readonly JobTiming[]>([])
  #processing = false
  /** id of the job whose worker may still write */
  #runs: string | null = null
  /** ids of jobs that ran before, here or on a closed page */
  readonly #started = new Set<string>()
  /** ids of former jobs whose checkpoints are still to be deleted */
  readonly #forget = new Set<string>()
  /** the form before a job was loaded into it for editing */
  #savedForm: { modelId: string; request: GenerateRequest; fields: Pick<typeof draft, 'prompt' | 'negativePrompt' | 'seedMode' | 'mode' | 'inputs'> } | null =
    null

  /** Jobs and the saved form, which may refer to media assets. */
  get assetReferences(): unknown {
    return [this.jobs, this.#savedForm]
  }

  /** The clip of a job; null if it is not finished. */
  clipOf(jobId: string): MadeClip | null {
    return this.#clips.get(jobId) ?? null
  }

  /** All jobs of the batch of a job, in queue order. */
  batchOf(job: QueueJob | undefined): QueueJob[] {
    return job?.batch ? this.jobs.filter(({ batch }) => batch?.id === job.batch?.id) : []
  }

  /** How many times longer a clip takes than a draft at the same model and size; null until both were generated on this visit. */
  draftSpeedup(request: GenerateRequest): number | null {
    return draftSpeedup(this.#timings, request)
  }

  /** Adds jobs with the current model, or replaces the job that is being edited. */
  add(entries: readonly NewJob[]): void {
    const { model, modelId } = session
    if (!model) return
    const jobs = entries.map((entry): QueueJob => ({ id: crypto.randomUUID(), ...entry, modelId, modelName: model.name, status: 'waiting' }))
    this.selected = null
    const { editing } = this
    const kept = new Set(jobsToKeep(this.jobs))
    // those of now: another may end while these are on their way to the disk
    const dropped = new Set(this.jobs.filter((job) => !kept.has(job)).map(({ id }) => id))
    if (editing === null) void this.#add((list) => [...list.filter(({ id }) => !dropped.has(id)), ...jobs])
    // a second call would replace the same job
    else if (this.#additions.length === 0) void this.#add((list) => replaceJob(list, editing, jobs)).then(() => this.#leaveForm())
  }

  /** Loads a job into the form. The next jobs that are added replace it, and the form is restored. */
  async edit(job: QueueJob): Promise<void> {
    const { model, modelId } = session
    const { prompt, negativePrompt, seedMode, mode } = draft
    if (model)
      this.#savedForm ??= { modelId, request: draft.request(model), fields: { prompt, negativePrompt, seedMode, mode, inputs: $state.snapshot(draft.inputs) } }
    this.editing = job.id
    batchForm.kind = 'one'
    await session.use(job.modelId)
    draft.use(job.request)
  }

  /** Stops editing without changing the job, and restores the form. */
  stopEditing(): void {
    void this.#leaveForm()
    void this.#process()
  }

  duplicate(jobId: string): void {
    const copyId = crypto.randomUUID()
    void this.#add((list) => duplicateJob(list, jobId, copyId))
  }

  moveBy(jobId: string, by: -1 | 1): void {
    this.#set(moveJobBy(this.jobs, jobId, by))
  }

  moveTo(jobId: string, targetId: string): void {
    this.#set(moveJobTo(this.jobs, jobId, targetId))
  }

  /** Removes a job; a running job is canceled. Its clip stays in the library. */
  remove(jobId: string): void {
    if (jobId === this.running?.id) void generation.cancel()
    this.#drop(new Set([jobId]))
  }

  /** Removes all finished jobs. */
  clear(): void {
    this.#set(this.jobs.filter(isOpen))
    if (!this.jobs.some(({ id }) => id === this.selected)) this.selected = null
  }

  /** Pauses a job; the running one saves a checkpoint, and the next one starts. */
  pause(jobId: string): void {
    if (jobId === this.running?.id) void generation.pause()
    else this.#set(updateJob(this.jobs, jobId, { status: 'paused' }))
  }

  /** Resumes a paused job, or retries a failed or canceled one, in list order. */
  resume(jobId: string): void {
    this.#set(updateJob(this.jobs, jobId, { status: 'waiting', error: undefined }))
    void this.#process()
  }

  /** Pauses all running and waiting jobs. */
  pauseAll(): void {
    this.#set(this.jobs.map((job) => (job.status === 'waiting' ? { ...job, status: 'paused' } : job)))
    void generation.pause()
  }

  /** Resumes all paused jobs. */
  resumeAll(): void {
    this.offered = 0
    this.#set(this.jobs.map((job) => (job.status === 'paused' ? { ...job, status: 'waiting' } : job)))
    void this.#process()
  }

  /** Removes all paused jobs. */
  discard(): void {
    this.offered = 0
    this.#drop(new Set(this.jobs.flatMap(({ id, status }) => (status === 'paused' ? [id] : []))))
  }

  /** Cancels the running job, and removes all waiting and paused ones. */
  cancelAll(): void {
    this.offered = 0
    void generation.cancel()
    this.#drop(new Set(this.open.flatMap(({ id, status }) => (status === 'running' ? [] : [id]))))
  }

  /** Called at startup: adopts the jobs of closed pages, and deletes old checkpoints that no queue refers to. */
  async adopt(): Promise<void> {
    await adoptQueues(({ jobs, forget, unread }) => {
      for (const { id } of jobs) this.#started.add(id)
      this.jobs = [...jobs, ...this.jobs]
      this.offered += jobs.filter(isOpen).length
      this.unread += unread
      this.#forgetJobs(forget)
      void this.#openClips(jobs)
      return this.#stored(this.jobs)
    })
    if (this.jobs.length > 0) await this.#save(this.jobs)
    // retried at the next start if it fails
    void storedJobIds()
      .then((ids) => sweepJobs([...resumableIds(this.jobs), ...ids], Date.now() - UNKNOWN_JOB_MS))
      .catch(() => undefined)
  }

  /** Runs the waiting jobs, one after the other. */
  async #process(): Promise<void> {
    if (this.#processing) return
    this.#processing = true
    for (let job = this.#next; job; job = this.#next) await this.#run(job)
    this.#processing = false
  }

  async #run({ id, request, modelId, modelName }: QueueJob): Promise<void> {
    this.latest = id
    this.#runs = id
    this.#set(updateJob(this.jobs, id, { status: 'running' }))
    const again = this.#started.has(id)
    this.#started.add(id)
    const outcome = await generation.run({ id, modelUrl: modelUrlOf(modelId), modelName, request, again })
    const { status } = outcome
    if (outcome.status === 'done') {
      const { clip } = outcome
      const { result } = clip
      this.#setClip(id, clip)
      // a resumed job reports only the steps after the interruption
      if (result.report.stepMs.length >= request.steps) this.#timings = [...this.#timings, jobTiming(request, result.report)]
      this.#set(updateJob(this.jobs, id, { status, resultId: result.id }))
      if (result.id !== null) void library.load().then(() => this.#updateRequest(id))
    } else {
      this.#set(updateJob(this.jobs, id, { status, ...(outcome.status === 'failed' && { error: outcome.error }) }))
    }
    this.#runs = null
    // the job may have been removed from the list before it stopped
    if (!resumableIds(this.jobs).includes(id)) this.#forgetJobs([id])
  }

  /** Updates the request of a clip that was stopped early and is shorter than requested, from its library record. */
  #updateRequest(jobId: string): void {
    const clip = this.#clips.get(jobId)
    const record = library.clips.find(({ id }) => id === clip?.result.id)
    if (!clip || !record || record.request.frames === clip.request.frames) return
    const updated = { ...clip, request: record.request }
    this.#setClip(jobId, updated)
    if (generation.clip?.result === clip.result) generation.clip = updated
  }

  #drop(ids: ReadonlySet<string>): void {
    if (this.editing !== null && ids.has(this.editing)) void this.#leaveForm()
    if (this.selected !== null && ids.has(this.selected)) this.selected = null
    this.#set(this.jobs.filter(({ id }) => !ids.has(id)))
    void this.#process()
  }

  async #leaveForm(): Promise<void> {
    const saved = this.#savedForm
    this.editing = null
    this.#savedForm = null
    if (!saved) return
    await session.use(saved.modelId)
    draft.use(saved.request)
    Object.assign(draft, saved.fields)
  }

  #set(jobs: readonly QueueJob[]): void {
    const resumable = resumableIds(jobs)
    const dropped = resumableIds(this.jobs).filter((id) => !resumable.includes(id))
    this.jobs = jobs
    for (const id of dropped) this.#forget.add(id)
    void this.#save(jobs)
    this.#forgetJobs(dropped)
  }

  /** Adds jobs once they are on the disk, or at once where nothing can be stored. */
  async #add(change: Change): Promise<void> {
    this.#additions = [...this.#additions, change]
    await this.#save(this.jobs)
    this.#additions = this.#additions.filter((one) => one !== change)
    this.#set(change(this.jobs))
    void this.#process()
  }

  async #save(jobs: readonly QueueJob[]): Promise<void> {
    this.saved = await saveQueue(this.#stored(jobs))
  }

  #stored(jobs: readonly QueueJob[]): TabQueue {
    return { jobs: this.#additions.reduce((list, change) => change(list), jobs), forget: [...this.#forget] }
  }

  /** Deletes the checkpoints of jobs that will not be resumed. What fails, or is cut short, is done at the next start. */
  #forgetJobs(ids: readonly string[]): void {
    for (const id of ids) this.#forget.add(id)
    // of the running job once it has ended
    const idle = ids.filter((id) => id !== this.#runs)
    if (idle.length === 0) return
    void forgetJobs(idle)
      .then(() => {
        for (const id of idle) this.#forget.delete(id)
        return this.#save(this.jobs)
      })
      .catch(() => undefined)
  }

  #setClip(jobId: string, clip: MadeClip): void {
    this.#clips = new Map([...this.#clips, [jobId, clip]])
  }

  /** Loads the finished clips of an adopted batch from the library; deleted clips are skipped. */
  async #openClips(jobs: readonly QueueJob[]): Promise<void> {
    const finished = jobs.filter(({ status, resultId }) => status === 'done' && resultId)
    if (finished.length === 0) return
    await library.load()
    for (const { id, resultId, request, modelName } of finished) {
      const record = library.clips.find((clip) => clip.id === resultId)
      const blob = record && (await library.open(record.id).catch(() => null))
      if (blob) this.#setClip(id, { request, modelName, result: { id: record.id, blob, codec: record.codec, report: record.report } })
    }
  }
}

export const queue = new Queue()
