// node scripts/run.mjs scripts/adapter-forms.ts [NAME...]: what must hold on every adapter, in each form of this one, a process
// a form and one line for each. Exit status: 1 if one fails, 2 if there is none of that name.
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { ADAPTER_PROFILES, PROFILE_VARIABLE, type AdapterProfile } from '../tests/adapter-profiles/adapter-profiles'
import { openAdapter } from '../tests/evaluate/adapter'
import { cacheFolder, runBin, secondsSince } from './process.mjs'

interface Report {
  numPassedTests: number
  numFailedTests: number
  numPendingTests: number
}

async function main(names: readonly string[]): Promise<number> {
  const forms = names.length ? ADAPTER_PROFILES.filter(({ name }) => names.includes(name)) : ADAPTER_PROFILES
  if (forms.length < names.length) {
    console.error(`expected names of forms (${ADAPTER_PROFILES.map(({ name }) => name).join(', ')}), got ${names.join(', ')}`)
    return 2
  }
  const gpu = await openAdapter()
  const { name: adapter } = gpu.facts
  gpu.close()
  let failed = 0
  for (const form of forms) {
    if (form.vectorBits && !/llvmpipe/i.test(adapter)) {
      console.log(`none ${form.name}: the vectors of ${adapter} cannot be set`)
      continue
    }
    const startedAt = performance.now()
    const { passed, total, output } = await runForm(form)
    const good = passed > 0 && passed === total
    if (!good) {
      failed++
      console.log(output)
    }
    console.log(`${good ? 'ok  ' : 'FAIL'} ${form.name}: ${passed} of ${total} passed (${secondsSince(startedAt)})`)
  }
  return failed ? 1 : 0
}

/** A test that is skipped counts as one that did not pass. */
async function runForm({ name }: AdapterProfile): Promise<{ passed: number; total: number; output: string }> {
  const folder = join(cacheFolder, 'reports')
  mkdirSync(folder, { recursive: true })
  const file = join(folder, `form-${name.replaceAll(' ', '-')}.json`)
  rmSync(file, { force: true })
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${file}`]
  const { code, output } = await runBin('vitest', ['run', '--project', 'forms', ...reporters], { capture: true, env: { [PROFILE_VARIABLE]: name } })
  if (!existsSync(file)) return { passed: 0, total: 0, output }
  const { numPassedTests, numFailedTests, numPendingTests } = JSON.parse(readFileSync(file, 'utf8')) as Report
  const passed = numPassedTests
  return { passed, total: passed + Math.max(numFailedTests + numPendingTests, code ? 1 : 0), output }
}

process.exitCode = await main(process.argv.slice(2))
