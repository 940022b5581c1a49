// Times of one job: what was spent, and what is likely left.

/** A guess, before anything is known: decoding takes about as long as this many denoise steps. */
const DECODE_STEPS = 1.5

/** Measures a job in milliseconds of performance.now(). */
export class JobClock {
  readonly startMs = performance.now()
  readonly stepMs: number[] = []
  /** of the transformer, and those of them that went without all blocks but the first */
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
   * Seconds left in this window's loop, in the windows after it, and in their decoding; undefined before the first step. The first step
   * compiles, so later ones count.
   * @param step of `steps` that this window has taken
   * @param chunksAfter still to be made
   */
  etaSeconds(step: number, steps: number, chunksAfter: number): number | undefined {
    const warm = this.stepMs.length > 1 ? this.stepMs.slice(1) : this.stepMs
    if (warm.length === 0) return undefined
    const mean = warm.reduce((sum, ms) => sum + ms, 0) / warm.length
    return (mean * (steps - step + DECODE_STEPS + chunksAfter * (steps + DECODE_STEPS))) / 1000
  }
}
