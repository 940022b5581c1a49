// What the benchmark makes of times, and how it takes its flags.
import { describe, expect, it } from 'vitest'
import { parseBenchFlags } from '../bench/flags'
import type { MeasuredRow } from '../bench/measure-row'
import { describeRow, markdownTable, missesGoal } from '../bench/report'
import { quantile, turnLimits } from '../bench/turns'

const row: MeasuredRow = {
  name: 'attention-ltx-512', shape: 'N 512', precision: 'f16', kernel: 'ours', oursMs: 12.5, oursP90Ms: 14, peer: 'MultiHeadAttention', peerMs: 25, peerP90Ms: 30,
  ratio: 2, ratios: [1.9, 2, 2.2], goal: 1.5, difference: 0.001, agrees: true, gflops: 21, gbs: 1, ceilingShare: 0.42,
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
  ])('meets its goal, or not', (each, misses) => expect(missesGoal(each)).toBe(misses))

  it('is said with its speed on a GPU alone, and with its doubts', () => {
    expect(describeRow(row, false)).toContain('ratio 2.00 of 1.90 2.00 2.20, goal 1.5: met; 42 % of the ceiling, 21 GFLOP/s, 1 GB/s')
    expect(describeRow(row, true)).not.toContain('GFLOP')
    expect(describeRow({ ...row, difference: 0.054, agrees: false }, true)).toContain('the results differ by 5.4 %')
    expect(describeRow(without, true)).toContain('peer – ms')
  })

  it('stands in a table, with the reason where there is no ratio', () => {
    const report = { date: '2026-11-29T10:00:00.000Z', adapter: 'some GPU', software: false, versions: { node: '20' }, ceiling: { gflops: 50, gbs: 5 }, rows: [row, without] }
    const lines = markdownTable(report).split('\n')
    expect(lines.at(-2)).toBe('| attention-ltx-512 | N 512 | f16 | 13 ms | 25 ms | 2.00 | 1.5 ✓ | 42 % |')
    expect(lines.at(-1)).toBe('| attention-ltx-512 | N 512 | f16 | 13 ms | Det: not on the GPU | – | 1.5 ✗ | 42 % |')
    expect(lines[2]).toContain('2026-11-29; node 20; ceiling 50.0 GFLOP/s, 5.0 GB/s.')
  })
})

it('quantiles are values that were measured', () => {
  expect([0.5, 0.9, 1, 0].map((q) => quantile([5, 1, 4, 2, 3], q))).toEqual([3, 5, 5, 1])
  expect(() => quantile([], 0.5)).toThrow(RangeError)
})

it('turns are as many as are asked for, or as the adapter has time for', () => {
  expect(turnLimits(true, 7)).toEqual({ pairs: 7, fewestPairs: 7, seconds: 0 })
  expect(turnLimits(true, undefined).pairs).toBeLessThan(turnLimits(false, undefined).pairs)
})

describe('flags', () => {
  it('are read', () => {
    expect(parseBenchFlags([])).toEqual({ json: false, save: false })
    expect(parseBenchFlags(['--only', 'gemm', '--pairs', '3', '--precision', 'f32', '--json', '--save'])).toEqual({ only: 'gemm', pairs: 3, precision: 'f32', json: true, save: true })
  })
  it.each([
    [['--pairs', '0'], '--pairs: expected a whole number from 1 to 9999, got "0"'],
    [['--precision', 'i8'], '--precision: expected f32 or f16, got "i8"'],
    [['--only', ''], '--only: expected a part of a name, got ""'],
    [['--fast'], "Unknown option '--fast'"],
  ])('%j is refused', (argv, message) => expect(() => parseBenchFlags(argv)).toThrow(message))
})
