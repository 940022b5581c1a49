import { describe, expect, test } from 'vitest'
import { withScope } from '../../workers/engine/scope'
import { l1Sums, relativeL1 } from '../../workers/ops/relative-l1'
import { testGpu } from './open-gpu'
import { randomValues } from './reference'

const size = (values: Float32Array) => values.reduce((sum, value) => sum + Math.abs(value), 0)

describe('relativeL1', () => {
  // less than a chunk; a few chunks, the last with 1 element; more chunks than a workgroup has invocations
  test.each([5, 2 * 4096 + 1, 70 * 4096 + 17])('matches the reference over %i elements', async (count) => {
    const gpu = await testGpu()
    const before = randomValues(1, count, 3).map((value, i) => value + (i > count / 2 ? 7 : 0))
    const now = randomValues(2, count, 0.4).map((value, i) => value + (before[i] as number))
    const wanted = size(now.map((value, i) => value - (before[i] as number))) / size(before)
    await withScope(gpu, async (scope) => {
      const [a, b] = [scope.upload(now, [1, count], 'f32'), scope.upload(before, [1, count], 'f32')]
      const sums = l1Sums(scope, a, b)
      expect(sums.shape).toEqual([Math.ceil(count / 4096), 2])
      expect(Math.abs(relativeL1(await gpu.read(sums)) / wanted - 1)).toBeLessThan(2e-6)
      expect(relativeL1(await gpu.read(l1Sums(scope, b, b)))).toBe(0)
    })
    expect(gpu.pool.liveBuffers).toBe(0)
  })

  test('is NaN or Infinity relative to zeros', async () => {
    const gpu = await testGpu()
    await withScope(gpu, async (scope) => {
      const [nothing, some] = [scope.upload(new Float32Array(9), [9], 'f32'), scope.upload(randomValues(3, 9), [9], 'f32')]
      expect(relativeL1(await gpu.read(l1Sums(scope, nothing, nothing)))).toBeNaN()
      expect(relativeL1(await gpu.read(l1Sums(scope, some, nothing)))).toBe(Infinity)
    })
  })

  test('rejects tensors of two sizes', async () => {
    const gpu = await testGpu()
    await withScope(gpu, async (scope) => {
      expect(() => l1Sums(scope, scope.alloc([4]), scope.alloc([5]))).toThrow('got f32 [5]')
      await gpu.settle()
    })
  })
})
