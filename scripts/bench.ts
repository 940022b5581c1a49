// npm run bench: our kernels in turns with ONNX Runtime's WebGPU provider, in one process and on one adapter.
// Method: tests/bench/README.md. Exit status: 1 if a goal is missed, 2 if a flag is wrong.
import { InferenceSession, Tensor } from 'onnxruntime-node'
import { AppError } from '../src/shared/errors'
import { measureCeiling } from '../tests/bench/ceiling'
import { measureRow } from '../tests/bench/measure-row'
import { measureMemory } from '../tests/bench/memory'
import { measureIdleTime } from '../tests/bench/idle-time'
import type { Row } from '../tests/bench/row'
import { modelRows, operationRows } from '../tests/bench/rows'
import { parseBenchFlags, runBench, versions } from '../tests/bench/run-bench'
import { readStarterAutoencoder } from '../tests/bench/starter'
import { openAdapter } from '../tests/evaluate/adapter'
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
    if (dtype === 'f16' && !f16) throw new UsageError(`--precision: expected f32, since ${adapter} has no f16, got f16`)
    const rows = new Map([...operationRows(gpu.facts, dtype), ...modelRows(gpu.facts, readStarterAutoencoder(), dtype)].map((row) => [row.name, row]))
    return await runBench(flags, {
      adapter,
      runtime: 'node',
      versions: versions(['webgpu', 'onnxruntime-node']),
      software,
      dtype,
      names: [...rows.keys()],
      measureCeiling: () => measureCeiling(gpu),
      measure: (name, ceiling, limits) => measureRow(gpu, { InferenceSession, Tensor }, rows.get(name) as Row, ceiling, limits),
      clips: {
        measureMemory: (chunkCounts) => measureMemory(gpu, dtype, chunkCounts),
        measureIdleTime: (sides) => measureIdleTime(gpu, dtype, sides),
      },
    })
  } finally {
    gpu.close()
  }
}
