import { expect, test } from 'vitest'
import { withScope } from '../../workers/engine/scope'
import { guideVelocity } from '../../workers/ops/guidance'
import { testGpu } from './open-gpu'
import { randomValues, relativeError } from './reference'

const shape = [1, 37, 11] // 407 elements: the last workgroup is part full
const [velocity, away, perturbed] = [1, 2, 3].map((seed) => randomValues(seed, 407)) as [Float32Array, Float32Array, Float32Array]
const at = (values: Float32Array, i: number): number => values[i] as number

test('pushes away from other words, from a perturbed model, and from both', async () => {
  const gpu = await testGpu()
  await withScope(gpu, async (scope) => {
    const [v, other, weak] = [velocity, away, perturbed].map((values) => scope.upload(values, shape, 'f32'))
    if (!v || !other || !weak) throw new Error('no tensors')
    const words = (i: number): number => at(away, i) + 3 * (at(velocity, i) - at(away, i))
    const both = await gpu.read(guideVelocity(scope, v, { unconditional: other, guidance: 3, perturbed: weak, stg: 0.8 }))
    expect(relativeError(both, velocity.map((value, i) => words(i) + 0.8 * (value - at(perturbed, i))))).toBeLessThan(1e-6)
    const onlyWords = await gpu.read(guideVelocity(scope, v, { unconditional: other, guidance: 3 }))
    expect(relativeError(onlyWords, velocity.map((_, i) => words(i)))).toBeLessThan(1e-6)
    const onlyWeak = await gpu.read(guideVelocity(scope, v, { perturbed: weak, stg: 0.8 }))
    expect(relativeError(onlyWeak, velocity.map((value, i) => value + 0.8 * (value - at(perturbed, i))))).toBeLessThan(1e-6)
  })
  expect(gpu.pool.liveBuffers).toBe(0)
})

test('a velocity of another size or dtype is refused', async () => {
  const gpu = await testGpu()
  await withScope(gpu, async (scope) => {
    const v = scope.alloc(shape)
    expect(() => guideVelocity(scope, v, { perturbed: scope.alloc([1, 37, 12]), stg: 1 })).toThrow('got f32 [1, 37, 12]')
    expect(() => guideVelocity(scope, v, { unconditional: scope.alloc(shape, 'f16'), guidance: 2 })).toThrow('got f16')
    await gpu.settle()
  })
})
