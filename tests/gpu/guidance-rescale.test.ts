import { describe, expect, test } from 'vitest'
import { withScope } from '../../workers/engine/scope'
import { rescaleGuidance } from '../../workers/ops/guidance-rescale'
import { testGpu } from './open-gpu'
import { randomValues, relativeError } from './reference'

/** Standard deviation over all values; the ratio of two is the same with n and with n − 1. */
function deviation(values: Float32Array): number {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length)
}

const reference = (x: Float32Array, wanted: Float32Array, amount: number): Float32Array => {
  const factor = (amount * deviation(wanted)) / deviation(x) + 1 - amount
  return x.map((value) => value * factor)
}

describe('rescaleGuidance', () => {
  // less than a chunk; a few chunks, the last with 1 element; more chunks than a workgroup has invocations
  test.each([5, 2 * 4096 + 1, 70 * 4096 + 17])('matches the reference over %i elements far from 0', async (count) => {
    const gpu = await testGpu()
    const x = randomValues(1, count, 3).map((value, i) => value + 40 + (i > count / 2 ? 7 : 0))
    const wanted = randomValues(2, count, 0.5).map((value) => value - 100)
    await withScope(gpu, async (scope) => {
      const [a, b] = [scope.upload(x, [1, count], 'f32'), scope.upload(wanted, [1, count], 'f32')]
      for (const amount of [0.7, 1]) {
        expect(relativeError(await gpu.read(rescaleGuidance(scope, a, b, amount)), reference(x, wanted, amount))).toBeLessThan(2e-6)
      }
    })
    expect(gpu.pool.liveBuffers).toBe(0)
  })

  test('does not change a tensor without deviation', async () => {
    const gpu = await testGpu()
    await withScope(gpu, async (scope) => {
      const x = scope.upload(new Float32Array(9).fill(2), [9], 'f32')
      const result = await gpu.read(rescaleGuidance(scope, x, scope.upload(randomValues(3, 9), [9], 'f32'), 0.7))
      expect(relativeError(result, new Float32Array(9).fill(2))).toBeLessThan(1e-6)
    })
  })

  test('rejects tensors of two sizes', async () => {
    const gpu = await testGpu()
    await withScope(gpu, async (scope) => {
      expect(() => rescaleGuidance(scope, scope.alloc([4]), scope.alloc([5]), 1)).toThrow('got f32 [5]')
      await gpu.settle()
    })
  })
})
