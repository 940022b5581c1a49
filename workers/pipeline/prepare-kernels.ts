// All kernels of a step, before the first one: chosen where that is wanted, and compiled.
import type { ProgressEvent } from '../../src/shared/job'
import type { Gpu } from '../engine/device'
import type { Trial } from '../engine/kernel-choices'
import { Scope } from '../engine/scope'
import { tuneKernels } from '../engine/tune-kernels'
import type { KernelMemory } from '../storage/kernel-memory'
import { sha256Hex } from '../weights/sha256'
import { untilAborted } from './until-aborted'

/** What all trying of kernels together may take for a clip of a new size. */
const TUNE_MS = 1500

/**
 * @param step dispatches all that is to come; reads nothing back
 * @param memory where choices are kept; without it the fixed table's kernels are taken
 */
export async function prepareKernels(signal: AbortSignal, gpu: Gpu, step: () => void, memory: KernelMemory | undefined, tell: (event: ProgressEvent) => void): Promise<void> {
  tell({ stage: 'compiling' })
  if (memory) await chooseKernels(signal, gpu, step, memory, tell)
  await untilAborted(signal, gpu.compile(step, (done, of) => tell({ stage: 'compiling', step: done, steps: of })))
}

/** Those that an earlier visit found, as long as no kernel of the menu has changed since; the others are tried. */
async function chooseKernels(signal: AbortSignal, gpu: Gpu, step: () => void, memory: KernelMemory, tell: (event: ProgressEvent) => void): Promise<void> {
  const trials = gpu.choices.note(() => void gpu.rehearse(step)).filter(({ key }) => !gpu.choices.has(key))
  const code = new Map<string, string>()
  for (const trial of trials) code.set(trial.key, await codeOf(gpu, trial))
  for (const { key, kernel, ...kept } of await memory.find([...code.keys()])) if (kept.code === code.get(key)) gpu.choices.set(key, kernel)
  const open = trials.filter(({ key }) => !gpu.choices.has(key))
  if (open.length === 0) return
  tell({ stage: 'tuning' })
  const used = new Set(gpu.queue.used)
  const tuned = await untilAborted(signal, tuneKernels(signal, gpu, open, TUNE_MS))
  // what was only tried is not in the job's record
  gpu.queue.used.clear()
  for (const kernel of used) gpu.queue.used.add(kernel)
  for (const { key, kernel } of tuned) gpu.choices.set(key, kernel)
  await memory.keep(tuned.map(({ key, kernel }) => ({ key, kernel, code: code.get(key) as string })))
}

/** Hex SHA-256 of the WGSL of all kernels of a menu. */
function codeOf(gpu: Gpu, { menu, run }: Trial): Promise<string> {
  const scratch = new Scope(gpu)
  const kernels = gpu.rehearse(() => menu.forEach((kernel) => scratch.within((own) => run(own, kernel))))
  return sha256Hex(new TextEncoder().encode(kernels.map(({ wgsl }) => wgsl).join('\n')))
}
