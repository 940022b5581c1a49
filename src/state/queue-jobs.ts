// Jobs of the queue: their stored form and the operations on the list. Pure.
import * as v from 'valibot'
import type { ErrorData } from '../shared/errors'
import { GenerateRequestSchema } from '../shared/request'

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
  request: GenerateRequestSchema,
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

const StoredQueue = v.array(v.unknown())

/** Whether a job is not finished. Pure. */
export function isOpen({ status }: Pick<QueueJob, 'status'>): boolean {
  return status === 'waiting' || status === 'running' || status === 'paused'
}

/** Ids of the jobs that can be resumed, whose checkpoints must be kept. Pure. */
export function resumableIds(jobs: readonly QueueJob[]): string[] {
  return jobs.filter((job) => isOpen(job) || job.status === 'failed').map(({ id }) => id)
}

/** Reads the jobs of a stored value; invalid entries are dropped. Pure. */
export function readJobs(stored: unknown): QueueJob[] {
  const list = v.safeParse(StoredQueue, stored)
  if (!list.success) return []
  return list.output.flatMap((entry) => {
    const job = v.safeParse(StoredJobSchema, entry)
    return job.success ? [job.output] : []
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
