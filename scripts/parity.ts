// npm run parity -- DIR... [--precision f32|f16|q8|q4] [--json]
// Runs every parity case below each DIR and prints one line a case. Exit status: 1 if one fails, 2 if there is none to run.
import { parseArgs } from 'node:util'
import { testGpu } from '../tests/gpu/open-gpu'
import { findCases } from '../tests/parity/read-case'
import { describeResult, runCase, type CaseResult } from '../tests/parity/run-case'
import { PRECISIONS, type Precision } from '../tests/parity/read-case'

const USAGE = `npm run parity -- DIR... [--precision ${PRECISIONS.join('|')}] [--json]`

interface Wanted {
  folders: string[]
  precisions: readonly Precision[]
  /** a precision asked for by name must run */
  strict: boolean
  json: boolean
}

function readArguments(argv: string[]): Wanted {
  const { values, positionals } = parseArgs({
    args: argv,
    allowPositionals: true,
    options: { precision: { type: 'string' }, json: { type: 'boolean', default: false } },
  })
  if (positionals.length === 0) throw new Error('no DIR given')
  const precision = PRECISIONS.find((known) => known === values.precision)
  if (values.precision !== undefined && !precision) throw new Error(`--precision expects ${PRECISIONS.join(', ')}, got ${values.precision}`)
  return { folders: positionals, precisions: precision ? [precision] : ['f32', 'f16'], strict: precision !== undefined, json: values.json }
}

async function main(): Promise<number> {
  let wanted: Wanted
  try {
    wanted = readArguments(process.argv.slice(2))
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}. ${USAGE}`)
    return 2
  }
  const cases = [...new Set(wanted.folders.flatMap(findCases))]
  if (cases.length === 0) {
    console.error(`No parity case (a folder with a case.json) below ${wanted.folders.join(', ')}.`)
    return 2
  }
  const gpu = await testGpu()
  const results: CaseResult[] = []
  for (const folder of cases) {
    for (const precision of wanted.precisions) {
      const result = await runCase(gpu, folder, precision)
      results.push(result)
      if (!wanted.json) console.log(describeResult(result))
    }
  }
  if (wanted.json) console.log(JSON.stringify(results))
  return results.some(({ status }) => status === 'fail' || (wanted.strict && status === 'not run')) ? 1 : 0
}

process.exitCode = await main()
