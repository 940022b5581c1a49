// Selection of kernel variants for a job: the fixed table's, or the fastest by tuning.
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
import { testJob } from '../evaluate/clip-in-memory'
import { testGpu } from './open-gpu'
import { randomValues, relativeError } from './reference'

const { signal } = new AbortController()
const SIZE = { queries: 70, width: 96, heads: 2 }

/** Self-attention followed by a linear layer. */
async function withWork<T>(
  body: (gpu: Gpu, run: () => Promise<Float32Array>, dispatch: () => void, estimate: (scope: Scope) => Tensor) => Promise<T>,
): Promise<T> {
  const { device, facts } = await testGpu()
  const gpu = new Gpu(device, facts)
  return withScope(gpu, (scope) => {
    const values = (seed: number) => scope.upload(randomValues(seed, SIZE.queries * SIZE.width), [1, SIZE.queries, SIZE.width], 'f32')
    const [q, k, v] = [values(1), values(2), values(3)] as const
    const weight = uploadLinear(scope, { values: randomValues(4, SIZE.width ** 2, 0.1), out: SIZE.width, in: SIZE.width }, 'f16')
    const work = (own: Scope) => linear(own, attention(own, q, k, v, { heads: SIZE.heads }), weight)
    return body(
      gpu,
      () => withScope(gpu, (own) => gpu.read(work(own))),
      () => scope.within((own) => void work(own)),
      work,
    )
  })
}

test('uses the fixed table by default, and records only dispatched kernels', () =>
  withWork(async (gpu, run) => {
    const { facts } = gpu
    await run()
    const names = Object.keys(kernelVariants(gpu.queue.used))
    expect(names).toHaveLength(2)
    expect(names.some((name) => name.startsWith('attention'))).toBe(true)
    expect(attentionVariants(facts, SIZE.width / SIZE.heads, 'f32').length, 'several variants').toBeGreaterThan(1)
    expect(linearVariants(facts, SIZE.queries, 'f16').length).toBeGreaterThan(1)
    gpu.selector.set('attention of no such work', 'none')
    await run()
    expect(Object.keys(kernelVariants(gpu.queue.used))).toEqual(names)
  }))

test('collects each work once with its variants, and treats similar sizes as the same work', () =>
  withWork((gpu, _run, dispatch) => {
    const candidates = gpu.selector.collect(() => {
      gpu.record(dispatch)
      gpu.record(dispatch)
    })
    expect(candidates.map(({ key }) => key)).toHaveLength(2)
    for (const { variants, flops } of candidates) {
      expect(new Set(variants).size).toBe(variants.length)
      expect(flops).toBeGreaterThan(0)
    }
    expect([310, 362, 420].map(tuningSize)).toEqual([362, 362, 362])
    expect(tuningSize(512)).toBe(512)
    return Promise.resolve()
  }))

test('all variants give the same result up to rounding', () =>
  withWork(async (gpu, run, dispatch) => {
    const usual = await run()
    for (const { key, variants } of gpu.selector.collect(() => void gpu.record(dispatch))) {
      for (const variant of variants) {
        gpu.selector = new KernelSelector()
        gpu.selector.set(key, variant)
        expect(relativeError(await run(), usual), `${key}: ${variant}`).toBeLessThan(1e-5)
      }
    }
  }))

test("selects the fastest variant, and keeps the fixed table's in a tie", () =>
  withWork(async (gpu, _run, dispatch) => {
    const candidates = gpu.selector.collect(() => void gpu.record(dispatch))
    const before = gpu.pool.liveBuffers
    const tuned = await tuneKernels(signal, gpu, candidates, 60_000)
    expect(tuned.map(({ key }) => key).sort()).toEqual(candidates.map(({ key }) => key).sort())
    for (const { key, kernel, ms } of tuned) {
      const { variants } = candidates.find((candidate) => candidate.key === key) ?? { variants: [] }
      expect(Object.keys(ms).sort(), 'all are timed').toEqual([...variants].sort())
      const usual = ms[variants[0] as string] as number
      const best = Math.min(...Object.values(ms))
      if (kernel === variants[0]) expect(best).toBeGreaterThanOrEqual(0.97 * usual)
      else expect(ms[kernel]).toBe(best)
    }
    expect(gpu.pool.liveBuffers, 'temporary operands are freed').toBe(before)
  }))

