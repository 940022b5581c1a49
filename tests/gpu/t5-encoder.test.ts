import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { withScope } from '../../workers/engine/scope'
import type { FloatDType } from '../../workers/engine/tensor'
import { streamInMemory } from '../../workers/models/stream-in-memory'
import { T5Encoder } from '../../workers/models/t5/encoder'
import { parseT5EncoderConfig } from '../../workers/models/t5/encoder-config'
import { embeddingName } from '../../workers/models/t5/encoder-weights'
import type { FloatWeight, WeightSource } from '../../workers/models/weight-source'
import type { WeightStream } from '../../workers/ops/weight-stream'
import { readWeights } from '../parity/read-case'
import { testGpu } from './open-gpu'
import { randomValues, relativeError } from './reference'

const gpu = await testGpu()
const never = new AbortController().signal

/** D = 16, 2 heads of 8, F = 24. */
const SIZES = { vocab_size: 11, d_model: 16, d_kv: 8, d_ff: 24, num_heads: 2, feed_forward_proj: 'gated-gelu' }
const config = (layers: number) => parseT5EncoderConfig({ ...SIZES, num_layers: layers })

/** Random weights of every name that a T5 requests; `change` may replace some. */
function randomWeights(change: (name: string, values: Float32Array) => Float32Array = (_, values) => values): WeightSource {
  const shapeOf = (name: string): number[] => {
    if (name.endsWith('relative_attention_bias.weight')) return [32, 2]
    if (name.endsWith('norm.weight')) return [16]
    if (name === 'shared.weight') return [11, 16]
    if (name.includes('wi_')) return [24, 16]
    return name.includes('wo') ? [16, 24] : [16, 16]
  }
  return {
    has: (name) => name.endsWith('.weight') && name !== 'encoder.embed_tokens.weight',
    get(name): FloatWeight {
      const shape = shapeOf(name)
      const seed = [...name].reduce((sum, letter) => (sum * 31 + letter.charCodeAt(0)) >>> 0, 7)
      return {
        shape,
        values: change(
          name,
          randomValues(
            seed,
            shape.reduce((a, b) => a * b, 1),
            0.3,
          ),
        ),
      }
    },
    getQuantized: () => undefined,
  }
}

const encode = (layers: number, weights: WeightStream, prompts: readonly Uint32Array[], precision: FloatDType = 'f32', signal = never) =>
  withScope(gpu, async (scope) => {
    const encoder = new T5Encoder(config(layers), { precision, linearFormat: precision }, weights)
    const embeds = await encoder.encode(signal, scope, prompts)
    return Promise.all(embeds.map((embed) => gpu.read(embed)))
  })

const prompt = Uint32Array.of(3, 1, 10, 4, 1)

test('encodes prompts in a batch as it does one by one', async () => {
  const weights = streamInMemory(randomWeights())
  const other = Uint32Array.of(2, 0, 7, 7, 9, 1, 5, 3, 1, 0)
  const [first, second] = await encode(2, weights, [prompt, other])
  expect(first?.length).toBe(5 * 16)
  expect(relativeError(first ?? [], (await encode(2, weights, [prompt]))[0] ?? [])).toBe(0)
  expect(relativeError(second ?? [], (await encode(2, weights, [other]))[0] ?? [])).toBe(0)
})

test('encodes in memory that does not grow with the number of blocks', async () => {
  const peak = async (layers: number): Promise<number> => {
    gpu.pool.resetPeak()
    await encode(layers, streamInMemory(randomWeights()), [prompt])
    return gpu.pool.peakBytes
  }
  expect(await peak(7)).toBe(await peak(2))
  expect(gpu.pool.liveBuffers).toBe(0)
})

