// A run of the benchmark, wherever its rows are measured.
import { UsageError } from '../../scripts/generate-flags'
import type { FloatDType } from '../../workers/engine/tensor'
import type { Ceiling } from './ceiling'
import type { BenchFlags } from './flags'
import type { MeasuredRow } from './measure-row'
import type { ClipMemory } from './memory'
import type { StepPauses } from './pauses'
import { describePauses, describeRow, missesGoal, missesShare, type BenchReport } from './report'
import { saveReport } from './results'
import { turnLimits, type TurnLimits } from './turns'

/** An adapter that is open, and what can be measured on it. */
export interface Bench {
  adapter: string
  runtime: BenchReport['runtime']
  /** of what does the work */
  versions: Record<string, string>
  software: boolean
  dtype: FloatDType
  /** names of all rows, in the order of the table */
  names: readonly string[]
  measureCeiling(): Promise<Ceiling>
  measure(name: string, ceiling: Ceiling, limits: TurnLimits): Promise<MeasuredRow>
  /** of whole clips, where the pipeline that makes them is at hand */
  clips?: {
    /** of clips of so many windows */
    measureMemory(windowCounts: readonly number[]): Promise<ClipMemory[]>
    /** of clips of these sides, in pixels */
    measurePauses(sides: readonly number[]): Promise<StepPauses[]>
  }
}

/** What `--only` knows the whole clips by. */
const PAUSES = 'pauses-starter'
const MEMORY = 'memory-starter'
const SIDES = [64, 128]
const WINDOWS = [1, 2, 4, 8]

/** Measures the rows that are asked for, says each when it is done, and keeps them. @returns the exit status @throws UsageError where no row is meant */
export async function runBench({ only = '', pairs, json, save }: BenchFlags, bench: Bench): Promise<number> {
  const { adapter, runtime, software, dtype } = bench
  const names = bench.names.filter((name) => name.includes(only))
  const ofClips = bench.clips ? [PAUSES, MEMORY] : []
  const wanted = ofClips.filter((name) => name.includes(only))
  if (names.length === 0 && wanted.length === 0) {
    throw new UsageError(`--only: expected a part of one of ${[...bench.names, ...ofClips].join(', ')}, got ${JSON.stringify(only)}`)
  }
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
  const pauses = wanted.includes(PAUSES) ? await bench.clips?.measurePauses(SIDES) : undefined
  for (const one of pauses ?? []) tell(`${PAUSES} ${describePauses(one)}`)
  const memory = wanted.includes(MEMORY) ? await bench.clips?.measureMemory(WINDOWS) : undefined
  for (const { frames, windows, peakGpuBytes } of memory ?? []) tell(`${MEMORY} [${frames} frames, ${windows} ${windows === 1 ? 'window' : 'windows'}] ${(peakGpuBytes / 1e6).toFixed(1)} MB at once`)
  const report: BenchReport = {
    date: new Date().toISOString(), adapter, runtime, precision: dtype, software, versions: bench.versions, ceiling, rows, ...(pauses && { pauses }), ...(memory && { memory }),
  }
  if (json) console.log(JSON.stringify(report))
  if (save) tell(`saved as ${saveReport(report)}`)
  return rows.some(missesGoal) || pauses?.some(missesShare) ? 1 : 0
}