test('keeps the fixed table without a time budget, and stops with the job', () =>
  withWork(async (gpu, _run, dispatch) => {
    const candidates = gpu.selector.collect(() => void gpu.record(dispatch))
    for (const { key, kernel, ms } of await tuneKernels(signal, gpu, candidates, 0)) {
      expect(ms).toEqual({})
      expect(kernel).toBe(candidates.find((candidate) => candidate.key === key)?.variants[0])
    }
    expect(gpu.queue.used.size, 'nothing is dispatched').toBe(0)
    await expect(tuneKernels(AbortSignal.abort(), gpu, candidates, 1000)).rejects.toThrow('aborted')
    const controller = new AbortController()
    let runs = 0
    const stopping = candidates.map((candidate) => ({
      ...candidate,
      run(variant: string) {
        candidate.run(variant)
        if (gpu.queue.recording) return
        runs++
        controller.abort()
      },
    }))
    await expect(tuneKernels(controller.signal, gpu, stopping, 60_000)).rejects.toThrow('aborted')
    expect(runs, 'no run after the abort').toBe(1)
  }))

test("caches the selection and reuses it in the next job while the kernels' code is the same", () =>
  withWork(async (gpu, _run, dispatch, estimate) => {
    const cached = new Map<string, CachedKernel>()
    const cache = {
      find: (keys: readonly string[]) => Promise.resolve([...cached.values()].filter(({ key }) => keys.includes(key))),
      save: (kernels: readonly CachedKernel[]) => Promise.resolve(kernels.forEach((one) => cached.set(one.key, one))),
    }
    const prepare = async (withCache = true) => {
      gpu.selector = new KernelSelector()
      const stages: string[] = []
      await prepareKernels(testJob(gpu, { tuningCache: withCache ? cache : undefined, report: ({ stage }) => void stages.push(stage) }), { dispatch, estimate })
      return [...new Set(stages)]
    }
    expect(await prepare(false), 'without a cache').toEqual(['compiling'])
    expect(await prepare()).toEqual(['compiling', 'tuning'])
    expect(cached.size).toBe(2)
    expect(gpu.queue.used.size, 'tuning is not in the record').toBe(0)
    expect(await prepare(), 'again').toEqual(['compiling'])
    // another variant than the fixed table's, cached by an earlier visit
    for (const [key, one] of cached) {
      const variants = gpu.selector.collect(() => void gpu.record(dispatch)).find((candidate) => candidate.key === key)?.variants ?? []
      cached.set(key, { ...one, kernel: variants.at(-1) as string })
    }
    expect(await prepare()).toEqual(['compiling'])
    for (const [key, { kernel }] of cached) expect(gpu.selector.select({ key, variants: ['another', kernel], flops: 1, run: () => undefined })).toBe(kernel)
    for (const [key, one] of cached) cached.set(key, { ...one, code: 'of another version' })
    expect(await prepare(), 'with changed code').toEqual(['compiling', 'tuning'])
    expect([...cached.values()].map(({ code }) => code)).not.toContain('of another version')
  }))

describe('an approximate variant', () => {
  /** A layer with int8 weights. An outlier in each group of inputs makes the quantization of the others coarser. */
  async function selected(outlier: number, approximate: boolean): Promise<{ kernel: string | undefined; off: number }> {
    const { device, facts } = await testGpu()
    const gpu = new Gpu(device, facts)
    const [rows, inner, out] = [70, 96, 40]
    return withScope(gpu, async (scope) => {
      const values = randomValues(1, rows * inner).map((value, index) => (index % 32 === 5 ? outlier * value : value))
      const x = scope.upload(values, [rows, inner], 'f32')
      // the outliers have no weight: the result shows only the error of the other inputs
      const matrix = randomValues(2, out * inner, 0.2).map((value, index) => (index % 32 === 5 ? 0 : value))
      const weight = uploadLinear(scope, { values: matrix, out, in: inner }, 'i8')
      const estimate = (own: Scope) => linear(own, x, weight)
      const [candidate] = gpu.selector.collect(() => void gpu.record(() => scope.within((own) => void estimate(own))))
      if (!candidate) throw new Error('Expected a candidate, got none.')
      expect(candidate.approximate, 'the adapter has integer dot products').toEqual(['int8_dp4a'])
      const exact = await gpu.read(estimate(scope))
      const kernels = await selectKernels(
        signal,
        gpu,
        [{ key: candidate.key, kernel: candidate.variants[0] as string, ...(approximate && { approximate: 'int8_dp4a' }), ms: {} }],
        estimate,
      )
      expect([...kernels.keys()]).toEqual([candidate.key])
      return { kernel: kernels.get(candidate.key), off: relativeError(await gpu.read(estimate(scope)), exact) }
    })
  }

  test('is selected where it is faster and the step is accurate', async () => {
    const { kernel, off } = await selected(1, true)
    expect(kernel).toBe('int8_dp4a')
    expect(off).toBeGreaterThan(1e-5)
    expect(off).toBeLessThan(0.02)
    expect((await selected(1, false)).kernel, 'not faster').not.toBe('int8_dp4a')
  })

  test('is rejected where the step is not accurate', async () => {
    const { kernel, off } = await selected(50, true)
    expect(kernel).not.toBe('int8_dp4a')
    expect(off, 'the result of the exact variant').toBe(0)
  })
})
