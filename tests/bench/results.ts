// Saved results: a JSON file per adapter, precision and runtime, and tables of all results in README.md.
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { root } from '../../scripts/process.mjs'
import type { Ceiling } from './ceiling'
import { markdownTables, type BenchReport } from './report'
import { precisionOf, type Row } from './row'
import { modelRows, operationRows } from './rows'
import { readStarterAutoencoder } from './starter'

const FOLDER = join(root, 'tests/bench/results')
const README = join(root, 'tests/bench/README.md')
/** The text behind this line is generated. */
const MARK = '<!-- results: npm run bench -- --save -->'

const COUNTED = `The rows of a real GPU, by calculation: operations, the minimum of bytes to read and write, and the least time by the data sheets of two
GPUs (f32 multiply-adds and memory; f16 and matrix units are faster). No measurement.`

/** The name of a result's file, by adapter, precision and runtime. Pure. */
export function resultName({ adapter, precision, runtime }: Pick<BenchReport, 'adapter' | 'precision' | 'runtime'>): string {
  const slug = adapter
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '')
  return `${slug.slice(0, 160)}-${precision}-${runtime}.json`
}

/** Saves a result over the previous one of the same name, and rewrites the tables. → the file's path */
export function saveReport(report: BenchReport): string {
  mkdirSync(FOLDER, { recursive: true })
  const file = join(FOLDER, resultName(report))
  writeFileSync(file, `${JSON.stringify(report, null, 1)}\n`)
  writeTables()
  return relative(root, file)
}

/** Writes the tables of all saved results, and those by calculation. */
export function writeTables(): void {
  const text = readFileSync(README, 'utf8')
  const before = text.slice(0, text.indexOf(MARK) + MARK.length)
  const tables = readdirSync(FOLDER)
    .sort()
    .filter((name) => name.endsWith('.json'))
    .map((name) => markdownTables(JSON.parse(readFileSync(join(FOLDER, name), 'utf8')) as BenchReport))
  // without the rows of int8 products, which the data sheets' floating-point rates do not bound
  const gpu = { software: false, name: 'some GPU', dot4: false }
  const counted = ['### By count', COUNTED, countsTable([...operationRows(gpu, 'f16'), ...modelRows(gpu, readStarterAutoencoder(), 'f16')])]
  writeFileSync(README, [before, ...tables, ...counted].join('\n\n') + '\n')
}

/** From the manufacturers' data sheets: f32 multiply-adds on the shader cores, and memory bandwidth. */
const NAMED: Record<string, Ceiling> = {
  // https://www.nvidia.com/en-us/geforce/graphics-cards/40-series/rtx-4070-family/
  'RTX 4070': { gflops: 29_150, gbs: 504 },
  // https://www.apple.com/newsroom/2022/06/apple-unveils-m2-with-breakthrough-performance-and-capabilities/
  'Apple M2': { gflops: 3_600, gbs: 100 },
}

/** The least milliseconds that a row can take, and the resource that limits it. */
function bound({ flops, bytes }: Pick<Row, 'flops' | 'bytes'>, { gflops, gbs }: Ceiling): { ms: number; by: 'operations' | 'bytes' } {
  const computeMs = flops / gflops / 1e6
  const memoryMs = bytes / gbs / 1e6
  return computeMs >= memoryMs ? { ms: computeMs, by: 'operations' } : { ms: memoryMs, by: 'bytes' }
}

/** As Markdown: 10⁹ operations, 10⁶ bytes, operations per byte, and the least time on each of the named GPUs. */
function countsTable(rows: readonly Row[]): string {
  const names = Object.keys(NAMED)
  const lines = [
    `| row | shape | precision | GFLOP | MB | FLOP a byte | ${names.map((name) => `at least, on ${name}`).join(' | ')} | measured |`,
    `|---|---|---|---|---|---|${names.map(() => '---|').join('')}---|`,
  ]
  for (const row of rows) {
    const bounds = names.map((name) => bound(row, NAMED[name] as Ceiling)).map(({ ms, by }) => `${ms < 1 ? ms.toFixed(3) : ms.toFixed(1)} ms, by ${by}`)
    lines.push(
      `| ${row.name} | ${row.shape} | ${precisionOf(row)} | ${(row.flops / 1e9).toFixed(2)} | ${(row.bytes / 1e6).toFixed(1)} | ${(row.flops / row.bytes).toFixed(0)} | ${bounds.join(' | ')} | not measured |`,
    )
  }
  return lines.join('\n')
}
