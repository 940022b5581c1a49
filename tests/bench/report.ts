// What a run of the benchmark comes to, in words.
import type { Ceiling } from './ceiling'
import type { MeasuredRow } from './measure-row'

/** What `--json` prints. */
export interface BenchReport {
  /** ISO 8601 */
  date: string
  adapter: string
  software: boolean
  versions: Record<string, string>
  ceiling: Ceiling
  rows: MeasuredRow[]
}

/** A row without a ratio meets no goal. */
export function missesGoal({ ratio, goal }: MeasuredRow): boolean {
  return goal !== null && !(ratio !== null && ratio >= goal)
}

const figures = (value: number | null, digits: number) => (value === null ? '–' : value.toFixed(digits))

/** One line a row. Of a software adapter only what does not depend on its speed. */
export function describeRow(row: MeasuredRow, software: boolean): string {
  const verdict = row.goal === null ? '' : `, goal ${row.goal}: ${missesGoal(row) ? 'MISSED' : 'met'}`
  const speed = software ? '' : `, ${figures(row.gflops, 0)} GFLOP/s, ${figures(row.gbs, 0)} GB/s`
  const times = `ours ${figures(row.oursMs, 2)} ms (p90 ${figures(row.oursP90Ms, 2)}), peer ${figures(row.peerMs, 2)} ms (p90 ${figures(row.peerP90Ms, 2)})`
  const doubt = row.agrees ? '' : `; the results differ by ${(100 * (row.difference ?? 0)).toFixed(1)} %`
  return `${row.name} [${row.shape}; ${row.precision}] ${row.kernel} : ${row.peer}\n  ${times}, ratio ${figures(row.ratio, 2)} of ${row.ratios.map((ratio) => ratio.toFixed(2)).join(' ')}${verdict}; ${(row.ceilingShare * 100).toFixed(0)} % of the ceiling${speed}${doubt}`
}

/** The table of one result, as Markdown. */
export function markdownTable({ date, adapter, software, versions, ceiling, rows }: BenchReport): string {
  const lines = [
    `### ${adapter}`,
    '',
    `${date.slice(0, 10)}; ${Object.entries(versions).map(([name, version]) => `${name} ${version}`).join(', ')}; ceiling ${ceiling.gflops.toFixed(1)} GFLOP/s, ${ceiling.gbs.toFixed(1)} GB/s.${software ? ' A software adapter: the ratios say something, the times do not.' : ''}`,
    '',
    '| row | shape | precision | ours | peer | ratio | goal | of the ceiling |',
    '|---|---|---|---|---|---|---|---|',
  ]
  for (const row of rows) {
    const met = row.goal === null ? '' : `${row.goal} ${missesGoal(row) ? '✗' : '✓'}`
    const ms = (value: number | null) => (value === null ? '–' : `${value < 10 ? value.toFixed(2) : value.toFixed(0)} ms`)
    lines.push(`| ${row.name} | ${row.shape} | ${row.precision} | ${ms(row.oursMs)} | ${row.peerMs === null ? row.peer : ms(row.peerMs)} | ${figures(row.ratio, 2)} | ${met} | ${(row.ceilingShare * 100).toFixed(0)} % |`)
  }
  return lines.join('\n')
}
