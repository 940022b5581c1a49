// All kernels of a step, before the first one: chosen where that is wanted, and compiled.
import type { JobProgress } from '../../src/shared/job'
import type { Gpu } from '../engine/device'
import { kernelsOf, type Candidate } from '../engine/kernel-selector'
import { Scope, withScope } from '../engine/scope'
import type { Tensor } from '../engine/tensor'
import { tuneKernels, type Tuned } from '../engine/tune-kernels'
import type { TuningCache } from '../storage/tuning-cache'
import { sha256Hex } from '../weights/sha256'
import { untilAborted } from './until-aborted'

/** What all trying of kernels together may take for a clip of a new size. */
const TUNE_MS = 1500
/**
 * How far a step may be off with approximate kernels: √(Σ(approximate − exact)²) / √(Σexact²) of the estimate after it. A fifth of what int8 weights
 * are allowed beside the floats of diffusers.
 */
const APPROXIMATE_LIMIT = 0.01

/** What is to be computed. */
export interface StepWork {
  /** dispatches all that is to come; reads nothing back */
  dispatch: () => void
  /** the first step's estimate, f32, in this scope */
  estimate: (scope: Scope) => Tensor
}

/** @param memory where choices are kept; without it the kernels are those of `gpu.choices` as it stands */
export async function prepareKernels(signal: AbortSignal, gpu: Gpu, work: StepWork, memory: TuningCache | undefined, tell: (event: JobProgress) => void): Promise<void> {
  tell({ stage: 'compiling' })
  if (memory) await chooseKernels(signal, gpu, work, memory, tell)
  await untilAborted(signal, gpu.compile(work.dispatch, (done, of) => tell({ stage: 'compiling', step: done, steps: of })))
}

/** Those that an earlier visit found, as long as no kernel of the menu has changed since; the others are tried. */
async function chooseKernels(signal: AbortSignal, gpu: Gpu, work: StepWork, memory: TuningCache, tell: (event: JobProgress) => void): Promise<void> {
  const trials = gpu.choices.note(() => void gpu.rehearse(work.dispatch)).filter(({ key }) => !gpu.choices.has(key))
  const code = new Map<string, string>()
  for (const trial of trials) code.set(trial.key, await codeOf(gpu, trial))
  for (const { key, kernel, ...kept } of await memory.find([...code.keys()])) if (kept.code === code.get(key)) gpu.choices.set(key, kernel)
  const open = trials.filter(({ key }) => !gpu.choices.has(key))
  if (open.length === 0) return
  tell({ stage: 'tuning' })
  const used = new Set(gpu.queue.used)
  const tuned = await untilAborted(signal, tuneKernels(signal, gpu, open, TUNE_MS))
  const chosen = await untilAborted(signal, selectKernels(signal, gpu, tuned, work.estimate))
  // what was only tried is not in the job's record
  gpu.queue.used.clear()
  for (const kernel of used) gpu.queue.used.add(kernel)
  await memory.save([...chosen].map(([key, kernel]) => ({ key, kernel, code: code.get(key) as string })))
}

/**
 * Sets what was found fastest. Coarse kernels are taken, all that are faster or none, where the first step is as good with them.
 * @param estimate the first step's, f32, in this scope
 * @returns kernels by key
 */
export async function selectKernels(signal: AbortSignal, gpu: Gpu, tuned: readonly Tuned[], estimate: StepWork['estimate']): Promise<Map<string, string>> {
  const take = (kernelFor: (one: Tuned) => string): Map<string, string> => {
    for (const one of tuned) gpu.choices.set(one.key, kernelFor(one))
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

/** Hex SHA-256 of the WGSL of all kernels of a menu. */
function codeOf(gpu: Gpu, trial: Candidate): Promise<string> {
  const scratch = new Scope(gpu)
  const kernels = gpu.rehearse(() => kernelsOf(trial).forEach((kernel) => scratch.within((own) => trial.run(own, kernel))))
  return sha256Hex(new TextEncoder().encode(kernels.map(({ wgsl }) => wgsl).join('\n')))
}
