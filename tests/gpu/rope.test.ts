import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { withScope } from '../../workers/engine/scope'
import type { FloatDType } from '../../workers/engine/tensor'
import { normRope } from '../../workers/ops/rope'
import { floatTypes, testGpu } from './open-gpu'
import { asHalf, normRopeReference, randomValues, relativeError } from './reference'

const TOLERANCE: Record<FloatDType, number> = { f32: 1e-6, f16: 5e-4 }
const gpu = await testGpu()
const { software } = gpu.facts
afterEach(() => {
  gpu.facts.software = software
})
/** every dtype, with one invocation a row (as on software adapters) and with several */
const variants = (await floatTypes()).flatMap((dtype) => [
  { dtype, lanes: 'one lane a row', single: true },
  { dtype, lanes: 'several lanes a row', single: false },
])

describe.each(variants)('normRope $dtype, $lanes', ({ dtype, single }) => {
  beforeEach(() => {
    gpu.facts.software = single
  })
  const rounded = (values: Float32Array): Float32Array => (dtype === 'f16' ? asHalf(values) : values)

  it.each([
    { batch: 1, tokens: 1, size: 2 },
    { batch: 2, tokens: 37, size: 192 },
    { batch: 3, tokens: 5, size: 50 },
    { batch: 1, tokens: 3, size: 2048 },
  ])('normalizes, rotates, and does both over $batch × $tokens rows of $size', async ({ batch, tokens, size }) => {
    const x = rounded(randomValues(1, batch * tokens * size, 2))
    const weight = randomValues(2, size)
    const angles = randomValues(3, (tokens * size) / 2, 100)
    const rope = { cos: angles.map(Math.cos), sin: angles.map(Math.sin), positions: tokens }
    await withScope(gpu, async (scope) => {
      const input = scope.upload(x, [batch, tokens, size], dtype)
      const weightTensor = scope.upload(weight, [size], 'f32')
      const table = (values: Float32Array): ReturnType<typeof scope.upload> => scope.upload(values, [tokens, size / 2], 'f32')
      const ropeTensors = { cos: table(rope.cos), sin: table(rope.sin), positions: tokens }

      const both = await gpu.read(normRope(scope, input, { weight: weightTensor, eps: 1e-5, rope: ropeTensors }))
      expect(relativeError(both, normRopeReference(x, size, { weight, eps: 1e-5, rope }))).toBeLessThan(TOLERANCE[dtype])
      const normed = await gpu.read(normRope(scope, input, { weight: weightTensor }))
      expect(relativeError(normed, normRopeReference(x, size, { weight, eps: 1e-5 }))).toBeLessThan(TOLERANCE[dtype])
      const rotated = await gpu.read(normRope(scope, input, { rope: ropeTensors }))
      expect(relativeError(rotated, normRopeReference(x, size, { rope }))).toBeLessThan(TOLERANCE[dtype])
    })
  })

  it('supports separate positions for every row of a batch', async () => {
    const [batch, tokens, size] = [2, 11, 48]
    const x = rounded(randomValues(1, batch * tokens * size))
    const angles = randomValues(3, (batch * tokens * size) / 2, 10)
    const rope = { cos: angles.map(Math.cos), sin: angles.map(Math.sin), positions: batch * tokens }
    await withScope(gpu, async (scope) => {
      const table = (values: Float32Array): ReturnType<typeof scope.upload> => scope.upload(values, [batch * tokens, size / 2], 'f32')
      const o = { eps: 1e-6, rope: { cos: table(rope.cos), sin: table(rope.sin), positions: rope.positions } }
      const got = await gpu.read(normRope(scope, scope.upload(x, [batch, tokens, size], dtype), o))
      expect(relativeError(got, normRopeReference(x, size, { eps: 1e-6, rope }))).toBeLessThan(TOLERANCE[dtype])
    })
  })
})

it.runIf(gpu.facts.f16)('converts f32 to f16', async () => {
  const x = randomValues(1, 5 * 48)
  await withScope(gpu, async (scope) => {
    const got = normRope(scope, scope.upload(x, [5, 48], 'f32'), { eps: 1e-5, dtype: 'f16' })
    expect(got.dtype).toBe('f16')
    expect(relativeError(await gpu.read(got), normRopeReference(x, 48, { eps: 1e-5 }))).toBeLessThan(TOLERANCE.f16)
  })
})

it('rejects odd rows and tables of another size', async () => {
  await withScope(gpu, async (scope) => {
    expect(() => normRope(scope, scope.alloc([2, 5]), { eps: 0 })).toThrow('expected rows of even length, got 5')
    const rope = { cos: scope.alloc([4, 3]), sin: scope.alloc([4, 3]), positions: 4 }
    expect(() => normRope(scope, scope.alloc([4, 8]), { rope })).toThrow('expected cos f32 [4, 4], got f32 [4, 3]')
    expect(() => normRope(scope, scope.alloc([3, 6]), { rope })).toThrow('expected rows in multiples of 4 positions, got 3')
    await gpu.settle()
  })
})
