// The denoise loop against plain arithmetic on the host, with a small random transformer.
import { describe, expect, test } from 'vitest'
import { withScope, type Scope } from '../../workers/engine/scope'
import type { Tensor } from '../../workers/engine/tensor'
import { LtxTransformer, type PreparedText } from '../../workers/models/ltx/transformer'
import type { RopeTable } from '../../workers/ops/rope'
import { gaussianNoise } from '../../workers/pipeline/noise'
import { denoise, type DenoiseInputs } from '../../workers/pipeline/sampler'
import { readCase, readWeights } from '../parity/read-case'
import { testGpu } from './open-gpu'
import { randomValues, relativeError } from './reference'

const { signal } = new AbortController()
const FOLDER = 'tests/parity/ltx_transformer_coords' // 2 blocks, 24 channels, text of width 20
const [TOKENS, CHANNELS, TEXT_TOKENS, TEXT_WIDTH] = [6, 24, 4, 20]
const SHAPE = [1, TOKENS, CHANNELS]
const SIGMAS = [1, 0.9, 0.6, 0]
const TIMESTEPS = [1000, 900, 600]

function load(scope: Scope): { transformer: LtxTransformer; rope: RopeTable; textOf: (seed: number, batch?: number) => PreparedText } {
  const { config } = readCase(FOLDER)
  const transformer = LtxTransformer.load(scope, config, readWeights(FOLDER), { precision: 'f32', linearFormat: 'f32' })
  const textOf = (seed: number, batch = 1) => {
    const one = randomValues(seed, TEXT_TOKENS * TEXT_WIDTH)
    const all = Float32Array.from({ length: batch * one.length }, (_, i) => one[i % one.length] as number)
    return transformer.prepareText(scope, scope.upload(all, [batch, TEXT_TOKENS, TEXT_WIDTH], 'f32'))
  }
  return { transformer, rope: transformer.prepareGrid(scope, { frames: 3, height: 2, width: 1, scale: [0.32, 32, 32] }), textOf }
}

/** Runs a loop; the latent after each step. */
async function run(scope: Scope, inputs: DenoiseInputs): Promise<Float32Array[]> {
  const latents: Float32Array[] = []
  for await (const { latent } of denoise(signal, scope, inputs)) latents.push(await scope.gpu.read(latent))
  return latents
}

const noise = randomValues(5, TOKENS * CHANNELS)
const plus = (a: Float32Array, factor: number, b: Float32Array) => a.map((value, i) => value + factor * (b[i] as number))

function deviation(values: Float32Array): number {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length)
}

describe('an STG skip block', () => {
  test('gives each token the result that it has alone in a clip', async () => {
    const gpu = await testGpu()
    await withScope(gpu, async (scope) => {
      const { transformer, rope, textOf } = load(scope)
      const time = Float32Array.of(700)
      const x = scope.upload(noise, SHAPE, 'f32')
      const forward = (tokens: Tensor, text: PreparedText, skipBlocks?: number[]) => gpu.read(transformer.forward(scope, tokens, text, rope, time, skipBlocks))
      const alone = await forward(scope.upload(noise, [TOKENS, 1, CHANNELS], 'f32'), textOf(1, TOKENS))
      const text = textOf(1)
      expect(relativeError(await forward(x, text, [0, 1]), alone)).toBeLessThan(1e-5)
      // skipping only one of the two blocks gives other results
      const [attending, first, second] = [await forward(x, text), await forward(x, text, [0]), await forward(x, text, [1])]
      for (const [a, b] of [
        [attending, first],
        [attending, second],
        [first, second],
        [second, alone],
      ] as const) {
        expect(relativeError(a, b)).toBeGreaterThan(0.01)
      }
    })
    expect(gpu.pool.liveBuffers).toBe(0)
  })
})

test('denoises fully and renoises in each step of ancestral sampling', async () => {
  const gpu = await testGpu()
  await withScope(gpu, async (scope) => {
    const { transformer, rope, textOf } = load(scope)
    const text = textOf(1)
    const renoise = (step: number) => gaussianNoise(7, TOKENS * CHANNELS, step)
    const latents = await run(scope, {
      transformer,
      noise: scope.upload(noise, SHAPE, 'f32'),
      positions: rope,
      text,
      guidance: 1,
      renoise,
      sigmas: SIGMAS,
      timesteps: TIMESTEPS,
    })
    let x: Float32Array = noise
    for (const [index, time] of TIMESTEPS.entries()) {
      const velocity = await gpu.read(transformer.forward(scope, scope.upload(x, SHAPE, 'f32'), text, rope, Float32Array.of(time)))
      const next = SIGMAS[index + 1] as number
      const denoised = plus(x, -(SIGMAS[index] as number), velocity)
      x = plus(
        denoised.map((value) => (1 - next) * value),
        next,
        renoise(index + 1),
      )
      expect(relativeError(latents[index] as Float32Array, x)).toBeLessThan(1e-5)
    }
  })
  expect(gpu.pool.liveBuffers).toBe(0)
})

