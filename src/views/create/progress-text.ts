import { formatBytes } from '../../components/quantities'
import type { JobState } from '../../shared/job'

/** What a running job was asked to do before its end. */
export type Ending = 'cancelled' | 'paused' | 'kept' | null

const ENDING = { cancelled: 'Stopping…', paused: 'Pausing…', kept: 'Finishing with what is made so far…' } as const

/** Where a job stands, in words that are read out as they change; empty while nothing happens. Pure. */
export function progressText(job: JobState, ending: Ending): string {
  const ends = ending && ENDING[ending]
  if (job.status === 'queued') return ends ?? 'Starting…'
  if (job.status === 'paused') return 'Paused. What is done so far is kept.'
  if (job.status === 'cancelled') return 'Cancelled. Nothing was kept.'
  if (job.status === 'done') return 'Done.'
  if (job.status !== 'running') return ''
  if (ends) return ends
  switch (job.stage) {
    case 'loading':
      return 'Loading the model'
    case 'tuning':
      return 'Trying out what is fastest on this GPU, once'
    case 'compiling':
      return 'Preparing the GPU'
    case 'encoding-text':
      return job.steps ? 'Preparing the text encoder, once' : 'Reading your words'
    case 'denoising':
      return job.steps ? `Denoising: step ${job.step ?? 0} of ${job.steps}` : 'Denoising'
    case 'decoding':
      return 'Developing the frames'
    case 'saving':
      return 'Saving to your library'
  }
}

/** Numbers that change too often to be read out. Pure. */
export function progressNumbers(job: JobState): string {
  if (job.status !== 'running') return ''
  if (job.stage === 'loading' && job.totalBytes) return `${formatBytes(job.loadedBytes ?? 0)} of ${formatBytes(job.totalBytes)}`
  if ((job.stage === 'decoding' || job.stage === 'compiling') && job.steps) return `${job.step ?? 0} of ${job.steps}`
  if (job.stage === 'encoding-text' && job.steps) return `${Math.floor((100 * (job.step ?? 0)) / job.steps)} %`
  return ''
}

/** How much of the present stage is done, 0 to 1; null when it does not tell. Pure. */
export function stageFraction(job: JobState): number | null {
  if (job.status !== 'running') return null
  if (job.stage === 'loading' && job.totalBytes) return Math.min(1, (job.loadedBytes ?? 0) / job.totalBytes)
  if (job.stage !== 'loading' && job.steps) return Math.min(1, (job.step ?? 0) / job.steps)
  return null
}

/** How far the picture is out of the noise, 0 to 1. Pure. */
export function focusOf(job: JobState): number {
  if (job.status !== 'running') return 1
  if (job.stage === 'denoising') return job.steps ? Math.min(1, (job.step ?? 0) / job.steps) : 0
  return job.stage === 'decoding' || job.stage === 'saving' ? 1 : 0
}
