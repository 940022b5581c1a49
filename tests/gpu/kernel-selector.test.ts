// Which kernels a job takes: the fixed table's, or those that were found fastest by trying them.
import { describe, expect, test } from 'vitest'
import { Gpu } from '../../workers/engine/device'
import { kernelVariants } from '../../workers/engine/kernel'
import { KernelSelector, tuningSize } from '../../workers/engine/kernel-selector'
import { withScope, type Scope } from '../../workers/engine/scope'
import type { Tensor } from '../../workers/engine/tensor'
import { tuneKernels } from '../../workers/engine/tune-kernels'
import { attention, attentionVariants } from '../../workers/ops/attention'
import { linear, linearVariants, uploadLinear } from '../../workers/ops/linear'
import { prepareKernels, selectKernels } from '../../workers/pipeline/prepare-kernels'
import type { CachedKernel } from '../../workers/storage/tuning-cache'
import { testGpu } from './open-gpu'
import { randomValues, relativeError } from './reference'

const { signal } = new AbortController()
const SIZE = { queries: 70, width: 96, heads: 2 }

/** Self-attention of one head size, and a linear layer behind it. */
async function withWork<T>(body: (gpu: Gpu, run: () => Promise<Float32Array>, dispatch: () => void, estimate: (scope: Scope) => Tensor) => Promise<T>): Promise<T> {
  const { device, facts } = await testGpu()
  const gpu = new Gpu(device, facts)
  return withScope(gpu, (scope) => {
    const values = (seed: number) => scope.upload(randomValues(seed, SIZE.queries * SIZE.width), [1, SIZE.queries, SIZE.width], 'f32')
    const [q, k, v] = [values(1), values(2), values(3)] as const
    const weight = uploadLinear(scope, { values: randomValues(4, SIZE.width ** 2, 0.1), out: SIZE.width, in: SIZE.width }, 'f16')
    const work = (own: Scope) => linear(own, attention(own, q, k, v, { heads: SIZE.heads }), weight)
    return body(gpu, () => withScope(gpu, (own) => gpu.read(work(own))), () => scope.within((own) => void work(own)), work)
  })
}

test('without a choice the fixed table holds, and only what was dispatched is in the record', () =>
  withWork(async (gpu, run) => {
    const { facts } = gpu
    await run()
    const names = Object.keys(kernelVariants(gpu.queue.used))
    expect(names).toHaveLength(2)
    expect(names.some((name) => name.startsWith('attention'))).toBe(true)
    expect(attentionVariants(facts, SIZE.width / SIZE.heads, 'f32').length, 'there is something to choose from').toBeGreaterThan(1)
    expect(linearVariants(facts, SIZE.queries, 'f16').length).toBeGreaterThan(1)
    gpu.choices.set('attention of no such work', 'none')
    await run()
    expect(Object.keys(kernelVariants(gpu.queue.used))).toEqual(names)
  }))

test('work is noted once, with the kernels that can do it; sizes a little apart are the same work', () =>
  withWork((gpu, _run, dispatch) => {
    const trials = gpu.choices.note(() => {
      gpu.rehearse(dispatch)
      gpu.rehearse(dispatch)
    })
    expect(trials.map(({ key }) => key)).toHaveLength(2)
    for (const { menu, flops } of trials) {
      expect(new Set(menu).size).toBe(menu.length)
      expect(flops).toBeGreaterThan(0)
    }
    expect([310, 362, 420].map(tuningSize)).toEqual([362, 362, 362])
    expect(tuningSize(512)).toBe(512)
    return Promise.resolve()
  }))

test('every kernel of a menu gives the same numbers, but for rounding', () =>
  withWork(async (gpu, run, dispatch) => {
    const usual = await run()
    for (const { key, menu } of gpu.choices.note(() => void gpu.rehearse(dispatch))) {
      for (const kernel of menu) {
        gpu.choices = new KernelSelector()
        gpu.choices.set(key, kernel)
        expect(relativeError(await run(), usual), `${key}: ${kernel}`).toBeLessThan(1e-5)
      }
    }
  }))

test('the fastest is taken, and a tie is none', () =>
  withWork(async (gpu, _run, dispatch) => {
    const trials = gpu.choices.note(() => void gpu.rehearse(dispatch))
    const before = gpu.pool.liveBuffers
    const tuned = await tuneKernels(signal, gpu, trials, 60_000)
    expect(tuned.map(({ key }) => key).sort()).toEqual(trials.map(({ key }) => key).sort())
    for (const { key, kernel, ms } of tuned) {
      const { menu } = trials.find((trial) => trial.key === key) ?? { menu: [] }
      expect(Object.keys(ms).sort(), 'all were timed').toEqual([...menu].sort())
      const usual = ms[menu[0] as string] as number
      const best = Math.min(...Object.values(ms))
      if (kernel === menu[0]) expect(best).toBeGreaterThanOrEqual(0.97 * usual)
      else expect(ms[kernel]).toBe(best)
    }
    expect(gpu.pool.liveBuffers, 'what was tried on is freed').toBe(before)
  }))

