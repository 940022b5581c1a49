// A short autotune: the variants of each candidate run a few times in turns, and the fastest is selected.
import type { Gpu } from './device'
import { allVariants, type Candidate } from './kernel-selector'

/** Timed turns of each variant. */
const TURNS = 3
/** Shorter work is repeated within a turn: waiting for the GPU alone takes up to a millisecond. */
const TURN_MS = 8
const MAX_REPEATS = 16
/** Another variant replaces the fixed table's only if it takes less than this share of its time: a tie does not justify a change of rounding. */
const CLEARLY_FASTER = 0.97
/** After a turn, a variant that takes this many times as long as the best is dropped. */
const FAR_BEHIND = 1.5

/** The result for one candidate. */
export interface Tuned {
  key: string
  /** the fastest variant of those that differ in rounding alone */
  kernel: string
  /** an approximate variant that is faster than that */
  approximate?: string
  /** milliseconds of one run, the shortest turn, of each variant that compiled in time; empty if there was no time to measure */
  ms: Record<string, number>
}

/**
 * Times the candidates' variants for `budgetMs` in all, compilation included. The cheapest work comes first: its pace predicts how long the
 * rest takes, and candidates that no longer fit into the budget keep the fixed table's variant.
 */
export async function tuneKernels(signal: AbortSignal, gpu: Gpu, candidates: readonly Candidate[], budgetMs: number): Promise<Tuned[]> {
  const end = performance.now() + budgetMs
  const cheapestFirst = [...candidates].sort((a, b) => a.flops - b.flops)
  // all variants compile in parallel; one that is not compiled in time is not timed
  const compiled = new Set<string>()
  const compiling = cheapestFirst.flatMap((candidate) =>
    allVariants(candidate).map((variant) => gpu.compile(() => candidate.run(variant)).then(() => void compiled.add(`${candidate.key} ${variant}`))),
  )
  await Promise.race([Promise.all(compiling), timeout(budgetMs / 2)])
  void Promise.allSettled(compiling)

  /** milliseconds per operation of the last candidate */
  let pace = 0
  const tuned: Tuned[] = []
  for (const candidate of cheapestFirst) {
    signal.throwIfAborted()
    const { key, variants, approximate = [], flops } = candidate
    const ready = (wanted: readonly string[]) => wanted.filter((variant) => compiled.has(`${key} ${variant}`))
    const running = ready(allVariants(candidate))
    const usual = variants[0] as string
    const left = end - performance.now()
    const turns = Math.min(TURNS, Math.floor(left / Math.max(pace * flops * running.length, 1)) - 1) // minus each variant's first run, which is not timed
    if (turns < 1 || !running.includes(usual)) {
      tuned.push({ key, kernel: usual, ms: {} })
      continue
    }
    const ms = await takeTurns(signal, gpu, candidate, running, turns)
    const kernel = fastest(ready(variants), ms)
    const best = fastest([kernel, ...ready(approximate)], ms)
    tuned.push({ key, kernel, ...(best !== kernel && { approximate: best }), ms })
    pace = (ms[kernel] as number) / flops
  }
  return tuned
}

/** The fastest variant if it is clearly faster than the first, else the first. */
function fastest(variants: readonly string[], ms: Record<string, number>): string {
  const best = [...variants].sort((a, b) => (ms[a] as number) - (ms[b] as number))[0] as string
  const usual = variants[0] as string
  return (ms[best] as number) < CLEARLY_FASTER * (ms[usual] as number) ? best : usual
}

/** Milliseconds of one run of each variant, the shortest of its turns. Variants that are far behind after a turn get no more turns. */
async function takeTurns(signal: AbortSignal, gpu: Gpu, candidate: Candidate, variants: readonly string[], turns: number): Promise<Record<string, number>> {
  const shortest: Record<string, number> = {}
  const repeats: Record<string, number> = {}
  for (const variant of variants) {
    const once = await timed(signal, gpu, candidate, variant, 1) // drivers finish compiling when a kernel first runs
    repeats[variant] = Math.max(1, Math.min(MAX_REPEATS, Math.floor(TURN_MS / Math.max(once, 0.1))))
  }
  let running = variants
  for (let turn = 0; turn < turns; turn++) {
    for (const variant of running) {
      shortest[variant] = Math.min(shortest[variant] ?? Infinity, await timed(signal, gpu, candidate, variant, repeats[variant] as number))
    }
    const best = Math.min(...Object.values(shortest))
    running = variants.filter((variant) => (shortest[variant] as number) < FAR_BEHIND * best)
  }
  return shortest
}

/** Milliseconds of one run, averaged over `repeats` consecutive runs. */
async function timed(signal: AbortSignal, gpu: Gpu, candidate: Candidate, variant: string, repeats: number): Promise<number> {
  await gpu.settle()
  signal.throwIfAborted() // the job's tensors and weights may be freed by now
  const start = performance.now()
  for (let i = 0; i < repeats; i++) candidate.run(variant)
  await gpu.settle()
  return (performance.now() - start) / repeats
}

function timeout(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
