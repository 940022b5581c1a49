// Results that are kept: a JSON file an adapter and precision, and all of them in the tables of README.md.
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { root } from '../commands/process.mjs'
import { markdownTable, type BenchReport } from './report'

const FOLDER = join(root, 'tests/bench/results')
const README = join(root, 'tests/bench/README.md')
/** What stands behind this line is written, not edited. */
const MARK = '<!-- results: npm run bench -- --save -->'

/** Takes the place of an earlier result of this adapter, and writes the tables anew. → the file's path */
export function saveReport(report: BenchReport, precision: string): string {
  mkdirSync(FOLDER, { recursive: true })
  const slug = report.adapter.toLowerCase().replace(/[^a-z0-9]+/g, '-').replace(/^-|-$/g, '').slice(0, 60)
  const file = join(FOLDER, `${slug}-${precision}.json`)
  writeFileSync(file, `${JSON.stringify(report, null, 1)}\n`)
  const text = readFileSync(README, 'utf8')
  const before = text.slice(0, text.indexOf(MARK) + MARK.length)
  const tables = readdirSync(FOLDER).sort().filter((name) => name.endsWith('.json'))
    .map((name) => markdownTable(JSON.parse(readFileSync(join(FOLDER, name), 'utf8')) as BenchReport))
  writeFileSync(README, [before, ...tables].join('\n\n') + '\n')
  return relative(root, file)
}