test('no time is no choice; a stopped job chooses nothing', () =>
  withWork(async (gpu, _run, dispatch) => {
    const trials = gpu.choices.note(() => void gpu.rehearse(dispatch))
    for (const { key, kernel, ms } of await tuneKernels(signal, gpu, trials, 0)) {
      expect(ms).toEqual({})
      expect(kernel).toBe(trials.find((trial) => trial.key === key)?.menu[0])
    }
    expect(gpu.queue.used.size, 'nothing was dispatched').toBe(0)
    await expect(tuneKernels(AbortSignal.abort(), gpu, trials, 1000)).rejects.toThrow('aborted')
    const controller = new AbortController()
    let runs = 0
    const stopping = trials.map((trial) => ({
      ...trial,
      run(scope: Scope, kernel: string) {
        trial.run(scope, kernel)
        if (gpu.queue.dryRun) return
        runs++
        controller.abort()
      },
    }))
    await expect(tuneKernels(controller.signal, gpu, stopping, 60_000)).rejects.toThrow('aborted')
    expect(runs, 'what the job was stopped in is the last').toBe(1)
  }))

test('what was found is kept, and taken by the next job while the code is the same', () =>
  withWork(async (gpu, _run, dispatch, estimate) => {
    const kept = new Map<string, CachedKernel>()
    const memory = {
      find: (keys: readonly string[]) => Promise.resolve([...kept.values()].filter(({ key }) => keys.includes(key))),
      save: (choices: readonly CachedKernel[]) => Promise.resolve(choices.forEach((choice) => kept.set(choice.key, choice))),
    }
    const prepare = async (withMemory = true) => {
      gpu.choices = new KernelSelector()
      const stages: string[] = []
      await prepareKernels(signal, gpu, { dispatch, estimate }, withMemory ? memory : undefined, ({ stage }) => stages.push(stage))
      return [...new Set(stages)]
    }
    expect(await prepare(false), 'not asked for').toEqual(['compiling'])
    expect(await prepare()).toEqual(['compiling', 'tuning'])
    expect(kept.size).toBe(2)
    expect(gpu.queue.used.size, 'what was only tried is not in the record').toBe(0)
    expect(await prepare(), 'again').toEqual(['compiling'])
    // another kernel than the table's, found on an earlier visit
    for (const [key, choice] of kept) {
      const menu = gpu.choices.note(() => void gpu.rehearse(dispatch)).find((trial) => trial.key === key)?.menu ?? []
      kept.set(key, { ...choice, kernel: menu.at(-1) as string })
    }
    expect(await prepare()).toEqual(['compiling'])
    for (const [key, { kernel }] of kept) expect(gpu.choices.choose({ key, menu: ['another', kernel], flops: 1, run: () => undefined })).toBe(kernel)
    for (const [key, choice] of kept) kept.set(key, { ...choice, code: 'of another version' })
    expect(await prepare(), 'the code has changed').toEqual(['compiling', 'tuning'])
    expect([...kept.values()].map(({ code }) => code)).not.toContain('of another version')
  }))

describe('a approximate kernel', () => {
  /** A layer with int8 weights whose inputs are made coarser by some that are far larger than the others of their group. */
  async function settled(outlier: number, approximate: boolean): Promise<{ kernel: string | undefined; off: number }> {
    const { device, facts } = await testGpu()
    const gpu = new Gpu(device, facts)
    const [rows, inner, out] = [70, 96, 40]
    return withScope(gpu, async (scope) => {
      const values = randomValues(1, rows * inner).map((value, index) => (index % 32 === 5 ? outlier * value : value))
      const x = scope.upload(values, [rows, inner], 'f32')
      // the large ones do not count: only how approximate they make the others is seen
      const matrix = randomValues(2, out * inner, 0.2).map((value, index) => (index % 32 === 5 ? 0 : value))
      const weight = uploadLinear(scope, { values: matrix, out, in: inner }, 'i8')
      const estimate = (own: Scope) => linear(own, x, weight)
      const [trial] = gpu.choices.note(() => void gpu.rehearse(() => scope.within((own) => void estimate(own))))
      if (!trial) throw new Error('No work was noted.')
      expect(trial.approximate, 'this adapter has integer products').toEqual(['int8_dp4a'])
      const exact = await gpu.read(estimate(scope))
      const kernels = await selectKernels(signal, gpu, [{ key: trial.key, kernel: trial.menu[0] as string, ...(approximate && { approximate: 'int8_dp4a' }), ms: {} }], estimate)
      expect([...kernels.keys()]).toEqual([trial.key])
      return { kernel: kernels.get(trial.key), off: relativeError(await gpu.read(estimate(scope)), exact) }
    })
  }

  test('is taken where it is faster and the whole is as good', async () => {
    const { kernel, off } = await settled(1, true)
    expect(kernel).toBe('int8_dp4a')
    expect(off).toBeGreaterThan(1e-5)
    expect(off).toBeLessThan(0.02)
    expect((await settled(1, false)).kernel, 'it is not faster').not.toBe('int8_dp4a')
  })

  test('is not taken where it makes the whole too approximate', async () => {
    const { kernel, off } = await settled(50, true)
    expect(kernel).not.toBe('int8_dp4a')
    expect(off, 'the numbers are those of the usual kernel').toBe(0)
  })
})
