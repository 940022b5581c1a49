import { expect, test } from 'vitest'
import { withScope } from '../../workers/engine/scope'
import { guideVelocity } from '../../workers/ops/guidance'
import { testGpu } from './open-gpu'
import { randomValues, relativeError } from './reference'

const shape = [1, 37, 11] // 407 elements: the last workgroup is partly filled
const [velocity, unconditional, perturbed] = [1, 2, 3].map((seed) => randomValues(seed, 407)) as [Float32Array, Float32Array, Float32Array]
const at = (values: Float32Array, i: number): number => values[i] as number

test("pushes away from the unconditional velocity, the perturbed model's velocity, and both", async () => {
  const gpu = await testGpu()
  await withScope(gpu, async (scope) => {
    const [v, u, p] = [velocity, unconditional, perturbed].map((values) => scope.upload(values, shape, 'f32'))
    if (!v || !u || !p) throw new Error('Expected three tensors.')
    const guided = (i: number): number => at(unconditional, i) + 3 * (at(velocity, i) - at(unconditional, i))
    const both = await gpu.read(guideVelocity(scope, v, { unconditional: u, guidance: 3, perturbed: p, stg: 0.8 }))
    expect(
      relativeError(
        both,
        velocity.map((value, i) => guided(i) + 0.8 * (value - at(perturbed, i))),
      ),
    ).toBeLessThan(1e-6)
    const withGuidance = await gpu.read(guideVelocity(scope, v, { unconditional: u, guidance: 3 }))
    expect(
      relativeError(
        withGuidance,
        velocity.map((_, i) => guided(i)),
      ),
    ).toBeLessThan(1e-6)
    const withStg = await gpu.read(guideVelocity(scope, v, { perturbed: p, stg: 0.8 }))
    expect(
      relativeError(
        withStg,
        velocity.map((value, i) => value + 0.8 * (value - at(perturbed, i))),
      ),
    ).toBeLessThan(1e-6)
  })
  expect(gpu.pool.liveBuffers).toBe(0)
})

test('rejects a velocity of another size or dtype', async () => {
  const gpu = await testGpu()
  await withScope(gpu, async (scope) => {
    const v = scope.alloc(shape)
    expect(() => guideVelocity(scope, v, { perturbed: scope.alloc([1, 37, 12]), stg: 1 })).toThrow('got f32 [1, 37, 12]')
    expect(() => guideVelocity(scope, v, { unconditional: scope.alloc(shape, 'f16'), guidance: 2 })).toThrow('got f16')
    await gpu.settle()
  })
})
