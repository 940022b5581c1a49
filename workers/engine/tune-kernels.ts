// A short autotune: each kernel of a menu does the work a few times, in turns with the others, and the fastest is taken.
import type { Gpu } from './device'
import { kernelsOf, type Candidate } from './kernel-selector'
import { Scope } from './scope'

/** Turns that each kernel is given. */
const TURNS = 3
/** Work shorter than this is repeated: a wait for the GPU takes up to a millisecond by itself. */
const TURN_MS = 8
const MOST_REPEATS = 16
/** The usual kernel stays unless another takes less than this share of its time: a tie is no reason for other sums. */
const CLEARLY_FASTER = 0.97
/** After a turn, what takes this many times as long as the best is out of it. */
const FAR_BEHIND = 1.5

/** What was found for one trial. */
export interface Tuned {
  key: string
  /** the fastest of those that differ in rounding alone */
  kernel: string
  /** a approximate one that is faster than that */
  approximate?: string
  /** of each kernel that compiled in time: milliseconds of one run, the least of its turns; empty where time did not suffice */
  ms: Record<string, number>
}

/**
 * Times the kernels of these trials for `budgetMs` in all, compiling included, the lightest work first: it tells how long the others would
 * take, and what the time left is too short for keeps the fixed table's kernel.
 */
export async function tuneKernels(signal: AbortSignal, gpu: Gpu, trials: readonly Candidate[], budgetMs: number): Promise<Tuned[]> {
  const end = performance.now() + budgetMs
  const scratch = new Scope(gpu)
  const lightestFirst = [...trials].sort((a, b) => a.flops - b.flops)
  // all compile side by side; what is not there in time is not tried
  const compiled = new Set<string>()
  const compiling = lightestFirst.flatMap((trial) =>
    kernelsOf(trial).map((kernel) =>
      gpu.compile(() => scratch.within((own) => trial.run(own, kernel))).then(() => void compiled.add(`${trial.key} ${kernel}`))))
  await Promise.race([Promise.all(compiling), timeout(budgetMs / 2)])
  void Promise.allSettled(compiling)

  /** milliseconds for each operation, as it went last */
  let pace = 0
  const tuned: Tuned[] = []
  for (const trial of lightestFirst) {
    signal.throwIfAborted()
    const { key, menu, approximate = [], flops } = trial
    const ready = (kernels: readonly string[]) => kernels.filter((kernel) => compiled.has(`${key} ${kernel}`))
    const kernels = ready(kernelsOf(trial))
    const usual = menu[0] as string
    const left = end - performance.now()
    const turns = Math.min(TURNS, Math.floor(left / Math.max(pace * flops * kernels.length, 1)) - 1) // one more: the first run of each does not count
    if (turns < 1 || !kernels.includes(usual)) {
      tuned.push({ key, kernel: usual, ms: {} })
      continue
    }
    const ms = await takeTurns(signal, gpu, trial, kernels, turns)
    const kernel = fastest(ready(menu), ms)
    const best = fastest([kernel, ...ready(approximate)], ms)
    tuned.push({ key, kernel, ...(best !== kernel && { approximate: best }), ms })
    pace = (ms[kernel] as number) / flops
  }
  return tuned
}

/** The fastest of these, where it is clearly faster than the first. */
function fastest(kernels: readonly string[], ms: Record<string, number>): string {
  const best = [...kernels].sort((a, b) => (ms[a] as number) - (ms[b] as number))[0] as string
  const usual = kernels[0] as string
  return (ms[best] as number) < CLEARLY_FASTER * (ms[usual] as number) ? best : usual
}

/** Milliseconds of one run of each, the least of its turns. What is far behind after the first turn gets no more of them. */
async function takeTurns(signal: AbortSignal, gpu: Gpu, trial: Candidate, kernels: readonly string[], turns: number): Promise<Record<string, number>> {
  const least: Record<string, number> = {}
  const repeats: Record<string, number> = {}
  for (const kernel of kernels) {
    const once = await timed(signal, gpu, trial, kernel, 1) // drivers finish compiling when a kernel first runs
    repeats[kernel] = Math.max(1, Math.min(MOST_REPEATS, Math.floor(TURN_MS / Math.max(once, 0.1))))
  }
  let running = kernels
  for (let turn = 0; turn < turns; turn++) {
    for (const kernel of running) {
      least[kernel] = Math.min(least[kernel] ?? Infinity, await timed(signal, gpu, trial, kernel, repeats[kernel] as number))
    }
    const best = Math.min(...Object.values(least))
    running = kernels.filter((kernel) => (least[kernel] as number) < FAR_BEHIND * best)
  }
  return least
}

/** Milliseconds of one run of `repeats` one after the other. */
async function timed(signal: AbortSignal, gpu: Gpu, trial: Candidate, kernel: string, repeats: number): Promise<number> {
  await gpu.settle()
  signal.throwIfAborted() // the job's tensors, and soon its weights, are gone
  const start = performance.now()
  const scratch = new Scope(gpu)
  for (let i = 0; i < repeats; i++) scratch.within((own) => trial.run(own, kernel))
  await gpu.settle()
  return (performance.now() - start) / repeats
}

function timeout(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
