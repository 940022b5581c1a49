// Times of one repetition, measured in turns A B A B: a temporary slowdown of the machine affects both sides.

/** Consecutive repetitions of the work in a run. The difference of runs of eight and of one is seven repetitions, without start and end. */
export type Repetitions = 1 | 8

/** Ours or the peer's side, with everything it needs on the device. */
export interface Side {
  /** the kernels or operators of the work */
  kernel: string
  /** Runs the repetitions one after the other and waits for a few values of the last result. → those values */
  run(repetitions: Repetitions): Promise<Float32Array>
  close(): Promise<void>
}

/** One turn of each side: milliseconds of one repetition. */
export interface Pair {
  oursMs: number
  peerMs: number | null
}

export interface TurnLimits {
  /** wanted turns, and the minimum once `seconds` have passed */
  pairs: number
  fewestPairs: number
  seconds: number
}

/** Fewer turns on a software adapter, which takes seconds for a GPU's millisecond. @param pairs as requested */
export function turnLimits(software: boolean, pairs: number | undefined): TurnLimits {
  const usual = software ? { pairs: 5, fewestPairs: 3, seconds: 60 } : { pairs: 15, fewestPairs: 5, seconds: 20 }
  return pairs === undefined ? usual : { pairs, fewestPairs: pairs, seconds: 0 }
}

/** Runs both sides once, then in turns. */
export async function takeTurns(ours: Side, peer: Side | undefined, limits: TurnLimits): Promise<Pair[]> {
  await ours.run(1)
  await peer?.run(1)
  const pairs: Pair[] = []
  const end = performance.now() + limits.seconds * 1000
  while (pairs.length < limits.pairs && (pairs.length < limits.fewestPairs || performance.now() < end)) {
    const oursMs = await repetitionMs(ours)
    pairs.push({ oursMs, peerMs: peer ? await repetitionMs(peer) : null })
  }
  return pairs
}

/** Attempts before work counts as too short to measure beside other load. */
const TRIES = 8

/** (t₈ − t₁) / 7, measured again where a disturbance made one repetition take longer than eight. */
export async function repetitionMs(side: Side): Promise<number> {
  for (let i = 0; i < TRIES; i++) {
    const one = await runMs(side, 1)
    const eight = await runMs(side, 8)
    if (eight > one) return (eight - one) / 7
  }
  throw new Error(`${side.kernel}: expected eight repetitions to take longer than one, got the opposite ${TRIES} times. Close other programs and try again.`)
}

async function runMs(side: Side, repetitions: Repetitions): Promise<number> {
  const start = performance.now()
  await side.run(repetitions)
  return performance.now() - start
}

/** The `q` quantile by nearest rank. @throws RangeError for no values */
export function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  const value = sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(q * sorted.length) - 1))]
  if (value === undefined) throw new RangeError('quantile: expected at least one value, got none.')
  return value
}
