// The benchmark's reports and flags.
import { describe, expect, it } from 'vitest'
import { parseBenchFlags } from '../bench/run-bench'
import type { HostShare, MeasuredRow } from '../bench/measure-row'
import type { StepIdleTime } from '../bench/idle-time'
import { describeIdleTime, describeRow, growthOf, markdownTables, missesGoal, type BenchReport } from '../bench/report'
import { resultName } from '../bench/results'
import { quantile, turnLimits } from '../bench/turns'

const row: MeasuredRow = {
  name: 'attention-ltx-512',
  shape: 'N 512',
  precision: 'f16',
  kernel: 'ours',
  oursMs: 12.5,
  oursP90Ms: 14,
  peer: 'MultiHeadAttention',
  peerMs: 25,
  peerP90Ms: 30,
  ratio: 2,
  ratios: [1.9, 2, 2.2],
  goal: 1.5,
  difference: 0.001,
  agrees: true,
  gflops: 21,
  gbs: 1,
  ceilingShare: 0.42,
}
const host: HostShare = { ms: 0.5, share: 0.04, goal: 0.05, submits: 3, longestSubmitMs: 52 }
const idleTime: StepIdleTime = { shape: 'starter', stepMs: 12, share: 0.02, goal: 0.05 }
const report: BenchReport = {
  date: '2026-11-29T10:00:00.000Z',
  adapter: 'some GPU',
  runtime: 'node',
  precision: 'f16',
  software: false,
  versions: { node: '20' },
  ceiling: { gflops: 50, gbs: 5 },
  rows: [],
}
const without: MeasuredRow = { ...row, peer: 'Det: not on the GPU', peerMs: null, peerP90Ms: null, ratio: null, ratios: [], difference: null }

describe('a row', () => {
  it.each([
    [row, false],
    [{ ...row, ratio: 1.5 }, false],
    [{ ...row, ratio: 1.49 }, true],
    [{ ...row, goal: null, ratio: 0.1 }, false],
    [without, true],
    [{ ...without, goal: null }, false],
    [{ ...row, host }, false],
    [{ ...row, host: { ...host, share: 0.06 } }, true],
    [{ ...row, host: { ...host, share: 0.06, goal: null } }, false],
  ])('meets or misses its goal', (each, misses) => expect(missesGoal(each)).toBe(misses))

  it('is described with its speed only on hardware, and with results that differ', () => {
    expect(describeRow(row, false)).toContain('ratio 2.00 of 1.90 2.00 2.20, goal 1.5: met; 42 % of the ceiling, 21 GFLOP/s, 1 GB/s')
    expect(describeRow(row, true)).not.toContain('GFLOP')
    expect(describeRow({ ...row, difference: 0.054, agrees: false }, true)).toContain('the results differ by 5.4 %')
    expect(describeRow(without, true)).toContain('peer – ms')
    expect(describeRow({ ...row, host }, false)).toContain('0.50 ms of a step in JavaScript (4.0 %, goal 5.0 %: met), 3.0 submits, the longest 52 ms')
    expect(describeRow({ ...row, host: { ...host, share: 0.12, goal: null } }, true)).toContain('(12 %), 3.0 submits')
  })

  it('is a line of a table, with the reason for a missing ratio', () => {
    const lines = markdownTables({ ...report, rows: [row, without] }).split('\n')
    expect(lines[0]).toBe('### some GPU, f16, in Node')
    expect(lines.at(-2)).toBe('| attention-ltx-512 | N 512 | f16 | 13 ms | 25 ms | 2.00 | 1.5 ✓ | 42 % |')
    expect(lines.at(-1)).toBe('| attention-ltx-512 | N 512 | f16 | 13 ms | Det: not on the GPU | – | 1.5 ✗ | 42 % |')
    expect(lines[2]).toContain('2026-11-29; node 20; ceiling 50.0 GFLOP/s, 5.0 GB/s.')
  })
})

