// Both sides of the benchmark compute the same results, and every number of a row is a number.
import { InferenceSession, Tensor } from 'onnxruntime-node'
import { describe, expect, test } from 'vitest'
import { attentionRow } from '../bench/attention-rows'
import { measureCeiling } from '../bench/ceiling'
import { convRow } from '../bench/conv-rows'
import { starterDecoderRow } from '../bench/decoder-rows'
import { gemmRow } from '../bench/gemm-rows'
import { measureRow } from '../bench/measure-row'
import { OnnxGraph } from '../bench/onnx-graph'
import type { PeerModel } from '../bench/peer'
import type { Row } from '../bench/row'
import { readStarterAutoencoder } from '../bench/starter'
import { blockRow, stepRow } from '../bench/transformer-rows'
import { testGpu } from './open-gpu'

const runtime = { InferenceSession, Tensor }
// at most 16 queries and keys: with more, the peer uses flash attention, whose results are a few percent off on software adapters (onnxruntime issue 26064)
const transformer = {
  config: { in_channels: 32, out_channels: 32, num_attention_heads: 2, attention_head_dim: 32, num_layers: 2, caption_channels: 64 },
  grid: [2, 2, 4],
  batch: 2,
  textTokens: 8,
} as const
const rows: Row[] = [
  attentionRow({ name: 'attention', batch: 2, queries: 16, heads: 2, headSize: 48 }, 'f32'),
  attentionRow({ name: 'cross-attention', queries: 16, keys: 9, heads: 2, headSize: 64 }, 'f32'),
  ...(['i8', 'i4'] as const).map((weights) => gemmRow(33, 128, 72, weights, 'f32')),
  ...(['i8', 'i4'] as const).map((weights) => gemmRow(33, 128, 80, weights, 'f32', true)),
  convRow({ name: 'conv', grid: [3, 6, 5], channels: 12, taps: 1 }, 'f32'),
  convRow({ name: 'conv over time', grid: [3, 6, 5], channels: 12, taps: 3 }, 'f32'),
  blockRow({ name: 'block', ...transformer, weights: 'i8' }, 'f32'),
  stepRow({ name: 'step', ...transformer, weights: 'i4' }, 'f32'),
  starterDecoderRow('decoder', readStarterAutoencoder(), [2, 2, 2], 'f32'),
]

/** Det has no GPU kernel in the peer. */
function determinant(): PeerModel {
  const graph = new OnnxGraph()
  graph.output('result', graph.node('Det', [graph.input('x', 'f32', [2, 2])]), 'f32', [])
  return { graph, feeds: { x: { shape: [2, 2], values: new Float32Array(4) } } }
}

describe('a row', () => {
  test.each(rows.map((row) => [row.name, row] as const))('%s: both sides compute the same result', async (_, row) => {
    const gpu = await testGpu()
    const live = gpu.pool.liveBuffers
    const measured = await measureRow(gpu, runtime, row, { gflops: 1, gbs: 1 }, { pairs: 2, fewestPairs: 2, seconds: 60 })
    expect(measured.peerMs, measured.peer).not.toBeNull()
    expect(measured.difference, `${measured.kernel} and ${measured.peer}`).toBeLessThanOrEqual(row.tolerance)
    expect(measured.agrees).toBe(true)
    expect(measured.ratios).toHaveLength(2)
    for (const value of [measured.oursMs, measured.oursP90Ms, measured.ratio, measured.gflops, measured.gbs, measured.ceilingShare])
      expect(value).toBeGreaterThan(0)
    expect(gpu.pool.liveBuffers).toBe(live)
    // only the row of a whole step measures CPU time
    expect(measured.host !== undefined).toBe(row.name === 'step')
    if (!measured.host) return
    const { ms, share, goal, submits, longestSubmitMs } = measured.host
    expect(ms).toBeGreaterThan(0)
    expect(share).toBeCloseTo(ms / measured.oursMs, 6)
    expect(goal).toBe(gpu.facts.software ? null : 0.05)
    expect(submits).toBeGreaterThanOrEqual(0)
    expect(longestSubmitMs).toBeGreaterThan(0)
  })

  test('reports no time and no ratio, with the reason, for a peer without a GPU kernel', async () => {
    const gpu = await testGpu()
    const row = attentionRow({ name: 'impossible', queries: 4, heads: 1, headSize: 8 }, 'f32')
    const measured = await measureRow(
      gpu,
      runtime,
      { ...row, peers: () => [{ kernel: 'Det', model: determinant }] },
      { gflops: 1, gbs: 1 },
      { pairs: 1, fewestPairs: 1, seconds: 60 },
    )
    expect(measured).toMatchObject({ peerMs: null, peerP90Ms: null, ratio: null, ratios: [] })
    expect(measured.peer).toMatch(/^Det: .*(CPU|fallback)/i)
  })
})

test('measures the ceilings', async () => {
  const { gflops, gbs } = await measureCeiling(await testGpu())
  expect(gflops).toBeGreaterThan(0.1)
  expect(gbs).toBeGreaterThan(0.01)
})
