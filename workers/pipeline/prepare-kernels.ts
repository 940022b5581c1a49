// All kernels of a step, before the first step: tuned where that is enabled, and compiled.
import type { Gpu } from '../engine/device'
import { allVariants, type Candidate } from '../engine/kernel-selector'
import { Scope, withScope } from '../engine/scope'
import type { Tensor } from '../engine/tensor'
import { tuneKernels, type Tuned } from '../engine/tune-kernels'
import type { TuningCache } from '../storage/tuning-cache'
import { sha256Hex } from '../weights/sha256'
import { untilAborted } from '../engine/until-aborted'
import type { JobContext } from './job-context'

/** Time budget of tuning for a clip of a new size. */
const TUNE_MS = 1500
/**
 * Largest relative error of a step with approximate kernels: √(Σ(approximate − exact)²) / √(Σexact²) of the estimate after it. A fifth of
 * what int8 weights may differ from diffusers' floats.
 */
const APPROXIMATE_LIMIT = 0.01

/** The work that kernels are prepared for. */
export interface StepWork {
  /** dispatches everything that is to come; reads nothing back */
  dispatch: () => void
  /** the first step's estimate, f32, in this scope */
  estimate: (scope: Scope) => Tensor
}

/** Tunes, where the job has a tuning cache, and compiles. Without one the kernels are those of the fixed table. */
export async function prepareKernels(job: JobContext, work: StepWork): Promise<void> {
  const { signal, gpu, report, tuningCache } = job
  report({ stage: 'compiling' })
  if (tuningCache) await chooseKernels(job, work, tuningCache)
  await untilAborted(
    signal,
    gpu.compile(work.dispatch, (done, of) => report({ stage: 'compiling', step: done, steps: of })),
  )
}

/** Takes what an earlier job found, as long as no variant has changed since; tunes the rest. */
async function chooseKernels({ signal, gpu, report }: JobContext, work: StepWork, cache: TuningCache): Promise<void> {
  const candidates = gpu.selector.collect(() => void gpu.record(work.dispatch)).filter(({ key }) => !gpu.selector.has(key))
  const code = new Map<string, string>()
  for (const candidate of candidates) code.set(candidate.key, await codeOf(gpu, candidate))
  for (const { key, kernel, ...kept } of await cache.find([...code.keys()])) if (kept.code === code.get(key)) gpu.selector.set(key, kernel)
  const open = candidates.filter(({ key }) => !gpu.selector.has(key))
  if (open.length === 0) return
  report({ stage: 'tuning' })
  const used = new Set(gpu.queue.used)
  const tuned = await untilAborted(signal, tuneKernels(signal, gpu, open, TUNE_MS))
  const chosen = await untilAborted(signal, selectKernels(signal, gpu, tuned, work.estimate))
  // variants that were only timed do not belong in the job's report
  gpu.queue.used.clear()
  for (const kernel of used) gpu.queue.used.add(kernel)
  await cache.save([...chosen].map(([key, kernel]) => ({ key, kernel, code: code.get(key) as string })))
}

/**
 * Selects the fastest variants. Approximate ones are selected, all that are faster or none, where the first step stays within the limit.
 * @param estimate the first step's, f32, in this scope
 * @returns kernels by key
 */
export async function selectKernels(signal: AbortSignal, gpu: Gpu, tuned: readonly Tuned[], estimate: StepWork['estimate']): Promise<Map<string, string>> {
  const take = (kernelFor: (one: Tuned) => string): Map<string, string> => {
    for (const one of tuned) gpu.selector.set(one.key, kernelFor(one))
    return new Map(tuned.map((one) => [one.key, kernelFor(one)]))
  }
  const look = async (): Promise<Float32Array> => {
    await gpu.compile(() => new Scope(gpu).within((own) => void estimate(own)))
    signal.throwIfAborted() // the job's tensors are gone
    return withScope(gpu, (own) => gpu.read(estimate(own)))
  }
  const exact = take(({ kernel }) => kernel)
  if (!tuned.some(({ approximate }) => approximate)) return exact
  const expected = await look()
  const approximate = take(({ kernel, approximate = kernel }) => approximate)
  if (difference(await look(), expected) <= APPROXIMATE_LIMIT) return approximate
  return take(({ kernel }) => kernel)
}

/** √(Σ(values − expected)²) / √(Σexpected²) */
function difference(values: Float32Array, expected: Float32Array): number {
  let off = 0
  let all = 0
  expected.forEach((value, index) => {
    off += ((values[index] as number) - value) ** 2
    all += value ** 2
  })
  return Math.sqrt(off / all)
}

/** Hex SHA-256 of the WGSL of all variants of a candidate. */
function codeOf(gpu: Gpu, candidate: Candidate): Promise<string> {
  const kernels = gpu.record(() => allVariants(candidate).forEach((variant) => candidate.run(variant)))
  return sha256Hex(new TextEncoder().encode(kernels.map(({ wgsl }) => wgsl).join('\n')))
}
