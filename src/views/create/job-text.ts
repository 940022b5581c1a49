import { errorSentence } from '../../components/error-sentence'
import type { JobState } from '../../shared/job'
import type { QueueJob } from '../../state/queue-jobs'
import { progressText, type Ending } from './progress-text'

/** What the list knows of a job beside the job itself. */
export interface JobSituation {
  /** of the job that runs */
  progress: JobState
  ending: Ending
  /** the job that is in the form */
  editing: string | null
}

/** Where a job of the queue stands, in a few words. Pure. */
export function jobText({ id, status, error }: QueueJob, { progress, ending, editing }: JobSituation): string {
  if (id === editing) return 'In the form'
  switch (status) {
    case 'waiting':
      return 'Waiting'
    case 'running':
      return progressText(progress, ending) || 'Starting…'
    case 'paused':
      return 'Paused'
    case 'failed':
      return error ? errorSentence(error).title : 'It failed.'
    case 'done':
      return 'Done'
    case 'cancelled':
      return 'Cancelled'
  }
}

/** What is in the queue, by how it stands: "1 running, 3 waiting". Pure. */
export function queueText(jobs: readonly Pick<QueueJob, 'status'>[]): string {
  const order = ['running', 'waiting', 'paused', 'failed', 'done', 'cancelled'] as const
  return order
    .map((status) => ({ status, count: jobs.filter((job) => job.status === status).length }))
    .filter(({ count }) => count > 0)
    .map(({ status, count }) => `${count} ${status}`)
    .join(', ')
}

/** What a page that is gone has left. Pure. */
export function offerText(count: number): string {
  return count === 1 ? 'A clip was not finished when this page was closed.' : `${count} clips were waiting when this page was closed.`
}

/** How much quicker drafts are, where it is worth a word. Pure. @param ratio how many times as long a clip took; null: not known */
export function draftShareText(ratio: number | null): string {
  return ratio !== null && ratio >= 1.5 ? `A draft took 1/${Math.round(ratio)} of a clip’s time.` : ''
}
