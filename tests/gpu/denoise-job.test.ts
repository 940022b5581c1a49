// A job's denoising with the model that ships with the page: from words alone, and around known pictures.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { clipBytes } from '../../src/shared/clip-memory'
import type { GenerateRequest } from '../../src/shared/request'
import { withScope } from '../../workers/engine/scope'
import { runDenoise, type DenoiseJob } from '../../workers/pipeline/denoise-job'
import { JobClock } from '../../workers/pipeline/job-clock'
import { latentCount, latentGrid } from '../../workers/pipeline/latent-grid'
import { loadModel } from '../../workers/pipeline/load-model'
import type { LoadedModel, Sampling } from '../../workers/pipeline/model'
import { tokensOfLatent, type ConditioningLatents } from '../../workers/pipeline/inject-conditioning'
import type { LoopState } from '../../workers/storage/checkpoints'
import { fetchManifest } from '../../workers/weights/fetch-file'
import { serveFolder } from '../evaluate/serve-folder'
import { testGpu } from './open-gpu'
import { randomValues, relativeError } from './reference'

const { signal } = new AbortController()
let model: LoadedModel
beforeAll(async () => {
  const server = await serveFolder('public/models/starter')
  try {
    model = await loadModel(signal, await testGpu(), server.url, await fetchManifest(server.url), { precision: 'f32' }, () => undefined)
  } finally {
    server.close()
  }
})
afterAll(() => model.close())

/** Denoises 9 small frames in two steps; the latents as tokens, f32 [N, C]. */
async function make(more: Partial<GenerateRequest>, job: Partial<DenoiseJob> = {}, signal = new AbortController().signal): Promise<Float32Array> {
  const request: GenerateRequest = { model: 'starter', prompt: '', width: 32, height: 32, frames: 9, fps: 8, steps: 2, guidance: 1, seed: 7, ...more }
  const grid = latentGrid(request, model.manifest)
  const { prompt } = twoPrompts()
  const gpu = await testGpu()
  return withScope(gpu, async (scope) => {
    const latents = await runDenoise(signal, scope, { model, request, grid, words: { prompt }, clock: new JobClock(), tell: () => undefined, ...job })
    expect(latents).toHaveLength(latentCount(grid))
    expect(latents.every(Number.isFinite)).toBe(true)
    return tokensOfLatent(latents, grid.channels)
  })
}

/** Words, and others to stay away from. */
function twoPrompts(): DenoiseJob['words'] {
  const width = model.transformer.config.caption_channels
  const embedding = (seed: number) => ({ values: randomValues(seed, 3 * width), tokens: 3, width, usedPrompt: '' })
  return { prompt: embedding(1), away: embedding(2) }
}

/** A picture's latents. */
function picture(atFrame: number, strength = 1): ConditioningLatents {
  const { channels, scaleSpace } = model.manifest.latent
  return { values: randomValues(3, channels * (32 / scaleSpace) ** 2), atFrame, strength }
}

