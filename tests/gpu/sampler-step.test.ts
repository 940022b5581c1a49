import { expect, test } from 'vitest'
import { withScope } from '../../workers/engine/scope'
import { guideVelocity } from '../../workers/ops/guidance'
import { denoisedEstimate, eulerStep, tokenStep } from '../../workers/ops/sampler-step'
import { testGpu } from './open-gpu'
import { randomValues, relativeError } from './reference'

const shape = [1, 37, 11] // 407 elements: the last workgroup is partly filled
const count = 407
const x = randomValues(1, count)
const velocity = randomValues(2, count)
const unconditional = randomValues(3, count)
const at = (values: Float32Array, i: number): number => values[i] as number

test('takes an Euler step and estimates the denoised latent', async () => {
  const gpu = await testGpu()
  await withScope(gpu, async (scope) => {
    const [latent, v] = [scope.upload(x, shape, 'f32'), scope.upload(velocity, shape, 'f32')]
    const next = eulerStep(scope, latent, v, { sigma: 0.75, sigmaNext: 0.5 })
    expect(next.shape).toEqual(shape)
    expect(
      relativeError(
        await gpu.read(next),
        x.map((value, i) => value - 0.25 * at(velocity, i)),
      ),
    ).toBeLessThan(1e-6)
    const denoised = denoisedEstimate(scope, latent, v, { sigma: 0.75 })
    expect(
      relativeError(
        await gpu.read(denoised),
        x.map((value, i) => value - 0.75 * at(velocity, i)),
      ),
    ).toBeLessThan(1e-6)
    // the step does not change its input
    expect(relativeError(await gpu.read(latent), x)).toBe(0)
  })
  expect(gpu.pool.liveBuffers).toBe(0)
})

test('follows a guided velocity', async () => {
  const gpu = await testGpu()
  const guided = velocity.map((v, i) => at(unconditional, i) + 4.5 * (v - at(unconditional, i)))
  await withScope(gpu, async (scope) => {
    const [latent, v] = [scope.upload(x, shape, 'f32'), scope.upload(velocity, shape, 'f32')]
    const away = scope.upload(unconditional, shape, 'f32')
    const followed = guideVelocity(scope, v, { unconditional: away, guidance: 4.5 })
    const next = await gpu.read(eulerStep(scope, latent, followed, { sigma: 1, sigmaNext: 0.9 }))
    expect(
      relativeError(
        next,
        x.map((value, i) => value + (0.9 - 1) * at(guided, i)),
      ),
    ).toBeLessThan(1e-6)
    const denoised = await gpu.read(denoisedEstimate(scope, latent, followed, { sigma: 1 }))
    expect(
      relativeError(
        denoised,
        x.map((value, i) => value - at(guided, i)),
      ),
    ).toBeLessThan(1e-6)
    const plain = await gpu.read(eulerStep(scope, latent, guideVelocity(scope, v, { unconditional: away, guidance: 1 }), { sigma: 1, sigmaNext: 0.9 }))
    expect(
      relativeError(
        plain,
        x.map((value, i) => value - 0.1 * at(velocity, i)),
      ),
    ).toBeLessThan(1e-6)
  })
})

test('rejects a velocity of another size or dtype', async () => {
  const gpu = await testGpu()
  await withScope(gpu, async (scope) => {
    const latent = scope.alloc(shape)
    expect(() => eulerStep(scope, latent, scope.alloc([1, 37, 12]), { sigma: 1, sigmaNext: 0 })).toThrow('got f32 [1, 37, 12]')
    expect(() => denoisedEstimate(scope, latent, scope.alloc(shape, 'f16'), { sigma: 1 })).toThrow('got f16')
    await gpu.settle()
  })
})

test('steps each token by its own coefficients: an Euler step, a renoised step, or none', async () => {
  const gpu = await testGpu()
  const noise = randomValues(4, count)
  const rows = [
    [-0.25, 1, 0],
    [-0.75, 0.5, 0.5],
    [0, 1, 0],
  ] as const
  const row = (i: number) => rows[Math.floor(i / 11) % 3] as (typeof rows)[number]
  const table = Float32Array.from({ length: 37 * 3 }, (_, i) => rows[Math.floor(i / 3) % 3]?.[i % 3] as number)
  await withScope(gpu, async (scope) => {
    const [latent, v, n] = [scope.upload(x, shape, 'f32'), scope.upload(velocity, shape, 'f32'), scope.upload(noise, shape, 'f32')]
    const t = scope.upload(table, [37, 3], 'f32')
    const withoutNoise = x.map((value, i) => row(i)[1] * (value + row(i)[0] * at(velocity, i)))
    const stepped = await gpu.read(tokenStep(scope, latent, v, t, n))
    expect(
      relativeError(
        stepped,
        withoutNoise.map((value, i) => value + row(i)[2] * at(noise, i)),
      ),
    ).toBeLessThan(1e-6)
    expect(relativeError(await gpu.read(tokenStep(scope, latent, v, t)), withoutNoise)).toBeLessThan(1e-6)
    // a token without a step is unchanged to the bit
    expect([...stepped.subarray(22, 33)]).toEqual([...x.subarray(22, 33)])
    expect(() => tokenStep(scope, latent, v, scope.alloc([36, 3]))).toThrow('expected table f32 [37, 3], got f32 [36, 3]')
    expect(() => tokenStep(scope, latent, v, t, scope.alloc([1, 37, 12]))).toThrow('got f32 [1, 37, 12]')
  })
  expect(gpu.pool.liveBuffers).toBe(0)
})
