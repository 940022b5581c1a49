// Saved results: one JSON file per adapter, precision and runtime, and results/README.md with the tables of all of them.
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { root } from '../../scripts/process.mjs'
import { countsTable } from './counts'
import { markdownTables, type BenchReport } from './report'
import { modelRows, operationRows } from './rows'
import { readStarterAutoencoder } from './starter-autoencoder'

const FOLDER = join(root, 'tests/bench/results')
const TABLES = join(FOLDER, 'README.md')

const HEAD = `# Benchmark results

Written by \`npm run bench -- --save\` and \`npm run bench:browser -- --save\` from the JSON files in this folder: do not edit. What is measured, and how: [tests/bench](../README.md).`

const COUNTED = `The rows of a real GPU, which was not available: operations, the fewest bytes that must be read and written, and the resulting lower
bound on two GPUs by their data sheets (f32 multiply-adds and memory; f16 and matrix units are faster).`

/** File name of a result: it differs by adapter, precision and runtime. Pure. */
export function resultName({ adapter, precision, runtime }: Pick<BenchReport, 'adapter' | 'precision' | 'runtime'>): string {
  const slug = adapter.toLowerCase().replace(/[^a-z0-9]+/g, '-').replace(/^-|-$/g, '')
  return `${slug.slice(0, 160)}-${precision}-${runtime}.json`
}

/** Replaces an earlier result of the same adapter, precision and runtime, and rewrites the tables. @returns the file's path */
export function saveReport(report: BenchReport): string {
  mkdirSync(FOLDER, { recursive: true })
  const file = join(FOLDER, resultName(report))
  writeFileSync(file, `${JSON.stringify(report, null, 1)}\n`)
  writeTables()
  return relative(root, file)
}

/** Writes the tables of all saved results, and those by operation count. */
export function writeTables(): void {
  const tables = readdirSync(FOLDER).sort().filter((name) => name.endsWith('.json'))
    .map((name) => markdownTables(JSON.parse(readFileSync(join(FOLDER, name), 'utf8')) as BenchReport))
  // without the rows of int8 products, which the data sheets' floating-point rates do not bound
  const gpu = { software: false, name: 'some GPU', dot4: false }
  const counted = ['### Lower bounds by count', COUNTED, countsTable([...operationRows(gpu, 'f16'), ...modelRows(gpu, readStarterAutoencoder(), 'f16')])]
  writeFileSync(TABLES, [HEAD, ...tables, ...counted].join('\n\n') + '\n')
}