test('combines guidance, spatio-temporal guidance and guidance rescale', async () => {
  const gpu = await testGpu()
  await withScope(gpu, async (scope) => {
    const { transformer, rope, textOf } = load(scope)
    const [text, unconditional] = [textOf(1), textOf(2)]
    const stg = { scale: 1, skipBlocks: [1] }
    const latents = await run(scope, {
      transformer,
      noise: scope.upload(noise, SHAPE, 'f32'),
      positions: rope,
      text,
      negative: unconditional,
      guidance: 3,
      stg,
      rescale: 0.7,
      sigmas: SIGMAS,
      timesteps: TIMESTEPS,
    })
    let x: Float32Array = noise
    for (const [index, time] of TIMESTEPS.entries()) {
      const evaluate = (prompt: PreparedText, skipBlocks?: number[]) =>
        gpu.read(transformer.forward(scope, scope.upload(x, SHAPE, 'f32'), prompt, rope, Float32Array.of(time), skipBlocks))
      const [v, negative, perturbed] = [await evaluate(text), await evaluate(unconditional), await evaluate(text, [1])]
      const guided = v.map((value, i) => (negative[i] as number) + 3 * (value - (negative[i] as number)) + (value - (perturbed[i] as number)))
      const factor = (0.7 * deviation(v)) / deviation(guided) + 0.3
      x = plus(x, ((SIGMAS[index + 1] as number) - (SIGMAS[index] as number)) * factor, guided)
      expect(relativeError(latents[index] as Float32Array, x)).toBeLessThan(1e-5)
    }
  })
  expect(gpu.pool.liveBuffers).toBe(0)
})

test('gives conditioning tokens their own timestep, and no step above their own noise level', async () => {
  const gpu = await testGpu()
  await withScope(gpu, async (scope) => {
    const { transformer, rope, textOf } = load(scope)
    const text = textOf(1)
    const strengths = Float32Array.of(1, 0, 0.3, 0, 0, 0.1) // levels 0, 1, 0.7 and 0.9
    const inputs = {
      transformer,
      noise: scope.upload(noise, SHAPE, 'f32'),
      positions: rope,
      text,
      guidance: 1,
      strengths,
      sigmas: SIGMAS,
      timesteps: TIMESTEPS,
    }
    const steps: { latent: Float32Array; denoised: Float32Array }[] = []
    for await (const { latent, denoised } of denoise(signal, scope, inputs)) steps.push({ latent: await gpu.read(latent), denoised: await gpu.read(denoised) })
    const first = await gpu.read(transformer.forward(scope, scope.upload(noise, SHAPE, 'f32'), text, rope, Float32Array.of(0, 1000, 700, 1000, 1000, 900)))
    const token = (values: Float32Array, index: number) => values.slice(index * CHANNELS, (index + 1) * CHANNELS)
    const [one, two, three] = steps as [(typeof steps)[0], (typeof steps)[0], (typeof steps)[0]]
    for (const index of [0, 2, 5]) expect(token(one.latent, index)).toEqual(token(noise, index))
    for (const index of [1, 3, 4]) {
      expect(relativeError(token(one.latent, index), plus(token(noise, index), Math.fround(0.9) - 1, token(first, index)))).toBeLessThan(1e-5)
    }
    // the denoised estimate of a conditioning token starts from its own level
    expect(token(one.denoised, 0)).toEqual(token(noise, 0))
    expect(relativeError(token(one.denoised, 2), plus(token(noise, 2), -0.7, token(first, 2)))).toBeLessThan(1e-5)
    expect(token(two.latent, 2)).toEqual(token(noise, 2))
    expect(token(two.latent, 5)).not.toEqual(token(noise, 5)) // at 0.9 exactly, it moves
    expect(token(three.latent, 2)).not.toEqual(token(noise, 2))
    expect(token(three.latent, 0)).toEqual(token(noise, 0))
  })
  expect(gpu.pool.liveBuffers).toBe(0)
})

