// The queue as a list: the jobs, how they are stored, and the operations on the list. Pure.
import * as v from 'valibot'
import type { ErrorData } from '../shared/errors'
import { GenerateRequestSchema } from '../shared/request'
import { upgradeRequest } from '../shared/upgrade'

const id = v.pipe(v.string(), v.minLength(1))

/** A job's position in a batch: jobs that were requested together and are shown side by side. */
export const BatchPlaceSchema = v.object({
  /** of the batch */
  id,
  /** what distinguishes this one from the others */
  label: v.string(),
  /** headings of its row and column, where the batch is a table */
  row: v.optional(v.string()),
  column: v.optional(v.string()),
})

/** The part of a job that is stored. */
export const StoredJobSchema = v.object({
  id,
  request: v.pipe(v.unknown(), v.transform(upgradeRequest), GenerateRequestSchema),
  /** the starter, or the source of a downloaded model */
  modelId: id,
  modelName: v.string(),
  /** a `paused` one keeps its checkpoint; a failed or cancelled one can be retried */
  status: v.picklist(['waiting', 'running', 'paused', 'failed', 'done', 'cancelled']),
  /** of the library; null when the clip could not be saved */
  resultId: v.optional(v.nullable(v.string())),
  batch: v.optional(BatchPlaceSchema),
})

/** See {@link BatchPlaceSchema}. */
export type BatchPlace = v.InferOutput<typeof BatchPlaceSchema>

/** One requested clip. Its id is also that of its checkpoint. */
export interface QueueJob extends v.InferOutput<typeof StoredJobSchema> {
  /** why it failed */
  error?: ErrorData
}

const StoredQueue = v.array(v.unknown())

/** Whether the job is not finished. Pure. */
export function isOpen({ status }: Pick<QueueJob, 'status'>): boolean {
  return status === 'waiting' || status === 'running' || status === 'paused'
}

/** Ids of the jobs that may resume, so that their checkpoints are kept. Pure. */
export function wantedIds(jobs: readonly QueueJob[]): string[] {
  return jobs.filter((job) => isOpen(job) || job.status === 'failed').map(({ id }) => id)
}

/** The jobs in a stored value of any version; unreadable ones are left out. Pure. */
export function readJobs(stored: unknown): QueueJob[] {
  const list = v.safeParse(StoredQueue, stored)
  if (!list.success) return []
  return list.output.flatMap((entry) => {
    const job = v.safeParse(StoredJobSchema, entry)
    return job.success ? [job.output] : []
  })
}

/**
 * The jobs that a closed page has left, as this page takes them over: unfinished ones are paused, and of the finished ones only those
 * of an unfinished batch stay, so that the batch is shown complete. Empty when all were finished. Pure.
 */
export function adopted(jobs: readonly QueueJob[]): QueueJob[] {
  // the error of a failed job is not stored: it can be retried
  const paused = jobs.filter(({ status }) => status !== 'cancelled').map((job): QueueJob => (job.status === 'done' ? job : { ...job, status: 'paused' }))
  const batches = new Set(paused.flatMap(({ status, batch }) => (status === 'paused' && batch ? [batch.id] : [])))
  return paused.filter(({ status, batch }) => status === 'paused' || (batch && batches.has(batch.id)))
}

/**
 * The list that new jobs are added to: the whole list while a job is open; otherwise a new list with the failed jobs, which can be
 * retried. A single failed job is left out: its settings are still in the form. Pure.
 */
export function openList(jobs: readonly QueueJob[]): readonly QueueJob[] {
  if (jobs.some(isOpen)) return jobs
  return jobs.length > 1 ? jobs.filter(({ status }) => status === 'failed') : []
}

/** The list with a job one position up (−1) or down (+1). Pure. */
export function movedBy(jobs: readonly QueueJob[], jobId: string, by: -1 | 1): readonly QueueJob[] {
  const from = jobs.findIndex((job) => job.id === jobId)
  const other = jobs[from + by]
  return from < 0 || !other ? jobs : movedTo(jobs, jobId, other.id)
}

/** The list with a job at the position of another one; the jobs between them shift by one. Pure. */
export function movedTo(jobs: readonly QueueJob[], jobId: string, placeOf: string): readonly QueueJob[] {
  const job = jobs.find((entry) => entry.id === jobId)
  const to = jobs.findIndex((entry) => entry.id === placeOf)
  if (!job || to < 0) return jobs
  return jobs.filter((entry) => entry !== job).toSpliced(to, 0, job)
}

/** The list with other jobs instead of one, or at the end when it is gone. Pure. */
export function replaced(jobs: readonly QueueJob[], jobId: string, others: readonly QueueJob[]): readonly QueueJob[] {
  const at = jobs.findIndex((job) => job.id === jobId)
  return at < 0 ? [...jobs, ...others] : jobs.toSpliced(at, 1, ...others)
}

/** The list with a waiting copy right after a job. Pure. @param copyId of the copy */
export function duplicated(jobs: readonly QueueJob[], jobId: string, copyId: string): readonly QueueJob[] {
  const at = jobs.findIndex((job) => job.id === jobId)
  const job = jobs[at]
  if (!job) return jobs
  const { request, modelId, modelName } = job
  return jobs.toSpliced(at + 1, 0, { id: copyId, request, modelId, modelName, status: 'waiting' })
}

/** The list with fields of one job changed. Pure. */
export function changed(jobs: readonly QueueJob[], jobId: string, change: Partial<QueueJob>): readonly QueueJob[] {
  return jobs.map((job) => (job.id === jobId ? { ...job, ...change } : job))
}
