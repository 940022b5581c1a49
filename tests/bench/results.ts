// Results that are kept: a JSON file an adapter, precision and runtime, and all of them in the tables of README.md.
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { root } from '../../scripts/process.mjs'
import { countsTable } from './counts'
import { markdownTables, type BenchReport } from './report'
import { modelRows, operationRows } from './rows'
import { readStarterAutoencoder } from './starter-autoencoder'

const FOLDER = join(root, 'tests/bench/results')
const README = join(root, 'tests/bench/README.md')
/** What stands behind this line is written, not edited. */
const MARK = '<!-- results: npm run bench -- --save -->'

const COUNTED = `The rows of a real GPU, none of which was at hand: operations, the bytes that have to be read and written at least, and what the
data sheets of two GPUs make of that (f32 multiply-adds and memory; f16 and matrix units can do more). No kernel can be faster than the bound.`

/** The name of a result's file: what ran elsewhere, in other numbers or on another adapter has another. Pure. */
export function resultName({ adapter, precision, runtime }: Pick<BenchReport, 'adapter' | 'precision' | 'runtime'>): string {
  const slug = adapter.toLowerCase().replace(/[^a-z0-9]+/g, '-').replace(/^-|-$/g, '')
  return `${slug.slice(0, 160)}-${precision}-${runtime}.json`
}

/** Takes the place of an earlier result of the same, and writes the tables anew. → the file's path */
export function saveReport(report: BenchReport): string {
  mkdirSync(FOLDER, { recursive: true })
  const file = join(FOLDER, resultName(report))
  writeFileSync(file, `${JSON.stringify(report, null, 1)}\n`)
  writeTables()
  return relative(root, file)
}

/** Writes the tables of all results that are kept, and those by count. */
export function writeTables(): void {
  const text = readFileSync(README, 'utf8')
  const before = text.slice(0, text.indexOf(MARK) + MARK.length)
  const tables = readdirSync(FOLDER).sort().filter((name) => name.endsWith('.json'))
    .map((name) => markdownTables(JSON.parse(readFileSync(join(FOLDER, name), 'utf8')) as BenchReport))
  // without the rows of int8 products, which the data sheets' floating-point operations do not bound
  const gpu = { software: false, name: 'some GPU', dot4: false }
  const counted = ['### By count', COUNTED, countsTable([...operationRows(gpu, 'f16'), ...modelRows(gpu, readStarterAutoencoder(), 'f16')])]
  writeFileSync(README, [before, ...tables, ...counted].join('\n\n') + '\n')
}
