// Time of one repetition, measured in turns A B A B: what slows the machine down for a while slows both.
import type { Side } from './side'

/** One turn of each. Milliseconds of one repetition. */
export interface Pair {
  oursMs: number
  peerMs: number | null
}

export interface TurnLimits {
  /** turns that are wanted, and the fewest that will do once `seconds` are over */
  pairs: number
  fewestPairs: number
  seconds: number
}

/** A software adapter takes seconds for what a GPU does in a millisecond. @param pairs as asked for */
export function turnLimits(software: boolean, pairs: number | undefined): TurnLimits {
  const usual = software ? { pairs: 5, fewestPairs: 3, seconds: 60 } : { pairs: 15, fewestPairs: 5, seconds: 20 }
  return pairs === undefined ? usual : { pairs, fewestPairs: pairs, seconds: 0 }
}

/** Runs both once, then in turns. */
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

/** Tries before work is said to be too short to be told from what else the machine does. */
const TRIES = 8

/** (t₈ − t₁) / 7, measured again where a disturbance made one run take longer than eight. */
export async function repetitionMs(side: Side): Promise<number> {
  for (let i = 0; i < TRIES; i++) {
    const one = await runMs(side, 1)
    const eight = await runMs(side, 8)
    if (eight > one) return (eight - one) / 7
  }
  throw new Error(`${side.kernel}: eight repetitions took no longer than one, ${TRIES} times over. Close what else is running, and try again.`)
}

async function runMs(side: Side, repetitions: 1 | 8): Promise<number> {
  const start = performance.now()
  await side.run(repetitions)
  return performance.now() - start
}

/** The value below which the share `q` of them lies: nearest rank. @throws RangeError of none */
export function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  const value = sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(q * sorted.length) - 1))]
  if (value === undefined) throw new RangeError('quantile: of no values.')
  return value
}
