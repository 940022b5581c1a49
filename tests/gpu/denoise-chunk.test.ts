// Denoising a chunk with the built-in model: from text alone, with conditioning, and from an init video.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { clipBytes } from '../../src/shared/clip-memory'
import type { GenerateRequest } from '../../src/shared/request'
import { withScope } from '../../workers/engine/scope'
import { runDenoise, type DenoiseRun } from '../../workers/pipeline/denoise-chunk'
import { JobClock, type JobContext } from '../../workers/pipeline/job-context'
import { latentCount, latentGrid } from '../../workers/models/latent-grid'
import { ltxSchedule } from '../../workers/models/ltx/schedule'
import { openModel } from '../../workers/pipeline/open-model'
import type { LoadedModel } from '../../workers/models/architecture'
import type { ConditioningLatents } from '../../workers/pipeline/inject-conditioning'
import type { LoopState } from '../../workers/storage/checkpoints'
import { testJob } from '../evaluate/clip-in-memory'
import { serveFolder } from '../evaluate/serve-folder'
import { testGpu } from './open-gpu'
import { randomValues, relativeError } from './reference'

const { signal } = new AbortController()
let model: LoadedModel
beforeAll(async () => {
  const server = await serveFolder('public/models/starter')
  try {
    model = await (await openModel(signal, server.url)).load(signal, await testGpu(), { precision: 'f32' }, () => undefined)
  } finally {
    server.close()
  }
})
afterAll(() => model.close())

/** Denoises 9 small frames in two steps: f32 [F', H', W', C]. */
async function make(more: Partial<GenerateRequest>, run: Partial<DenoiseRun> = {}, context: Partial<JobContext> = {}): Promise<Float32Array> {
  const request: GenerateRequest = { model: 'starter', prompt: '', width: 32, height: 32, frames: 9, fps: 8, steps: 2, guidance: 1, seed: 7, ...more }
  const grid = latentGrid(request, model.manifest)
  const { positive } = twoPrompts()
  const gpu = await testGpu()
  return withScope(gpu, async (scope) => {
    const latents = await runDenoise(testJob(gpu, context), scope, { model, request, grid, embeds: { positive }, ...run })
    expect(latents).toHaveLength(latentCount(grid))
    expect(latents.every(Number.isFinite)).toBe(true)
    return latents
  })
}

/** A prompt and a negative prompt. */
function twoPrompts(): DenoiseRun['embeds'] {
  const width = model.textWidth
  const embedding = (seed: number) => ({ values: randomValues(seed, 3 * width), tokens: 3, width, usedPrompt: '' })
  return { positive: embedding(1), negative: embedding(2) }
}

/** An image's latents. */
function image(atFrame: number, strength = 1): ConditioningLatents {
  const { channels, scaleSpace } = model.manifest.latent
  return { values: randomValues(3, channels * (32 / scaleSpace) ** 2), atFrame, strength }
}

/** The model with a schedule of these sigmas alone, as a distilled one has. */
function withSigmas(sigmas: number[]): LoadedModel {
  return { ...model, schedule: (steps, tokens) => ltxSchedule({ config: {}, sigmas }, steps, tokens) }
}

