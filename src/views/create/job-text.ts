import { errorMessage } from '../../components/error-message'
import type { JobState } from '../../shared/job'
import type { QueueJob } from '../../state/queue-jobs'
import { progressText, type Ending } from './progress-text'

/** State of the page that the text of a job depends on. */
export interface JobContext {
  /** progress of the running job */
  progress: JobState
  ending: Ending
  /** id of the job that is edited in the form */
  editing: string | null
}

/** Status of a job in the queue. Pure. */
export function jobText({ id, status, error }: QueueJob, { progress, ending, editing }: JobContext): string {
  if (id === editing) return 'Editing'
  switch (status) {
    case 'waiting':
      return 'Waiting'
    case 'running':
      return progressText(progress, ending) || 'Starting…'
    case 'paused':
      return 'Paused'
    case 'failed':
      return error ? errorMessage(error).title : 'Failed'
    case 'done':
      return 'Done'
    case 'cancelled':
      return 'Canceled'
  }
}

/** Number of jobs by status: "1 running, 3 waiting". Pure. */
export function queueText(jobs: readonly Pick<QueueJob, 'status'>[]): string {
  const order = ['running', 'waiting', 'paused', 'failed', 'done', 'cancelled'] as const
  return order
    .map((status) => ({ status, count: jobs.filter((job) => job.status === status).length }))
    .filter(({ count }) => count > 0)
    .map(({ status, count }) => `${count} ${status === 'cancelled' ? 'canceled' : status}`)
    .join(', ')
}

/** Title of the offer to resume the jobs of a closed page. Pure. */
export function unfinishedText(count: number): string {
  return count === 1 ? '1 unfinished clip from your last session' : `${count} unfinished clips from your last session`
}

/** Title of the notice about queue rows that could not be read. Pure. */
export function unreadQueueText(count: number): string {
  return count === 1 ? '1 clip of an earlier queue could not be restored.' : `${count} clips of an earlier queue could not be restored.`
}

/** How much faster drafts are; empty below 1.5 times. Pure. @param speedup duration of a clip divided by that of a draft; null if unknown */
export function draftSpeedText(speedup: number | null): string {
  return speedup !== null && speedup >= 1.5 ? `Drafts are about ${Math.round(speedup)}× faster than full clips.` : ''
}