describe('a result', () => {
  const sized = (name: string, count: number, oursMs: number, what: 'tokens' | 'layers'): MeasuredRow => ({
    ...row,
    name,
    oursMs,
    grows: { with: what, count },
  })
  const rows = [
    sized('step-ltx', 28, 80, 'layers'),
    sized('sweep-1024', 1024, 17, 'tokens'),
    sized('sweep-256', 256, 1, 'tokens'),
    sized('step-ltx-14-layers', 14, 41, 'layers'),
    row,
  ]

  it('reports how time grows, beside the growth of the operations', () => {
    expect(growthOf(rows)).toEqual([
      { name: 'sweep-256', with: 'tokens', count: 256, ms: 1, ratio: null, expected: null },
      { name: 'sweep-1024', with: 'tokens', count: 1024, ms: 17, ratio: 17, expected: 16 },
      { name: 'step-ltx-14-layers', with: 'layers', count: 14, ms: 41, ratio: null, expected: null },
      { name: 'step-ltx', with: 'layers', count: 28, ms: 80, ratio: 80 / 41, expected: 2 },
    ])
    expect(markdownTables({ ...report, rows })).toContain('| step-ltx | 28 layers | 80 ms | × 1.95 | × 2.00 |')
  })

  it('has tables of whole steps, idle time and memory only if they were measured', () => {
    const text = markdownTables({
      ...report,
      rows: [{ ...row, host }],
      idleTime: [idleTime, { ...idleTime, share: 0.06 }],
      memory: [{ frames: 33, chunks: 1, peakGpuBytes: 24_000_000 }],
    })
    expect(text).toContain('| attention-ltx-512 | 13 ms | 0.50 ms | 4.0 % | 5.0 % ✓ | 3.0 | 52 ms |')
    expect(text).toContain('| starter | 12 ms | 2.0 % | 5.0 % ✓ |')
    expect(text).toContain('| starter | 12 ms | 6.0 % | 5.0 % ✗ |')
    expect(text).toContain('| 33 | 1 | 24.0 MB |')
    expect(describeIdleTime(idleTime)).toBe('[starter] 12.0 ms a step, 2.0 % GPU idle, goal 5.0 %: met')
    expect(describeIdleTime({ ...idleTime, share: 0.2, goal: null })).toBe('[starter] 12.0 ms a step, 20 % GPU idle')
    expect(markdownTables({ ...report, rows: [row] }).split('\n\n')).toHaveLength(3)
  })

  it('has a file name of its own for each adapter, precision and runtime', () => {
    const lavapipe = { ...report, adapter: 'mesa software llvmpipe-llvm-15-0-6-128-bits- llvmpipe: Mesa 25.0.7 (LLVM 15.0.6) 0.0.1' }
    const results: BenchReport[] = [
      lavapipe,
      { ...lavapipe, precision: 'f32' },
      { ...lavapipe, runtime: 'browser' },
      { ...lavapipe, adapter: lavapipe.adapter.replace('128', '256') },
      { ...lavapipe, adapter: lavapipe.adapter.replace('0.0.1', '0.0.2') },
      { ...report, adapter: 'google swiftshader SwiftShader Device (Subzero)' },
    ]
    expect(new Set(results.map(resultName)).size).toBe(results.length)
    expect(resultName({ ...report, adapter: 'NVIDIA  RTX-4070.' })).toBe('nvidia-rtx-4070-f16-node.json')
  })
})

it('quantile returns measured values', () => {
  expect([0.5, 0.9, 1, 0].map((q) => quantile([5, 1, 4, 2, 3], q))).toEqual([3, 5, 5, 1])
  expect(() => quantile([], 0.5)).toThrow(RangeError)
})

it('turnLimits returns the requested number of pairs, or fewer on software adapters', () => {
  expect(turnLimits(true, 7)).toEqual({ pairs: 7, fewestPairs: 7, seconds: 0 })
  expect(turnLimits(true, undefined).pairs).toBeLessThan(turnLimits(false, undefined).pairs)
})

describe('flags', () => {
  it('are parsed', () => {
    expect(parseBenchFlags([])).toEqual({ json: false, save: false })
    expect(parseBenchFlags(['--only', 'gemm', '--pairs', '3', '--precision', 'f32', '--json', '--save'])).toEqual({
      only: 'gemm',
      pairs: 3,
      precision: 'f32',
      json: true,
      save: true,
    })
  })
  it.each([
    [['--pairs', '0'], '--pairs: expected a whole number from 1 to 9999, got "0"'],
    [['--precision', 'i8'], '--precision: expected f32 or f16, got "i8"'],
    [['--only', ''], '--only: expected a part of a name, got ""'],
    [['--fast'], "Unknown option '--fast'"],
  ])('are rejected: %j', (argv, message) => expect(() => parseBenchFlags(argv)).toThrow(message))
})
