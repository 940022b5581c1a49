// The two that are compared, seen alike.

/** Times that the work is done one after the other: a run of eight less a run of one leaves seven, and no beginning or end. */
export type Repetitions = 1 | 8

/** Ours or the peer's, with all it needs on the device. */
export interface Side {
  /** the kernels or operators that do the work */
  kernel: string
  /** Does the work so many times, each after the other, and waits for a few values of the last result. → those values */
  run(repetitions: Repetitions): Promise<Float32Array>
  close(): Promise<void>
}
