// npm run bench:browser: blocks, whole steps and the decoder in Chromium, in turns with onnxruntime-web's WebGPU provider.
// Exit status: 1 if a goal is missed, 2 if a flag is wrong.
import { fileURLToPath } from 'node:url'
import { createServer } from 'vite'
import type {} from '../tests/bench/browser/page' // window.bench
import { parseBenchFlags, runBench, versions } from '../tests/bench/run-bench'
import { withPage } from '../tests/e2e/browser'
import { UsageError } from './generate-flags'

try {
  process.exitCode = await main(process.argv.slice(2))
} catch (error) {
  console.error(`bench:browser: ${error instanceof Error ? error.message.split('\n')[0] : String(error)}`)
  process.exitCode = error instanceof UsageError ? 2 : 1
}

async function main(argv: readonly string[]): Promise<number> {
  const flags = parseBenchFlags(argv)
  const server = await createServer({ configFile: fileURLToPath(new URL('../tests/bench/browser/vite.config.ts', import.meta.url)) })
  await server.listen()
  try {
    const address = server.httpServer?.address()
    if (typeof address !== 'object' || !address) throw new Error('bench:browser: expected the server to have an address, got none.')
    return await withPage({ adapter: 'default' }, async (page, context) => {
      page.setDefaultTimeout(0)
      await page.goto(`http://127.0.0.1:${address.port}/`)
      await page.waitForFunction(() => 'bench' in window)
      const { facts, dtype, names } = await page.evaluate((precision) => window.bench.open(precision), flags.precision)
      const browser = context.browser()
      return runBench(flags, {
        adapter: facts.name,
        runtime: 'browser',
        versions: { [browser?.browserType().name() ?? 'browser']: browser?.version() ?? 'unknown', ...versions(['onnxruntime-web']) },
        software: facts.software,
        dtype,
        names,
        measureCeiling: () => page.evaluate(() => window.bench.measureCeiling()),
        measure: (name, ceiling, limits) => page.evaluate(([of, within, turns]) => window.bench.measure(of, within, turns), [name, ceiling, limits] as const),
      })
    })
  } finally {
    await server.close()
  }
}