describe('a job', () => {
  test('keeps a picture at frame 0 to the bit, and draws the rest around it', async () => {
    const [known, plain] = [picture(0), await make({})]
    const latents = await make({}, { known: [known] })
    expect(latents.slice(0, known.values.length)).toEqual(known.values)
    expect(latents.slice(known.values.length)).not.toEqual(plain.slice(known.values.length))
    expect(await make({})).toEqual(plain) // words alone, to the bit
  })

  test('looks at a picture elsewhere, and drops it', async () => {
    const plain = await make({})
    const latents = await make({}, { known: [picture(5)] })
    expect(latents.length).toBe(plain.length)
    expect(latents).not.toEqual(plain)
    const elsewhere = await make({}, { known: [picture(8)] })
    expect(elsewhere).not.toEqual(latents)
  })

  test('with fresh noise is another, and the same again from the same seed', async () => {
    const stochastic = await make({}, { sampling: { stochastic: true } })
    expect(stochastic).not.toEqual(await make({}))
    expect(await make({}, { sampling: { stochastic: true } })).toEqual(stochastic)
  })

  test('begins from a clip: near it at a low noise level, as if it were not there at 1', async () => {
    const plain = await make({ steps: 4 })
    const values = randomValues(5, plain.length)
    const distance = (latents: Float32Array) => relativeError(latents, values)
    const [mild, strong] = [await make({ steps: 4 }, { start: { values, atFrame: 0, strength: 0.3 } }), await make({ steps: 4 }, { start: { values, atFrame: 0, strength: 0.8 } })]
    expect(distance(mild)).toBeLessThan(distance(strong))
    // below its last noise level: one step from the level that was asked for
    const few: Sampling = { sigmas: [1, 0.9, 0.8, 0.7] }
    const begun = (strength: number) => make({ steps: 4 }, { sampling: few, start: { values, atFrame: 0, strength } })
    expect(distance(await begun(0.35))).toBeLessThan(distance(await begun(0.7)) / 1.5)
    expect(await begun(0)).toEqual(values)
    expect(await make({ steps: 4 }, { start: { values, atFrame: 0, strength: 1 } })).toEqual(plain)
    await expect(make({}, { start: { values: values.slice(1), atFrame: 0, strength: 1 } })).rejects.toThrow(`expected a clip of ${values.length} latent values`)
  })

  test('refuses steps that its sigmas do not have', async () => {
    await expect(make({ steps: 3 }, { sampling: { sigmas: [1, 0.5] } })).rejects.toThrow('steps: expected 2')
  })

  test('with reuse between steps gives the same from every state that was kept of it', async () => {
    const request = { steps: 12, guidance: 3, cacheThreshold: 0.15 }
    const words = twoPrompts()
    const states: LoopState[] = []
    const clock = new JobClock()
    const whole = await make(request, { words, clock, checkpoint: { save: (state) => void states.push(state) } })
    expect(clock.evaluations).toBe(24)
    expect(clock.evaluationsSkipped).toBeGreaterThan(4)
    expect(clock.evaluationsSkipped).toBeLessThan(20)
    expect(await make({ ...request, cacheThreshold: 0 }, { words })).not.toEqual(whole)
    expect(states.length).toBeGreaterThan(1)
    expect(states.length).toBeLessThan(12) // not after every step, and after the last
    expect(states.at(-1)?.step).toBe(12)
    for (const kept of states) expect(await make(request, { words, kept })).toEqual(whole)
  })

  test('leaves nothing of what it reuses, after an error or a cancel in the middle', async () => {
    const { pool } = await testGpu()
    const request = { steps: 6, cacheThreshold: 1 }
    const whenDone = (step: number, then: () => void): Partial<DenoiseJob> => ({ tell: (event) => void (event.stage === 'denoising' && event.step === step && then()) })
    const failing = make(request, whenDone(3, () => {
      throw new Error('no more')
    }))
    await expect(failing).rejects.toThrow('no more')
    expect(pool.liveBuffers).toBe(model.weightBuffers)
    const stopped = new AbortController()
    await expect(make(request, whenDone(3, () => setTimeout(() => stopped.abort())), stopped.signal)).rejects.toMatchObject({ name: 'AbortError' })
    expect(pool.liveBuffers).toBe(model.weightBuffers)
  })

  test('has the next step dispatched before the last one is told of, so that the GPU does not wait', async () => {
    const { queue } = await testGpu()
    const { rate } = queue
    const dispatch = queue.dispatch.bind(queue)
    let dispatched = 0
    const toldAt: number[] = []
    const tokens: number[] = []
    queue.dispatch = (call) => {
      if (!queue.dryRun) dispatched++
      dispatch(call)
    }
    queue.rate = 1e9 // a step is far less than a submit: no wait for the GPU is between two of them
    try {
      await make({ steps: 4 }, {
        tell: (event) => void (event.stage === 'denoising' && toldAt.push(dispatched)),
        checkpoint: { save: (state) => void tokens.push(state.step) },
      })
    } finally {
      queue.dispatch = dispatch
      queue.rate = rate
    }
    const [before = 0, ...steps] = toldAt
    expect(tokens).toEqual([1, 2, 3, 4])
    const each = Math.floor((steps[3]! - before) / 4)
    expect(each).toBeGreaterThan(50)
    for (const step of [1, 2, 3]) expect(steps[step - 1]! - before, `step ${step}`).toBeGreaterThanOrEqual((step + 1) * each - 10)
  })

  test.each([0, 1])('takes about the memory that is told before, reusing %d of the evaluations of a step', async (cacheThreshold) => {
    const { pool } = await testGpu()
    pool.drain()
    pool.resetPeak()
    await make({ width: 128, height: 128, frames: 33, steps: 2, cacheThreshold })
    const { num_attention_heads: heads, attention_head_dim: width } = model.transformer.config
    const told = clipBytes(0, heads * width, 8 * 8 * 9, cacheThreshold)
    const taken = pool.peakBytes - model.weightGpuBytes
    expect(taken / told).toBeGreaterThan(0.4)
    expect(taken / told).toBeLessThan(1.6)
  })

  test('leaves nothing on the GPU but the weights', async () => {
    expect((await testGpu()).pool.liveBuffers).toBe(model.weightBuffers)
  })
})
