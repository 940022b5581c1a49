// A run of the benchmark, wherever its rows are measured.
import { UsageError } from '../commands/generate-flags'
import type { FloatDType } from '../../workers/engine/tensor'
import type { Ceiling } from './ceiling'
import type { BenchFlags } from './flags'
import type { MeasuredRow } from './measure-row'
import { describeRow, missesGoal, type BenchReport } from './report'
import { saveReport } from './results'
import { turnLimits, type TurnLimits } from './turns'
import { versions } from './versions'

/** An adapter that is open, and what can be measured on it. */
export interface Bench {
  adapter: string
  software: boolean
  dtype: FloatDType
  /** names of all rows, in the order of the table */
  names: readonly string[]
  measureCeiling(): Promise<Ceiling>
  measure(name: string, ceiling: Ceiling, limits: TurnLimits): Promise<MeasuredRow>
}

/** Measures the rows that are asked for, says each when it is done, and keeps them. @returns the exit status @throws UsageError where no row is meant */
export async function runBench({ only = '', pairs, json, save }: BenchFlags, bench: Bench): Promise<number> {
  const { adapter, software, dtype } = bench
  const names = bench.names.filter((name) => name.includes(only))
  if (names.length === 0) throw new UsageError(`--only: expected a part of one of ${bench.names.join(', ')}, got ${JSON.stringify(only)}`)
  const tell = (line: string) => void (json ? console.error(line) : console.log(line))
  tell(`${adapter}${software ? ' (software: ratios only, no claim of speed)' : ''}, ${dtype}`)
  const ceiling = await bench.measureCeiling()
  tell(`ceiling: ${ceiling.gflops.toFixed(1)} GFLOP/s, ${ceiling.gbs.toFixed(1)} GB/s`)
  const rows: MeasuredRow[] = []
  for (const name of names) {
    const row = await bench.measure(name, ceiling, turnLimits(software, pairs))
    rows.push(row)
    tell(describeRow(row, software))
  }
  const report: BenchReport = { date: new Date().toISOString(), adapter, software, versions: versions(), ceiling, rows }
  if (json) console.log(JSON.stringify(report))
  if (save) tell(`saved as ${saveReport(report, dtype)}`)
  return rows.some(missesGoal) ? 1 : 0
}
