// A third architecture through the pipeline: patches of 1×2×2, one timestep for all tokens, a text encoder of its own. The registry has one
// more line, and nothing else changes.
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import type { ModelManifest } from '../../src/shared/model'
import type { GenerateRequest } from '../../src/shared/request'
import { parseRequest } from '../../src/shared/request-problems'
import type { LoadedModel, OpenModel } from '../../workers/models/architecture'
import { openModel } from '../../workers/pipeline/open-model'
import { clipInMemory } from '../evaluate/clip-in-memory'
import { serveFolder } from '../evaluate/serve-folder'
import { writeTinyDit } from '../third-architecture/folder'
import { tinyDit } from '../third-architecture/runtime'
import { testGpu } from './open-gpu'

vi.mock(import('../../workers/models/registry'), async (original) => {
  const { architectureOf } = await original()
  return { architectureOf: (manifest: ModelManifest) => (manifest.architecture === 'TinyDitPipeline' ? tinyDit : architectureOf(manifest)) }
})

const { signal } = new AbortController()
const gpu = await testGpu()
let opened: OpenModel
let model: LoadedModel
let close: () => void
beforeAll(async () => {
  const server = await serveFolder(writeTinyDit())
  close = () => server.close()
  opened = await openModel(signal, server.url)
  model = await opened.load(signal, gpu, { precision: 'f32' }, () => undefined)
})
afterAll(() => {
  model.close()
  close()
})

const request = (changes: Partial<GenerateRequest> = {}) =>
  parseRequest(
    { model: 'tiny-dit', prompt: 'a red balloon over a meadow', width: 64, height: 48, frames: 9, fps: 8, steps: 2, guidance: 1, seed: 7, ...changes },
    model.manifest,
  )

async function make(changes: Partial<GenerateRequest> = {}) {
  const embed = async (prompt: string) =>
    (await opened.embed(signal, gpu, [prompt], { report: () => undefined, encodeText: () => Promise.reject(new Error('not used')) }))[0]!
  return clipInMemory(signal, gpu, { model, request: request(changes), embed })
}

test('generates a clip from text, and the same one again', async () => {
  const first = await make()
  expect(first.clip.frames).toHaveLength(9)
  expect(first.clip.frames[0]).toHaveLength(64 * 48 * 4)
  expect(new Set(first.clip.frames[4]).size).toBeGreaterThan(20)
  expect(first.result.latents).toHaveLength(4 * 3 * 6 * 8)
  expect((await make()).framesSha256).toBe(first.framesSha256)
  for (const other of [{ prompt: 'a blue boat' }, { seed: 8 }]) expect((await make(other)).framesSha256).not.toBe(first.framesSha256)
})

test('runs with the first-block cache', async () => {
  const { clock } = await make({ steps: 4, cacheThreshold: 1 })
  expect([clock.evaluations, clock.evaluationsSkipped]).toEqual([4, 3])
})

test('resumes from a stored step to the same frames', async () => {
  const states: { step: number; tokens: Float32Array<ArrayBuffer> }[] = []
  const checkpoint = (stored?: (typeof states)[number]) => ({
    chunk: () => ({ read: () => Promise.resolve(stored), save: (state: (typeof states)[number]) => void states.push(state) }),
    settle: () => Promise.resolve(),
    remove: () => Promise.resolve(),
  })
  const embed = async (prompt: string) =>
    (await opened.embed(signal, gpu, [prompt], { report: () => undefined, encodeText: () => Promise.reject(new Error('not used')) }))[0]!
  const run = (stored?: (typeof states)[number]) => clipInMemory(signal, gpu, { model, request: request({ steps: 3 }), embed, checkpoint: checkpoint(stored) })
  const whole = await run()
  expect(states.map(({ step }) => step)).toEqual([1, 2, 3])
  for (const state of states.slice(0, 3)) expect((await run(state)).framesSha256).toBe(whole.framesSha256)
})

test.each([
  ['guidance', { guidance: 2 }],
  ['an image', { conditions: [{ source: { kind: 'image', id: 'first' } as const, atFrame: 0, strength: 1 }] }],
  ['a length beyond its longest', { frames: 17 }],
  ['sides that are not whole patches', { width: 72 }],
])('rejects %s before anything is generated', (_, changes) => {
  expect(() => request(changes)).toThrow()
})

test('leaves nothing on the GPU but the weights', () => {
  expect(gpu.pool.liveBuffers).toBe(model.weightBuffers)
})
