// The queue as a list: what a job is, how it is kept, and how the list changes. Pure.
import * as v from 'valibot'
import type { ErrorData } from '../shared/errors'
import { GenerateRequestSchema } from '../shared/request'
import { upgradeRequest } from '../shared/upgrade'

const id = v.pipe(v.string(), v.minLength(1))

/** A job's place in a batch: jobs that were asked for at once, and are looked at side by side. */
export const BatchPlaceSchema = v.object({
  /** of the batch */
  id,
  /** what tells this one from the others */
  label: v.string(),
  /** headings of its row and column, where the batch is a table */
  row: v.optional(v.string()),
  column: v.optional(v.string()),
})

/** What of a job outlives the page. */
export const StoredJobSchema = v.object({
  id,
  request: v.pipe(v.unknown(), v.transform(upgradeRequest), GenerateRequestSchema),
  /** the starter, or the source of a downloaded model */
  modelId: id,
  modelName: v.string(),
  /** `paused` keeps what was done so far; a failed or cancelled one can be tried again */
  status: v.picklist(['waiting', 'running', 'paused', 'failed', 'done', 'cancelled']),
  /** of the library; null when the clip could not be saved */
  resultId: v.optional(v.nullable(v.string())),
  batch: v.optional(BatchPlaceSchema),
})

/** See {@link BatchPlaceSchema}. */
export type BatchPlace = v.InferOutput<typeof BatchPlaceSchema>

/** One clip that was asked for. Its id is also that of its checkpoint. */
export interface QueueJob extends v.InferOutput<typeof StoredJobSchema> {
  /** why it failed */
  error?: ErrorData
}

const StoredQueue = v.array(v.unknown())

/** Whether something of it is still to be done. Pure. */
export function isOpen({ status }: Pick<QueueJob, 'status'>): boolean {
  return status === 'waiting' || status === 'running' || status === 'paused'
}

/** Ids of the jobs that may go on some day, so that what was done of them is to be kept. Pure. */
export function wantedIds(jobs: readonly QueueJob[]): string[] {
  return jobs.filter((job) => isOpen(job) || job.status === 'failed').map(({ id }) => id)
}

/** The jobs in a stored value; what cannot be read is left out. Pure. */
export function readJobs(stored: unknown): QueueJob[] {
  const list = v.safeParse(StoredQueue, stored)
  if (!list.success) return []
  return list.output.flatMap((entry) => {
    const job = v.safeParse(StoredJobSchema, entry)
    return job.success ? [job.output] : []
  })
}

/**
 * What another page left behind, as this one takes it over: whatever was not finished waits for a word, and of what was finished only the
 * rest of a batch stays, so that the batch is seen whole. Empty when all was done. Pure.
 */
export function adopted(jobs: readonly QueueJob[]): QueueJob[] {
  // why one failed was not kept: it is tried again
  const paused = jobs.filter(({ status }) => status !== 'cancelled').map((job): QueueJob => (job.status === 'done' ? job : { ...job, status: 'paused' }))
  const batches = new Set(paused.flatMap(({ status, batch }) => (status === 'paused' && batch ? [batch.id] : [])))
  return paused.filter(({ status, batch }) => status === 'paused' || (batch && batches.has(batch.id)))
}

/**
 * The list that new jobs are added to. While something is open it is all that is there; else a new list begins, without what came to its
 * end. Failed ones stay to be tried again, but for a lone one: its words are in the form still. Pure.
 */
export function goingOn(jobs: readonly QueueJob[]): readonly QueueJob[] {
  if (jobs.some(isOpen)) return jobs
  return jobs.length > 1 ? jobs.filter(({ status }) => status === 'failed') : []
}

/** The list with a job one place up (−1) or down (+1). Pure. */
export function movedBy(jobs: readonly QueueJob[], jobId: string, by: -1 | 1): readonly QueueJob[] {
  const from = jobs.findIndex((job) => job.id === jobId)
  const other = jobs[from + by]
  return from < 0 || !other ? jobs : movedTo(jobs, jobId, other.id)
}

/** The list with a job in the place of another one, which makes room towards where the first came from. Pure. */
export function movedTo(jobs: readonly QueueJob[], jobId: string, placeOf: string): readonly QueueJob[] {
  const job = jobs.find((entry) => entry.id === jobId)
  const to = jobs.findIndex((entry) => entry.id === placeOf)
  if (!job || to < 0) return jobs
  return jobs.filter((entry) => entry !== job).toSpliced(to, 0, job)
}

/** The list with others in a job's place, or at the end when it is gone. Pure. */
export function replaced(jobs: readonly QueueJob[], jobId: string, others: readonly QueueJob[]): readonly QueueJob[] {
  const at = jobs.findIndex((job) => job.id === jobId)
  return at < 0 ? [...jobs, ...others] : jobs.toSpliced(at, 1, ...others)
}

/** The list with a copy right behind a job, to be made as well. Pure. @param copyId of the copy */
export function duplicated(jobs: readonly QueueJob[], jobId: string, copyId: string): readonly QueueJob[] {
  const at = jobs.findIndex((job) => job.id === jobId)
  const job = jobs[at]
  if (!job) return jobs
  const { request, modelId, modelName } = job
  return jobs.toSpliced(at + 1, 0, { id: copyId, request, modelId, modelName, status: 'waiting' })
}

/** The list with something of one job changed. Pure. */
export function changed(jobs: readonly QueueJob[], jobId: string, change: Partial<QueueJob>): readonly QueueJob[] {
  return jobs.map((job) => (job.id === jobId ? { ...job, ...change } : job))
}