describe('with the first-block cache', () => {
  const FINE_SIGMAS = [1, 0.97, 0.93, 0.88, 0.7, 0.3, 0]
  const FINE_TIMES = FINE_SIGMAS.slice(0, -1).map((sigma) => 1000 * sigma)
  const GUIDANCE = { guidance: 3, stg: { scale: 1, skipBlocks: [0] } }
  const minus = (a: Float32Array, b: Float32Array) => plus(a, -1, b)
  const size = (values: Float32Array) => values.reduce((sum, value) => sum + Math.abs(value), 0)

  /** The cache in plain arithmetic: each step's latent, and how many of its three evaluations skipped all blocks but the first. */
  async function cachedReference(scope: Scope, threshold: number): Promise<{ latents: Float32Array[]; skipped: number[] }> {
    const { gpu } = scope
    const { transformer, rope, textOf } = load(scope)
    const streams = [{ text: textOf(1) }, { text: textOf(2) }, { text: textOf(1), skipBlocks: GUIDANCE.stg.skipBlocks }]
    const cache: { first: Float32Array; others: Float32Array }[] = []
    const [latents, skipped]: [Float32Array[], number[]] = [[], []]
    let x: Float32Array = noise
    for (const [index, time] of FINE_TIMES.entries()) {
      const velocities: Float32Array[] = []
      let left = 0
      for (const [at, { text, skipBlocks }] of streams.entries()) {
        const begun = transformer.begin(scope, scope.upload(x, SHAPE, 'f32'), text, rope, Float32Array.of(time), skipBlocks)
        const before = await gpu.read(begun.x)
        transformer.runBlocks(begun, 0, 1)
        const between = await gpu.read(begun.x)
        const first = minus(between, before)
        const last = cache[at]
        if (last && size(minus(first, last.first)) / size(last.first) <= threshold) {
          left++
          begun.x = scope.upload(plus(between, 1, last.others), begun.x.shape, 'f32')
        } else {
          transformer.runBlocks(begun, 1)
          cache[at] = { first, others: minus(await gpu.read(begun.x), between) }
        }
        velocities.push(await gpu.read(transformer.velocity(scope, begun)))
      }
      const [v, negative, perturbed] = velocities as [Float32Array, Float32Array, Float32Array]
      const guided = v.map((value, i) => (negative[i] as number) + 3 * (value - (negative[i] as number)) + (value - (perturbed[i] as number)))
      x = plus(x, (FINE_SIGMAS[index + 1] as number) - (FINE_SIGMAS[index] as number), guided)
      latents.push(x)
      skipped.push(left)
    }
    return { latents, skipped }
  }

  // in the second step only the perturbed model changes little enough; at a higher threshold all three in some steps; then in every step
  test.each([
    [0.118, [0, 1, 0, 0, 0, 0]],
    [0.2, [0, 3, 0, 3, 0, 0]],
    [Infinity, [0, 3, 3, 3, 3, 3]],
  ])('matches the reference at a threshold of %d, separately for each evaluation', async (cacheThreshold, expected) => {
    const gpu = await testGpu()
    await withScope(gpu, async (scope) => {
      const wanted = await cachedReference(scope, cacheThreshold)
      expect(wanted.skipped).toEqual(expected)
      const { transformer, rope, textOf } = load(scope)
      const inputs = {
        transformer,
        noise: scope.upload(noise, SHAPE, 'f32'),
        positions: rope,
        text: textOf(1),
        negative: textOf(2),
        ...GUIDANCE,
        cacheThreshold,
        sigmas: FINE_SIGMAS,
        timesteps: FINE_TIMES,
      }
      let at = 0
      for await (const { latent, evaluations, skipped } of denoise(signal, scope, inputs)) {
        expect([evaluations, skipped]).toEqual([3, wanted.skipped[at]])
        expect(relativeError(await gpu.read(latent), wanted.latents[at++] as Float32Array)).toBeLessThan(1e-5)
      }
    })
    expect(gpu.pool.liveBuffers).toBe(0)
  })

  test('is bit-exact without the cache at a threshold of 0 and at one that is never met', async () => {
    const gpu = await testGpu()
    await withScope(gpu, async (scope) => {
      const { transformer, rope, textOf } = load(scope)
      const [text, unconditional] = [textOf(1), textOf(2)]
      const loop = (more: Partial<DenoiseInputs>) =>
        run(scope, {
          transformer,
          noise: scope.upload(noise, SHAPE, 'f32'),
          positions: rope,
          text,
          negative: unconditional,
          ...GUIDANCE,
          sigmas: FINE_SIGMAS,
          timesteps: FINE_TIMES,
          ...more,
        })
      const without = await loop({})
      expect(await loop({ cacheThreshold: 0 })).toEqual(without)
      expect(await loop({ cacheThreshold: 1e-6 })).toEqual(without)
    })
    expect(gpu.pool.liveBuffers).toBe(0)
  })

  test('gives conditioning tokens their own timesteps in skipped evaluations, too', async () => {
    const gpu = await testGpu()
    await withScope(gpu, async (scope) => {
      const { transformer, rope, textOf } = load(scope)
      const strengths = Float32Array.of(1, 0, 0.3, 0, 0, 0.1)
      const inputs = { transformer, positions: rope, text: textOf(1), guidance: 1, strengths, sigmas: FINE_SIGMAS, timesteps: FINE_TIMES }
      const latents = await run(scope, { ...inputs, noise: scope.upload(noise, SHAPE, 'f32'), cacheThreshold: Infinity })
      expect((latents.at(-1) as Float32Array).slice(0, CHANNELS)).toEqual(noise.slice(0, CHANNELS)) // strength 1
      expect((latents[4] as Float32Array).every(Number.isFinite)).toBe(true)
      // from the second step on, only the first block and the last norm use the timestep
      const whole = await run(scope, { ...inputs, noise: scope.upload(noise, SHAPE, 'f32') })
      expect(latents[0]).toEqual(whole[0])
      expect(relativeError(latents[1] as Float32Array, whole[1] as Float32Array)).toBeGreaterThan(1e-5)
      expect(relativeError(latents[1] as Float32Array, whole[1] as Float32Array)).toBeLessThan(0.1)
    })
    expect(gpu.pool.liveBuffers).toBe(0)
  })
})
