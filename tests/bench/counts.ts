// What the rows of a real GPU cost by count, beside what named GPUs could at best do: a bound, and no measurement.
import type { Ceiling } from './ceiling'
import { precisionOf, type Row } from './row'

/** By their makers' data sheets: f32 multiply-adds on the shader cores, and memory. */
const NAMED: Record<string, Ceiling> = {
  // https://www.nvidia.com/en-us/geforce/graphics-cards/40-series/rtx-4070-family/
  'RTX 4070': { gflops: 29_150, gbs: 504 },
  // https://www.apple.com/newsroom/2022/06/apple-unveils-m2-with-breakthrough-performance-and-capabilities/
  'Apple M2': { gflops: 3_600, gbs: 100 },
}

/** Milliseconds that a row takes at the least, and what holds it there. */
function bound({ flops, bytes }: Pick<Row, 'flops' | 'bytes'>, { gflops, gbs }: Ceiling): { ms: number; by: 'operations' | 'bytes' } {
  const computeMs = flops / gflops / 1e6
  const memoryMs = bytes / gbs / 1e6
  return computeMs >= memoryMs ? { ms: computeMs, by: 'operations' } : { ms: memoryMs, by: 'bytes' }
}

/** As Markdown: 10⁹ operations, 10⁶ bytes, operations a byte, and the least time on each of the named GPUs. */
export function countsTable(rows: readonly Row[]): string {
  const names = Object.keys(NAMED)
  const lines = [
    `| row | shape | precision | GFLOP | MB | FLOP a byte | ${names.map((name) => `at least, on ${name}`).join(' | ')} | measured |`,
    `|---|---|---|---|---|---|${names.map(() => '---|').join('')}---|`,
  ]
  for (const row of rows) {
    const bounds = names.map((name) => bound(row, NAMED[name] as Ceiling)).map(({ ms, by }) => `${ms < 1 ? ms.toFixed(3) : ms.toFixed(1)} ms, by ${by}`)
    lines.push(`| ${row.name} | ${row.shape} | ${precisionOf(row)} | ${(row.flops / 1e9).toFixed(2)} | ${(row.bytes / 1e6).toFixed(1)} | ${(row.flops / row.bytes).toFixed(0)} | ${bounds.join(' | ')} | not measured |`)
  }
  return lines.join('\n')
}
