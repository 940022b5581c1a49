// What every part of a job shares: how it is stopped, where it runs, whom it reports to, and where it can resume.
import type { JobProgress } from '../../src/shared/job'
import type { Gpu } from '../engine/device'
import type { JobCheckpoint } from '../storage/checkpoints'
import type { TuningCache } from '../storage/tuning-cache'

/** One job's context; the first parameter of everything in the pipeline that waits. */
export interface JobContext {
  /** stops the job at the next wait */
  signal: AbortSignal
  gpu: Gpu
  clock: JobClock
  report: (progress: JobProgress) => void
  /** where the job's steps are stored; null: nowhere, so that it starts afresh when it is run again */
  checkpoint: JobCheckpoint | null
  /** where the fastest kernels are cached once they are found; undefined: the fixed table's are used */
  tuningCache: TuningCache | undefined
}

/** A guess, before anything is measured: decoding takes about as long as this many denoise steps. */
const DECODE_STEPS = 1.5

/** Measures a job, in milliseconds of performance.now(). */
export class JobClock {
  readonly startMs = performance.now()
  readonly stepMs: number[] = []
  /** forward passes of the transformer, and those of them that ran its first block alone */
  evaluations = 0
  evaluationsSkipped = 0
  textMs = 0
  decodeMs = 0
  encodeMs = 0
  private markMs = this.startMs

  /** Milliseconds since the last lap (or the start). */
  lap(): number {
    const now = performance.now()
    const elapsed = now - this.markMs
    this.markMs = now
    return elapsed
  }

  get totalMs(): number {
    return performance.now() - this.startMs
  }

  /**
   * Seconds left in this chunk's denoise loop, in the chunks after it, and in their decoding; undefined before the first step. The first
   * step compiles, so later ones count.
   * @param step of `steps` that this chunk has taken
   * @param chunksAfter still to be generated
   */
  etaSeconds(step: number, steps: number, chunksAfter: number): number | undefined {
    const warm = this.stepMs.length > 1 ? this.stepMs.slice(1) : this.stepMs
    if (warm.length === 0) return undefined
    const mean = warm.reduce((sum, ms) => sum + ms, 0) / warm.length
    return (mean * (steps - step + DECODE_STEPS + chunksAfter * (steps + DECODE_STEPS))) / 1000
  }
}
