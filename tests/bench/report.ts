// Text and tables of a benchmark run.
import type { Ceiling } from './ceiling'
import type { FloatDType } from '../../workers/engine/tensor'
import type { HostShare, MeasuredRow } from './measure-row'
import type { ClipMemory } from './memory'
import type { StepIdleTime } from './idle-time'

/** The output of `--json`. */
export interface BenchReport {
  /** ISO 8601 */
  date: string
  adapter: string
  /** where it ran */
  runtime: 'node' | 'browser'
  /** of activations */
  precision: FloatDType
  software: boolean
  versions: Record<string, string>
  ceiling: Ceiling
  rows: MeasuredRow[]
  /** of the steps of a clip, if measured */
  idleTime?: StepIdleTime[]
  /** of clips of several chunks, if measured */
  memory?: ClipMemory[]
}

/** Whether a row misses its goal; a row without a ratio does. */
export function missesGoal(row: MeasuredRow): boolean {
  return missesRatio(row) || (row.host !== undefined && missesShare(row.host))
}

function missesRatio({ ratio, goal }: MeasuredRow): boolean {
  return goal !== null && !(ratio !== null && ratio >= goal)
}

/** Whether a share is over its goal. */
export function missesShare({ share, goal }: Pick<HostShare, 'share' | 'goal'>): boolean {
  return goal !== null && share > goal
}

const percent = (share: number): string => `${(share * 100).toFixed(share < 0.1 ? 1 : 0)} %`

const figures = (value: number | null, digits: number) => (value === null ? '–' : value.toFixed(digits))

/** One line. For a software adapter without its speed. */
export function describeRow(row: MeasuredRow, software: boolean): string {
  const verdict = row.goal === null ? '' : `, goal ${row.goal}: ${missesRatio(row) ? 'MISSED' : 'met'}`
  const speed = software ? '' : `, ${figures(row.gflops, 0)} GFLOP/s, ${figures(row.gbs, 0)} GB/s`
  const times = `ours ${figures(row.oursMs, 2)} ms (p90 ${figures(row.oursP90Ms, 2)}), peer ${figures(row.peerMs, 2)} ms (p90 ${figures(row.peerP90Ms, 2)})`
  const doubt = row.agrees ? '' : `; the results differ by ${(100 * (row.difference ?? 0)).toFixed(1)} %`
  return `${row.name} [${row.shape}; ${row.precision}] ${row.kernel} : ${row.peer}\n  ${times}, ratio ${figures(row.ratio, 2)} of ${row.ratios.map((ratio) => ratio.toFixed(2)).join(' ')}${verdict}; ${(row.ceilingShare * 100).toFixed(0)} % of the ceiling${speed}${row.host ? `; ${describeHost(row.host)}` : ''}${doubt}`
}

function describeHost(host: HostShare): string {
  const verdict = host.goal === null ? '' : `, goal ${percent(host.goal)}: ${missesShare(host) ? 'MISSED' : 'met'}`
  return `${host.ms.toFixed(2)} ms of a step in JavaScript (${percent(host.share)}${verdict}), ${host.submits.toFixed(1)} submits, the longest ${host.longestSubmitMs.toFixed(0)} ms`
}

/** One line. */
export function describeIdleTime(idleTime: StepIdleTime): string {
  const verdict = idleTime.goal === null ? '' : `, goal ${percent(idleTime.goal)}: ${missesShare(idleTime) ? 'MISSED' : 'met'}`
  return `[${idleTime.shape}] ${idleTime.stepMs.toFixed(1)} ms a step, ${percent(idleTime.share)} GPU idle${verdict}`
}

/** The tables of one result, as Markdown. */
export function markdownTables(report: BenchReport): string {
  return [resultTable(report), stepTable(report.rows), idleTimeTable(report.idleTime ?? []), growthTable(report.rows), memoryTable(report.memory ?? [])]
    .filter(Boolean)
    .join('\n\n')
}

const ms = (value: number | null): string => (value === null ? '–' : `${value < 10 ? value.toFixed(2) : value.toFixed(0)} ms`)

