// What a run of the benchmark comes to, in words.
import type { Ceiling } from './ceiling'
import type { FloatDType } from '../../workers/engine/tensor'
import type { HostShare, MeasuredRow } from './measure-row'
import type { ClipMemory } from './memory'
import type { StepPauses } from './pauses'

/** What `--json` prints. */
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
  /** of the steps of a clip, where that was measured */
  pauses?: StepPauses[]
  /** of clips of several windows, where that was measured */
  memory?: ClipMemory[]
}

/** A row without a ratio meets no goal. */
export function missesGoal(row: MeasuredRow): boolean {
  return missesRatio(row) || (row.host !== undefined && missesShare(row.host))
}

function missesRatio({ ratio, goal }: MeasuredRow): boolean {
  return goal !== null && !(ratio !== null && ratio >= goal)
}

/** Whether the processor takes more of a step than is wanted. */
export function missesShare({ share, goal }: Pick<HostShare, 'share' | 'goal'>): boolean {
  return goal !== null && share > goal
}

const percent = (share: number): string => `${(share * 100).toFixed(share < 0.1 ? 1 : 0)} %`

const figures = (value: number | null, digits: number) => (value === null ? '–' : value.toFixed(digits))

/** One line a row. Of a software adapter only what does not depend on its speed. */
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
export function describePauses(pauses: StepPauses): string {
  const verdict = pauses.goal === null ? '' : `, goal ${percent(pauses.goal)}: ${missesShare(pauses) ? 'MISSED' : 'met'}`
  return `[${pauses.shape}] ${pauses.stepMs.toFixed(1)} ms a step, ${percent(pauses.share)} of it without work on the GPU${verdict}`
}

/** The tables of one result, as Markdown. */
export function markdownTables(report: BenchReport): string {
  return [resultTable(report), stepTable(report.rows), pausesTable(report.pauses ?? []), growthTable(report.rows), memoryTable(report.memory ?? [])].filter(Boolean).join('\n\n')
}

const ms = (value: number | null): string => (value === null ? '–' : `${value < 10 ? value.toFixed(2) : value.toFixed(0)} ms`)

function resultTable({ date, adapter, runtime, precision, software, versions, ceiling, rows }: BenchReport): string {
  const lines = [
    `### ${adapter}, ${precision}, in ${runtime === 'node' ? 'Node' : 'a browser'}`,
    '',
    `${date.slice(0, 10)}; ${Object.entries(versions).map(([name, version]) => `${name} ${version}`).join(', ')}; ceiling ${ceiling.gflops.toFixed(1)} GFLOP/s, ${ceiling.gbs.toFixed(1)} GB/s.${software ? ' A software adapter: the ratios say something, the times do not.' : ''}`,
    '',
    '| row | shape | precision | ours | peer | ratio | goal | of the ceiling |',
    '|---|---|---|---|---|---|---|---|',
  ]
  for (const row of rows) {
    const met = row.goal === null ? '' : `${row.goal} ${missesRatio(row) ? '✗' : '✓'}`
    lines.push(`| ${row.name} | ${row.shape} | ${row.precision} | ${ms(row.oursMs)} | ${row.peerMs === null ? row.peer : ms(row.peerMs)} | ${figures(row.ratio, 2)} | ${met} | ${(row.ceilingShare * 100).toFixed(0)} % |`)
  }
  return lines.join('\n')
}

/** Whole steps: what of them is JavaScript, and how they are cut. Empty where there is none. */
function stepTable(rows: readonly MeasuredRow[]): string {
  const lines = rows.flatMap(({ name, host, oursMs }) => {
    if (!host) return []
    const goal = host.goal === null ? '' : `${percent(host.goal)} ${missesShare(host) ? '✗' : '✓'}`
    return [`| ${name} | ${ms(oursMs)} | ${ms(host.ms)} | ${percent(host.share)} | ${goal} | ${host.submits.toFixed(1)} | ${ms(host.longestSubmitMs)} |`]
  })
  if (lines.length === 0) return ''
  return ['| whole step | ours | of it in JavaScript | share | at most | submits | longest submit |', '|---|---|---|---|---|---|---|', ...lines].join('\n')
}

function pausesTable(pauses: readonly StepPauses[]): string {
  if (pauses.length === 0) return ''
  return [
    '| a clip being denoised | step | of it without work on the GPU | at most |',
    '|---|---|---|---|',
    ...pauses.map((one) => `| ${one.shape} | ${ms(one.stepMs)} | ${percent(one.share)} | ${one.goal === null ? '' : `${percent(one.goal)} ${missesShare(one) ? '✗' : '✓'}`} |`),
  ].join('\n')
}

/** A row beside the one before it, which has less of the same. */
export interface GrowthStep {
  name: string
  with: 'tokens' | 'layers'
  count: number
  ms: number
  /** its time / that of the one before; null of the first */
  ratio: number | null
  /** by the operations: attention's are the square of its tokens, a step's are as many as it has layers */
  expected: number | null
}

/** How time grows, by tokens and by layers, the least first. Pure. */
export function growthOf(rows: readonly MeasuredRow[]): GrowthStep[] {
  return (['tokens', 'layers'] as const).flatMap((what) => {
    const those = rows.flatMap((row) => (row.grows?.with === what ? [{ ...row, count: row.grows.count }] : [])).sort((a, b) => a.count - b.count)
    return those.map((row, index) => {
      const before = those[index - 1]
      const more = before && row.count / before.count
      return { name: row.name, with: what, count: row.count, ms: row.oursMs, ratio: before ? row.oursMs / before.oursMs : null, expected: more ? (what === 'tokens' ? more ** 2 : more) : null }
    })
  })
}

function growthTable(rows: readonly MeasuredRow[]): string {
  const steps = growthOf(rows)
  if (steps.length === 0) return ''
  const times = (value: number | null) => (value === null ? '' : `× ${value.toFixed(2)}`)
  return [
    '| row | grows with | ours | to the one before | expected |',
    '|---|---|---|---|---|',
    ...steps.map((step) => `| ${step.name} | ${step.count} ${step.with} | ${ms(step.ms)} | ${times(step.ratio)} | ${times(step.expected)} |`),
  ].join('\n')
}

function memoryTable(memory: readonly ClipMemory[]): string {
  if (memory.length === 0) return ''
  return [
    '| frames of a clip | windows | most GPU memory at once |',
    '|---|---|---|',
    ...memory.map(({ frames, windows, peakGpuBytes }) => `| ${frames} | ${windows} | ${(peakGpuBytes / 1e6).toFixed(1)} MB |`),
  ].join('\n')
}