describe('a chunk', () => {
  test('keeps an image at frame 0 bit-exact, and generates the rest around it', async () => {
    const [first, plain] = [image(0), await make({})]
    const latents = await make({}, { conditioning: [first] })
    expect(latents.slice(0, first.values.length)).toEqual(first.values)
    expect(latents.slice(first.values.length)).not.toEqual(plain.slice(first.values.length))
    expect(await make({})).toEqual(plain) // text alone, bit-exact
  })

  test('uses an image at a later frame, and drops its tokens', async () => {
    const plain = await make({})
    const latents = await make({}, { conditioning: [image(5)] })
    expect(latents.length).toBe(plain.length)
    expect(latents).not.toEqual(plain)
    const elsewhere = await make({}, { conditioning: [image(8)] })
    expect(elsewhere).not.toEqual(latents)
  })

  test('with ancestral sampling differs, and repeats from the same seed', async () => {
    const ancestral = await make({}, { model: { ...model, ancestral: true } })
    expect(ancestral).not.toEqual(await make({}))
    expect(await make({}, { model: { ...model, ancestral: true } })).toEqual(ancestral)
  })

  test('starts from an init video: near it at a low noise level, independent of it at 1', async () => {
    const plain = await make({ steps: 4 })
    const values = randomValues(5, plain.length)
    const distance = (latents: Float32Array) => relativeError(latents, values)
    const [mild, strong] = [
      await make({ steps: 4 }, { initVideo: { values, atFrame: 0, strength: 0.3 } }),
      await make({ steps: 4 }, { initVideo: { values, atFrame: 0, strength: 0.8 } }),
    ]
    expect(distance(mild)).toBeLessThan(distance(strong))
    // below the last noise level of the schedule: one step from the requested level
    const few = withSigmas([1, 0.9, 0.8, 0.7])
    const begun = (strength: number) => make({ steps: 4 }, { model: few, initVideo: { values, atFrame: 0, strength } })
    expect(distance(await begun(0.35))).toBeLessThan(distance(await begun(0.7)) / 1.5)
    expect(await begun(0)).toEqual(values)
    expect(await make({ steps: 4 }, { initVideo: { values, atFrame: 0, strength: 1 } })).toEqual(plain)
    await expect(make({}, { initVideo: { values: values.slice(1), atFrame: 0, strength: 1 } })).rejects.toThrow(
      `initVideo: expected ${values.length} latent values`,
    )
  })

  test('rejects a number of steps other than that of its sigmas', async () => {
    await expect(make({ steps: 3 }, { model: withSigmas([1, 0.5]) })).rejects.toThrow('steps: expected 2')
  })

  test('with the first-block cache resumes to the same latents from every stored state', async () => {
    const request = { steps: 12, guidance: 3, cacheThreshold: 0.15 }
    const embeds = twoPrompts()
    const states: LoopState[] = []
    const clock = new JobClock()
    const whole = await make(request, { embeds, checkpoint: { save: (state) => void states.push(state) } }, { clock })
    expect(clock.evaluations).toBe(24)
    expect(clock.evaluationsSkipped).toBeGreaterThan(4)
    expect(clock.evaluationsSkipped).toBeLessThan(20)
    expect(await make({ ...request, cacheThreshold: 0 }, { embeds })).not.toEqual(whole)
    expect(states.length).toBeGreaterThan(1)
    expect(states.length).toBeLessThan(12) // not after every step, and after the last
    expect(states.at(-1)?.step).toBe(12)
    for (const stored of states) expect(await make(request, { embeds, stored })).toEqual(whole)
  })

  test('frees the first-block cache after an error or a cancel in the middle', async () => {
    const { pool } = await testGpu()
    const request = { steps: 6, cacheThreshold: 1 }
    const whenDone = (step: number, then: () => void): Partial<JobContext> => ({
      report: (progress) => void (progress.stage === 'denoising' && progress.step === step && then()),
    })
    const failing = make(
      request,
      {},
      whenDone(3, () => {
        throw new Error('no more')
      }),
    )
    await expect(failing).rejects.toThrow('no more')
    expect(pool.liveBuffers).toBe(model.weightBuffers)
    const stopped = new AbortController()
    await expect(make(request, {}, { ...whenDone(3, () => setTimeout(() => stopped.abort())), signal: stopped.signal })).rejects.toMatchObject({
      name: 'AbortError',
    })
    expect(pool.liveBuffers).toBe(model.weightBuffers)
  })

  test('dispatches the next step before it reports the last one, so that the GPU does not wait', async () => {
    const { queue } = await testGpu()
    const { rate } = queue
    const dispatch = queue.dispatch.bind(queue)
    let dispatched = 0
    const reportedAt: number[] = []
    const tokens: number[] = []
    queue.dispatch = (call) => {
      if (!queue.recording) dispatched++
      dispatch(call)
    }
    queue.rate = 1e9 // a step is far smaller than a submit, so that no step waits for the GPU
    try {
      const checkpoint: DenoiseRun['checkpoint'] = { save: (state) => void tokens.push(state.step) }
      await make({ steps: 4 }, { checkpoint }, { report: (progress) => void (progress.stage === 'denoising' && reportedAt.push(dispatched)) })
    } finally {
      queue.dispatch = dispatch
      queue.rate = rate
    }
    const [before = 0, ...steps] = reportedAt
    expect(tokens).toEqual([1, 2, 3, 4])
    const each = Math.floor((steps[3]! - before) / 4)
    expect(each).toBeGreaterThan(50)
    for (const step of [1, 2, 3]) expect(steps[step - 1]! - before, `step ${step}`).toBeGreaterThanOrEqual((step + 1) * each - 10)
  })

  test.each([0, 1])('takes about the estimated memory, with a cache threshold of %d', async (cacheThreshold) => {
    const { pool } = await testGpu()
    pool.drain()
    pool.resetPeak()
    await make({ width: 128, height: 128, frames: 33, steps: 2, cacheThreshold })
    const estimated = clipBytes(0, model.transformer.width, 8 * 8 * 9, cacheThreshold)
    const taken = pool.peakBytes - model.weightGpuBytes
    expect(taken / estimated).toBeGreaterThan(0.4)
    expect(taken / estimated).toBeLessThan(1.6)
  })

  test('leaves nothing on the GPU but the weights', async () => {
    expect((await testGpu()).pool.liveBuffers).toBe(model.weightBuffers)
  })
})
