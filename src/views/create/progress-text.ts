import { formatBytes } from '../../components/quantities'
import type { JobState } from '../../shared/job'

/** How a running job was asked to stop. */
export type Ending = 'cancelled' | 'paused' | 'kept' | null

const ENDING = { cancelled: 'Canceling…', paused: 'Pausing…', kept: 'Saving the frames generated so far…' } as const

/** Status of a job, announced by screen readers as it changes; empty while idle. Pure. */
export function progressText(job: JobState, ending: Ending): string {
  const stopping = ending && ENDING[ending]
  if (job.status === 'queued') return stopping ?? 'Starting…'
  if (job.status === 'paused') return 'Paused. Progress is saved.'
  if (job.status === 'cancelled') return 'Canceled. Nothing was saved.'
  if (job.status === 'done') return 'Done.'
  if (job.status !== 'running') return ''
  if (stopping) return stopping
  switch (job.stage) {
    case 'loading':
      return 'Loading the model'
    case 'tuning':
      return 'Tuning for your GPU (first run only)'
    case 'compiling':
      return 'Compiling shaders'
    case 'encoding-text':
      return job.steps ? 'Preparing the text encoder (first run only)' : 'Encoding the prompt'
    case 'denoising':
      return job.steps ? `Denoising: step ${job.step ?? 0} of ${job.steps}` : 'Denoising'
    case 'decoding':
      return 'Decoding frames'
    case 'saving':
      return 'Saving to Library'
  }
}

/** Numbers of the progress, which change too often for screen readers. Pure. */
export function progressNumbers(job: JobState): string {
  if (job.status !== 'running') return ''
  if (job.stage === 'loading' && job.totalBytes) return `${formatBytes(job.loadedBytes ?? 0)} of ${formatBytes(job.totalBytes)}`
  if ((job.stage === 'decoding' || job.stage === 'compiling') && job.steps) return `${job.step ?? 0} of ${job.steps}`
  if (job.stage === 'encoding-text' && job.steps) return `${Math.floor((100 * (job.step ?? 0)) / job.steps)} %`
  return ''
}

/** Completed fraction of the current stage, 0 to 1; null if unknown. Pure. */
export function stageFraction(job: JobState): number | null {
  if (job.status !== 'running') return null
  if (job.stage === 'loading' && job.totalBytes) return Math.min(1, (job.loadedBytes ?? 0) / job.totalBytes)
  if (job.stage !== 'loading' && job.steps) return Math.min(1, (job.step ?? 0) / job.steps)
  return null
}

/** Sharpness of the preview, 0 to 1: the completed fraction of the denoising steps. Pure. */
export function focusOf(job: JobState): number {
  if (job.status !== 'running') return 1
  if (job.stage === 'denoising') return job.steps ? Math.min(1, (job.step ?? 0) / job.steps) : 0
  return job.stage === 'decoding' || job.stage === 'saving' ? 1 : 0
}
