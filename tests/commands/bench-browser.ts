// npm run bench:browser: blocks, whole steps and the decoder in Chromium, in turns with onnxruntime-web's WebGPU provider.
// Exit status: 1 if a goal is missed, 2 if a flag is wrong.
import { fileURLToPath } from 'node:url'
import { createServer } from 'vite'
import type {} from '../bench/browser/page' // window.bench
import { parseBenchFlags } from '../bench/flags'
import type { MeasuredRow } from '../bench/measure-row'
import { describeRow, missesGoal, type BenchReport } from '../bench/report'
import { saveReport } from '../bench/results'
import { turnLimits } from '../bench/turns'
import { versions } from '../bench/versions'
import { withPage } from '../e2e/browser'
import { UsageError } from './generate-flags'

try {
  process.exitCode = await main(process.argv.slice(2))
} catch (error) {
  console.error(`bench:browser: ${error instanceof Error ? error.message.split('\n')[0] : String(error)}`)
  process.exitCode = error instanceof UsageError ? 2 : 1
}

async function main(argv: readonly string[]): Promise<number> {
  const flags = parseBenchFlags(argv)
  const tell = (line: string) => void (flags.json ? console.error(line) : console.log(line))
  const server = await createServer({ configFile: fileURLToPath(new URL('../bench/browser/vite.config.ts', import.meta.url)) })
  await server.listen()
  try {
    const address = server.httpServer?.address()
    if (typeof address !== 'object' || !address) throw new Error('The server has no address.')
    return await withPage({ adapter: 'default' }, async (page, context) => {
      page.setDefaultTimeout(0)
      await page.goto(`http://127.0.0.1:${address.port}/`)
      await page.waitForFunction(() => 'bench' in window)
      const { facts, dtype, ceiling, rows } = await page.evaluate((precision) => window.bench.open(precision), flags.precision)
      const wanted = rows.filter((name) => name.includes(flags.only ?? ''))
      if (wanted.length === 0) throw new UsageError(`--only: expected a part of one of ${rows.join(', ')}, got ${JSON.stringify(flags.only)}`)
      const adapter = `${context.browser()?.browserType().name() ?? 'browser'} ${context.browser()?.version() ?? ''}: ${facts.name}`
      tell(`${adapter}${facts.software ? ' (software: ratios only, no claim of speed)' : ''}, ${dtype}`)
      tell(`ceiling: ${ceiling.gflops.toFixed(1)} GFLOP/s, ${ceiling.gbs.toFixed(1)} GB/s`)
      const measured: MeasuredRow[] = []
      for (const name of wanted) {
        const limits = turnLimits(facts.software, flags.pairs)
        const row = await page.evaluate(([of, within]) => window.bench.measure(of, within), [name, limits] as const)
        measured.push(row)
        tell(describeRow(row, facts.software))
      }
      const report: BenchReport = { date: new Date().toISOString(), adapter, software: facts.software, versions: versions(), ceiling, rows: measured }
      if (flags.json) console.log(JSON.stringify(report))
      if (flags.save) tell(`saved as ${saveReport(report, dtype)}`)
      return measured.some(missesGoal) ? 1 : 0
    })
  } finally {
    await server.close()
  }
}
