// A run of the benchmark, in Node or in a browser.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import * as v from 'valibot'
import { UsageError } from '../../scripts/generate-flags'
import { root } from '../../scripts/process.mjs'
import type { FloatDType } from '../../workers/engine/tensor'
import type { Ceiling } from './ceiling'
import type { MeasuredRow } from './measure-row'
import type { ClipMemory } from './memory'
import type { StepIdleTime } from './idle-time'
import { describeIdleTime, describeRow, missesGoal, missesShare, type BenchReport } from './report'
import { saveReport } from './results'
import { turnLimits, type TurnLimits } from './turns'

/** The flags of `npm run bench` and `npm run bench:browser`. */
const FlagsSchema = v.object({
  /** part of the names of rows */
  only: v.optional(v.pipe(v.string(), v.minLength(1, 'expected a part of a name'))),
  /** turns per row */
  pairs: v.optional(v.pipe(v.string(), v.regex(/^[1-9]\d{0,3}$/, 'expected a whole number from 1 to 9999'), v.transform(Number))),
  /** of activations; f16 by default where the adapter supports it */
  precision: v.optional(v.picklist(['f32', 'f16'], 'expected f32 or f16')),
  json: v.optional(v.boolean(), false),
  /** save the result in tests/bench/results, and rewrite the tables of tests/bench/README.md */
  save: v.optional(v.boolean(), false),
})
export type BenchFlags = v.InferOutput<typeof FlagsSchema>

/** @throws UsageError one line: flag, expected and actual value. Pure. */
export function parseBenchFlags(argv: readonly string[]): BenchFlags {
  const string = { type: 'string' } as const
  const boolean = { type: 'boolean' } as const
  let values: Record<string, unknown>
  try {
    values = parseArgs({
      args: [...argv],
      strict: true,
      allowPositionals: false,
      options: { only: string, pairs: string, precision: string, json: boolean, save: boolean },
    }).values
  } catch (error) {
    throw new UsageError((error instanceof Error ? error.message : String(error)).split('\n')[0] as string)
  }
  const parsed = v.safeParse(FlagsSchema, values)
  if (parsed.success) return parsed.output
  const issue = parsed.issues[0]
  const flag = v.getDotPath(issue) ?? 'flag'
  throw new UsageError(`--${flag}: ${issue.message}, got ${JSON.stringify(values[flag])}`)
}

/** An open adapter and its measurements. */
export interface Bench {
  adapter: string
  runtime: BenchReport['runtime']
  /** of the runtime and packages */
  versions: Record<string, string>
  software: boolean
  dtype: FloatDType
  /** names of all rows, in the order of the table */
  names: readonly string[]
  measureCeiling(): Promise<Ceiling>
  measure(name: string, ceiling: Ceiling, limits: TurnLimits): Promise<MeasuredRow>
  /** measurements of whole clips, where the pipeline is available */
  clips?: {
    /** of clips with these numbers of chunks */
    measureMemory(chunkCounts: readonly number[]): Promise<ClipMemory[]>
    /** of square clips with these sides in pixels */
    measureIdleTime(sides: readonly number[]): Promise<StepIdleTime[]>
  }
}

/** Names of the measurements of whole clips for `--only`. */
const IDLE_TIME = 'idle-time-starter'
const MEMORY = 'memory-starter'
const SIDES = [64, 128]
const CHUNKS = [1, 2, 4, 8]

/** Measures, prints and saves the requested rows. @returns the exit status @throws UsageError if no row matches */
export async function runBench({ only = '', pairs, json, save }: BenchFlags, bench: Bench): Promise<number> {
  const { adapter, runtime, software, dtype } = bench
  const names = bench.names.filter((name) => name.includes(only))
  const ofClips = bench.clips ? [IDLE_TIME, MEMORY] : []
  const wanted = ofClips.filter((name) => name.includes(only))
  if (names.length === 0 && wanted.length === 0) {
    throw new UsageError(`--only: expected a part of one of ${[...bench.names, ...ofClips].join(', ')}, got ${JSON.stringify(only)}`)
  }
  const print = (line: string) => void (json ? console.error(line) : console.log(line))
  print(`${adapter}${software ? ' (software: compare ratios, not times)' : ''}, ${dtype}`)
  const ceiling = await bench.measureCeiling()
  print(`ceiling: ${ceiling.gflops.toFixed(1)} GFLOP/s, ${ceiling.gbs.toFixed(1)} GB/s`)
  const rows: MeasuredRow[] = []
  for (const name of names) {
    const row = await bench.measure(name, ceiling, turnLimits(software, pairs))
    rows.push(row)
    print(describeRow(row, software))
  }
  const idleTime = wanted.includes(IDLE_TIME) ? await bench.clips?.measureIdleTime(SIDES) : undefined
  for (const one of idleTime ?? []) print(`${IDLE_TIME} ${describeIdleTime(one)}`)
  const memory = wanted.includes(MEMORY) ? await bench.clips?.measureMemory(CHUNKS) : undefined
  for (const { frames, chunks, peakGpuBytes } of memory ?? [])
    print(`${MEMORY} [${frames} frames, ${chunks} ${chunks === 1 ? 'chunk' : 'chunks'}] ${(peakGpuBytes / 1e6).toFixed(1)} MB peak`)
  const report: BenchReport = {
    date: new Date().toISOString(),
    adapter,
    runtime,
    precision: dtype,
    software,
    versions: bench.versions,
    ceiling,
    rows,
    ...(idleTime && { idleTime }),
    ...(memory && { memory }),
  }
  if (json) console.log(JSON.stringify(report))
  if (save) print(`saved as ${saveReport(report)}`)
  return rows.some(missesGoal) || idleTime?.some(missesShare) ? 1 : 0
}

/** Versions of Node and of these packages. */
export function versions(names: readonly string[]): Record<string, string> {
  const packages = names.map((name) => {
    const { version } = JSON.parse(readFileSync(join(root, 'node_modules', name, 'package.json'), 'utf8')) as { version: string }
    return [name, version] as const
  })
  return { node: process.versions.node, ...Object.fromEntries(packages) }
}
