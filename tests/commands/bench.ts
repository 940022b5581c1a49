// npm run bench: our kernels in turns with ONNX Runtime's WebGPU provider, in one process and on one adapter.
// What is measured and how: tests/bench/README.md. Exit status: 1 if a goal is missed, 2 if a flag is wrong.
import { InferenceSession, Tensor } from 'onnxruntime-node'
import { AppError } from '../../src/shared/errors'
import { measureCeiling } from '../bench/ceiling'
import { parseBenchFlags } from '../bench/flags'
import { measureRow, type MeasuredRow } from '../bench/measure-row'
import { describeRow, missesGoal, type BenchReport } from '../bench/report'
import { saveReport } from '../bench/results'
import { modelRows, operationRows } from '../bench/rows'
import { readStarterAutoencoder } from '../bench/starter-autoencoder'
import { turnLimits } from '../bench/turns'
import { versions } from '../bench/versions'
import { openAdapter } from '../evaluate/adapter'
import { UsageError } from './generate-flags'

try {
  process.exitCode = await main(process.argv.slice(2))
} catch (error) {
  console.error(`bench: ${error instanceof Error ? error.message.split('\n')[0] : String(error)}`)
  process.exitCode = error instanceof UsageError ? 2 : 1
  if (!(error instanceof UsageError || error instanceof AppError)) console.error(error)
}

async function main(argv: readonly string[]): Promise<number> {
  const flags = parseBenchFlags(argv)
  const gpu = await openAdapter()
  try {
    const { name: adapter, software, f16 } = gpu.facts
    const dtype = flags.precision ?? (f16 ? 'f16' : 'f32')
    if (dtype === 'f16' && !f16) throw new UsageError(`--precision: f16 is not there on ${adapter}, expected f32`)
    const all = [...operationRows(gpu.facts, dtype), ...modelRows(gpu.facts, readStarterAutoencoder(), dtype)]
    const rows = all.filter(({ name }) => name.includes(flags.only ?? ''))
    if (rows.length === 0) throw new UsageError(`--only: expected a part of one of ${all.map(({ name }) => name).join(', ')}, got ${JSON.stringify(flags.only)}`)
    const tell = (line: string) => void (flags.json ? console.error(line) : console.log(line))
    tell(`${adapter}${software ? ' (software: ratios only, no claim of speed)' : ''}, ${dtype}`)
    const ceiling = await measureCeiling(gpu)
    tell(`ceiling: ${ceiling.gflops.toFixed(1)} GFLOP/s, ${ceiling.gbs.toFixed(1)} GB/s`)
    const limits = turnLimits(software, flags.pairs)
    const measured: MeasuredRow[] = []
    for (const row of rows) {
      const result = await measureRow(gpu, { InferenceSession, Tensor }, row, ceiling, limits)
      measured.push(result)
      tell(describeRow(result, software))
    }
    const report: BenchReport = { date: new Date().toISOString(), adapter, software, versions: versions(), ceiling, rows: measured }
    if (flags.json) console.log(JSON.stringify(report))
    if (flags.save) tell(`saved as ${saveReport(report, dtype)}`)
    return measured.some(missesGoal) ? 1 : 0
  } finally {
    gpu.close()
  }
}