test('reads every weight once, in the order of the blocks', async () => {
  const memory = streamInMemory(randomWeights())
  const read: string[] = []
  const watched: WeightStream = {
    ...memory,
    read(signal, scope, requests, onLoaded) {
      read.push(...requests.map(({ name }) => name))
      return memory.read(signal, scope, requests, onLoaded)
    },
    floats: (signal, name, shape) => (read.push(name), memory.floats(signal, name, shape)),
  }
  await encode(2, watched, [prompt, prompt])
  expect(new Set(read).size).toBe(read.length)
  const blocks = read.flatMap((name) => (/layer_norm|[qkvo]$|w[io]/.test(name) ? (/block\.(\d)\.layer\.(\d)/.exec(name)?.slice(1).join('.') ?? []) : []))
  expect(blocks).toEqual([...blocks].sort())
  expect(blocks.length).toBe(2 * (5 + 4))
})

test('stays finite with products over the f16 range, also with f16 activations', async () => {
  const weights = streamInMemory(randomWeights((name, values) => (name.includes('wi_') ? values.map((value) => value * 3000) : values)))
  const wide = (await encode(2, weights, [prompt]))[0] ?? new Float32Array()
  expect(wide.every(Number.isFinite)).toBe(true)
  if (gpu.facts.f16) expect(relativeError((await encode(2, weights, [prompt], 'f16'))[0] ?? [], wide)).toBeLessThan(1e-2)
})

test.each([0, 1, 4, 7])('frees all memory when read number %i fails or is aborted', async (at) => {
  const memory = streamInMemory(randomWeights())
  let reads = 0
  /** `memory` with a callback before one of its reads: rows and tables first, then the half blocks */
  const disturbed = (happen: () => void): WeightStream => {
    const before = async <T>(go: () => Promise<T>): Promise<T> => {
      if (reads++ === at) happen()
      return go()
    }
    return {
      ...memory,
      read: (...all) => before(() => memory.read(...all)),
      floats: (...all) => before(() => memory.floats(...all)),
      rows: (...all) => before(() => memory.rows(...all)),
    }
  }
  const failing = disturbed(() => {
    throw new Error('gone')
  })
  await expect(encode(3, failing, [prompt])).rejects.toThrow('gone')
  expect(gpu.pool.liveBuffers).toBe(0)

  const controller = new AbortController()
  reads = 0
  await expect(
    encode(
      3,
      disturbed(() => controller.abort()),
      [prompt],
      'f32',
      controller.signal,
    ),
  ).rejects.toThrow('aborted')
  expect(gpu.pool.liveBuffers).toBe(0)
})

test('rejects unsupported configs and inputs', async () => {
  expect(() => parseT5EncoderConfig({ ...SIZES, feed_forward_proj: 'relu' })).toThrow('feed_forward_proj')
  expect(() => parseT5EncoderConfig({})).toThrow('feed_forward_proj')
  expect(() => parseT5EncoderConfig({ ...SIZES, d_kv: 6 })).toThrow('d_kv: expected a multiple of 4')
  const weights = streamInMemory(randomWeights())
  await expect(encode(1, weights, [Uint32Array.of(1, 11)])).rejects.toThrow('expected ids below 11, got 11')
  await expect(encode(1, weights, [prompt, new Uint32Array()])).rejects.toThrow('at least one token')
  const half = { ...SIZES, d_model: 32 }
  const encoder = new T5Encoder(parseT5EncoderConfig(half), { precision: 'f32', linearFormat: 'f32' }, weights)
  await expect(withScope(gpu, (scope) => encoder.encode(never, scope, [prompt]))).rejects.toThrow('expected 5 rows of 32')
})

test.each([
  ['t5_encoder', 'shared.weight'],
  ['t5_encoder_long', 'encoder.embed_tokens.weight'],
])('reads the rows of %s as %s', async (name, table) => {
  const stored = readWeights(fileURLToPath(new URL(`../parity/${name}`, import.meta.url)))
  expect(embeddingName(stored)).toBe(table)
  const rows = await streamInMemory(stored).rows(never, table, Uint32Array.of(5, 0, 5))
  const {
    values,
    shape: [, width = 0],
  } = stored.get(table)
  expect([...rows]).toEqual([5, 0, 5].flatMap((id) => [...values.subarray(id * width, (id + 1) * width)]))
})