function resultTable({ date, adapter, runtime, precision, software, versions, ceiling, rows }: BenchReport): string {
  const lines = [
    `### ${adapter}, ${precision}, in ${runtime === 'node' ? 'Node' : 'a browser'}`,
    '',
    `${date.slice(0, 10)}; ${Object.entries(versions)
      .map(([name, version]) => `${name} ${version}`)
      .join(
        ', ',
      )}; ceiling ${ceiling.gflops.toFixed(1)} GFLOP/s, ${ceiling.gbs.toFixed(1)} GB/s.${software ? ' A software adapter: compare ratios, not times.' : ''}`,
    '',
    '| row | shape | precision | ours | peer | ratio | goal | of the ceiling |',
    '|---|---|---|---|---|---|---|---|',
  ]
  for (const row of rows) {
    const met = row.goal === null ? '' : `${row.goal} ${missesRatio(row) ? '✗' : '✓'}`
    lines.push(
      `| ${row.name} | ${row.shape} | ${row.precision} | ${ms(row.oursMs)} | ${row.peerMs === null ? row.peer : ms(row.peerMs)} | ${figures(row.ratio, 2)} | ${met} | ${(row.ceilingShare * 100).toFixed(0)} % |`,
    )
  }
  return lines.join('\n')
}

/** Whole steps: time in JavaScript, and submits. Empty without such rows. */
function stepTable(rows: readonly MeasuredRow[]): string {
  const lines = rows.flatMap(({ name, host, oursMs }) => {
    if (!host) return []
    const goal = host.goal === null ? '' : `${percent(host.goal)} ${missesShare(host) ? '✗' : '✓'}`
    return [`| ${name} | ${ms(oursMs)} | ${ms(host.ms)} | ${percent(host.share)} | ${goal} | ${host.submits.toFixed(1)} | ${ms(host.longestSubmitMs)} |`]
  })
  if (lines.length === 0) return ''
  return ['| whole step | ours | in JavaScript | share | at most | submits | longest submit |', '|---|---|---|---|---|---|---|', ...lines].join('\n')
}

function idleTimeTable(idleTime: readonly StepIdleTime[]): string {
  if (idleTime.length === 0) return ''
  return [
    '| denoised clip | step | GPU idle | at most |',
    '|---|---|---|---|',
    ...idleTime.map(
      (one) =>
        `| ${one.shape} | ${ms(one.stepMs)} | ${percent(one.share)} | ${one.goal === null ? '' : `${percent(one.goal)} ${missesShare(one) ? '✗' : '✓'}`} |`,
    ),
  ].join('\n')
}

/** A row and its growth from the previous one. */
export interface GrowthStep {
  name: string
  with: 'tokens' | 'layers'
  count: number
  ms: number
  /** its time / that of the previous row; null for the first */
  ratio: number | null
  /** by the number of operations: quadratic in tokens, linear in layers */
  expected: number | null
}

/** Growth of time by tokens and by layers, smallest first. Pure. */
export function growthOf(rows: readonly MeasuredRow[]): GrowthStep[] {
  return (['tokens', 'layers'] as const).flatMap((what) => {
    const those = rows.flatMap((row) => (row.grows?.with === what ? [{ ...row, count: row.grows.count }] : [])).sort((a, b) => a.count - b.count)
    return those.map((row, index) => {
      const before = those[index - 1]
      const more = before && row.count / before.count
      return {
        name: row.name,
        with: what,
        count: row.count,
        ms: row.oursMs,
        ratio: before ? row.oursMs / before.oursMs : null,
        expected: more ? (what === 'tokens' ? more ** 2 : more) : null,
      }
    })
  })
}

function growthTable(rows: readonly MeasuredRow[]): string {
  const steps = growthOf(rows)
  if (steps.length === 0) return ''
  const times = (value: number | null) => (value === null ? '' : `× ${value.toFixed(2)}`)
  return [
    '| row | size | ours | growth | expected |',
    '|---|---|---|---|---|',
    ...steps.map((step) => `| ${step.name} | ${step.count} ${step.with} | ${ms(step.ms)} | ${times(step.ratio)} | ${times(step.expected)} |`),
  ].join('\n')
}

function memoryTable(memory: readonly ClipMemory[]): string {
  if (memory.length === 0) return ''
  return [
    '| frames of a clip | chunks | peak GPU memory |',
    '|---|---|---|',
    ...memory.map(({ frames, chunks, peakGpuBytes }) => `| ${frames} | ${chunks} | ${(peakGpuBytes / 1e6).toFixed(1)} MB |`),
  ].join('\n')
}
