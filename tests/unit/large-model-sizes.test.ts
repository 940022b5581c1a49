// GPU memory of the published models, from their weight requests: no weight is read.
import { expect, test } from 'vitest'
import { tensorBytes } from '../../workers/engine/tensor'
import { LtxTransformer } from '../../workers/models/ltx/transformer'
import { parseT5EncoderConfig } from '../../workers/models/t5/encoder-config'
import { halfRequests } from '../../workers/models/t5/encoder-weights'
import { linearShapes } from '../../workers/ops/quantize'
import type { WeightRequest, WeightStream } from '../../workers/ops/weight-stream'

/** The size of a binding that WebGPU guarantees. */
const BINDING = 128 * 2 ** 20
/** A piece of a file that is being read. */
const PIECE = 16 * 2 ** 20

/** Weights of any name, all floats. @param bias whether matrices have one */
function allWeights(bias: boolean): WeightStream {
  const never = () => Promise.reject(new Error('expected no read'))
  return { has: (name) => bias || !name.endsWith('.bias'), isInt8: () => false, read: never, floats: never, rows: never }
}

/** Bytes of each buffer. */
function buffers(requests: readonly WeightRequest[]): number[] {
  return requests.flatMap((request) => {
    if (request.kind === 'floats') return [tensorBytes(request.shape, 'f32')]
    const { data, scale } = linearShapes(request.out, request.in, request.format)
    return [data, ...(scale ? [scale] : [])].map(({ shape, dtype }) => tensorBytes(shape, dtype)).concat(4 * request.out)
  })
}

const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0)

test('needs at most 1.15 GB for LTX-Video 2B in int4, including the piece that is being quantized', () => {
  const requests = LtxTransformer.requests({}, allWeights(true), { precision: 'f16', linearFormat: 'i4' })
  const bytes = buffers(requests)
  const weights = sum(requests.map((request) => (request.kind === 'linear' ? request.out * request.in : 0)))
  expect(weights).toBeGreaterThan(1.9e9)
  expect(sum(bytes) + PIECE).toBeLessThan(1.15e9)
  expect(sum(bytes)).toBeGreaterThan(1e9)
  expect(Math.max(...bytes)).toBeLessThanOrEqual(BINDING)
})

test('needs less than 300 MB for two half blocks of T5-XXL in int8 and a piece of the file', () => {
  const config = parseT5EncoderConfig({
    vocab_size: 32128,
    d_model: 4096,
    d_kv: 64,
    d_ff: 10240,
    num_layers: 24,
    num_heads: 64,
    feed_forward_proj: 'gated-gelu',
  })
  const halves = halfRequests(config, 'i8', allWeights(false)).map((requests) => buffers(requests))
  expect(halves).toHaveLength(48)
  for (const [index, half] of halves.slice(1).entries()) expect(sum(half) + sum(halves[index] ?? []) + PIECE).toBeLessThan(300e6)
  expect(sum(halves[0] ?? []) + sum(halves[1] ?? [])).toBeGreaterThan(190e6)
  expect(Math.max(...halves.flat())).toBeLessThanOrEqual(BINDING)
})
