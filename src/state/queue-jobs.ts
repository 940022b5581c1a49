// Jobs of the queue: their stored form and the operations on the list. Pure.
import * as v from 'valibot'
import type { ErrorData } from '../shared/errors'
import { GenerateRequestSchema } from '../shared/request'
import { upgradeRequest } from '../shared/upgrade'

const id = v.pipe(v.string(), v.minLength(1))

/** Position of a job in a batch: jobs that were added together and are shown side by side. */
export const BatchPositionSchema = v.object({
  /** id of the batch */
  id,
  /** what distinguishes this job from the others of the batch */
  label: v.string(),
  /** headings of its row and column if the batch is a grid */
  row: v.optional(v.string()),
  column: v.optional(v.string()),
})

/** The stored part of a job. */
export const StoredJobSchema = v.object({
  id,
  request: v.pipe(v.unknown(), v.transform(upgradeRequest), GenerateRequestSchema),
  /** id of the starter or of a downloaded model */
  modelId: id,
  modelName: v.string(),
  /** `paused` keeps its checkpoint; `failed` and `cancelled` can be retried */
  status: v.picklist(['waiting', 'running', 'paused', 'failed', 'done', 'cancelled']),
  /** id of the clip in the library; null if it could not be saved */
  resultId: v.optional(v.nullable(v.string())),
  batch: v.optional(BatchPositionSchema),
})

/** See {@link BatchPositionSchema}. */
export type BatchPosition = v.InferOutput<typeof BatchPositionSchema>

/** A job of the queue, which generates one clip. Its id is also the id of its checkpoint. */
export interface QueueJob extends v.InferOutput<typeof StoredJobSchema> {
  /** why it failed */
  error?: ErrorData
}

/** Rows of a stored queue that are read; the page shows every row of its queue. */
const LONGEST_QUEUE = 1000

/** Whether a job is not finished. Pure. */
export function isOpen({ status }: Pick<QueueJob, 'status'>): boolean {
  return status === 'waiting' || status === 'running' || status === 'paused'
}

/** Ids of the jobs that can be resumed, whose checkpoints must be kept. Pure. */
export function resumableIds(jobs: readonly QueueJob[]): string[] {
  return jobs.filter((job) => isOpen(job) || job.status === 'failed').map(({ id }) => id)
}

/** Reads the jobs of a stored value. Pure. @returns what is no job of this version apart, for it to be kept */
export function readJobs(stored: unknown): { jobs: QueueJob[]; unread: unknown[] } {
  if (!Array.isArray(stored)) return { jobs: [], unread: stored === undefined ? [] : [stored] }
  const rows = stored.map((row: unknown, index) => ({ row, job: index < LONGEST_QUEUE ? v.safeParse(StoredJobSchema, row) : null }))
  return {
    jobs: rows.flatMap(({ job }) => (job?.success ? [job.output] : [])),
    unread: rows.flatMap(({ row, job }) => (job?.success ? [] : [row])),
  }
}

/** Marks the jobs as done whose clips are in the library. Pure. @param clips id of the clip of each job that has one */
export function settledJobs(jobs: readonly QueueJob[], clips: ReadonlyMap<string, string>): QueueJob[] {
  return jobs.map((job) => {
    const resultId = clips.get(job.id)
    return resultId === undefined ? job : { ...job, status: 'done', resultId }
  })
}

/**
 * The jobs of a closed page, as another page adopts them: unfinished jobs are paused, and finished jobs are kept only if their batch has
 * unfinished ones, so that the batch is shown as a whole. Empty if all were done. Pure.
 */
export function adoptedJobs(jobs: readonly QueueJob[]): QueueJob[] {
  // the errors of failed jobs are not stored, so these are paused too
  const paused = jobs.filter(({ status }) => status !== 'cancelled').map((job): QueueJob => (job.status === 'done' ? job : { ...job, status: 'paused' }))
  const batches = new Set(paused.flatMap(({ status, batch }) => (status === 'paused' && batch ? [batch.id] : [])))
  return paused.filter(({ status, batch }) => status === 'paused' || (batch && batches.has(batch.id)))
}

/**
 * The jobs that stay in the list when new jobs are added: all while one is unfinished, otherwise only failed ones, which can be retried. A
 * single failed job is dropped, because its settings are still in the form. Pure.
 */
export function jobsToKeep(jobs: readonly QueueJob[]): readonly QueueJob[] {
  if (jobs.some(isOpen)) return jobs
  return jobs.length > 1 ? jobs.filter(({ status }) => status === 'failed') : []
}

/** Moves a job up (−1) or down (+1) by one position. Pure. */
export function moveJobBy(jobs: readonly QueueJob[], jobId: string, by: -1 | 1): readonly QueueJob[] {
  const from = jobs.findIndex((job) => job.id === jobId)
  const other = jobs[from + by]
  return from < 0 || !other ? jobs : moveJobTo(jobs, jobId, other.id)
}

/** Moves a job to the position of another one. Pure. */
export function moveJobTo(jobs: readonly QueueJob[], jobId: string, targetId: string): readonly QueueJob[] {
  const job = jobs.find((entry) => entry.id === jobId)
  const to = jobs.findIndex((entry) => entry.id === targetId)
  if (!job || to < 0) return jobs
  return jobs.filter((entry) => entry !== job).toSpliced(to, 0, job)
}

/** Replaces a job by others, or appends them if the job no longer exists. Pure. */
export function replaceJob(jobs: readonly QueueJob[], jobId: string, others: readonly QueueJob[]): readonly QueueJob[] {
  const at = jobs.findIndex((job) => job.id === jobId)
  return at < 0 ? [...jobs, ...others] : jobs.toSpliced(at, 1, ...others)
}

/** Inserts a waiting copy after a job, outside its batch. Pure. @param copyId id of the copy */
export function duplicateJob(jobs: readonly QueueJob[], jobId: string, copyId: string): readonly QueueJob[] {
  const at = jobs.findIndex((job) => job.id === jobId)
  const job = jobs[at]
  if (!job) return jobs
  const { request, modelId, modelName } = job
  return jobs.toSpliced(at + 1, 0, { id: copyId, request, modelId, modelName, status: 'waiting' })
}

/** Changes fields of a job. Pure. */
export function updateJob(jobs: readonly QueueJob[], jobId: string, change: Partial<QueueJob>): readonly QueueJob[] {
  return jobs.map((job) => (job.id === jobId ? { ...job, ...change } : job))
}
