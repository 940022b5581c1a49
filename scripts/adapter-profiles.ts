// node scripts/run.mjs scripts/adapter-profiles.ts [NAME...]: runs tests/adapter-profiles once for each profile of this machine's adapter, in
// a process of its own. Prints a line per profile. Exit status: 1 if one fails, 2 if there is no profile of that name.
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
  const profiles = names.length ? ADAPTER_PROFILES.filter(({ name }) => names.includes(name)) : ADAPTER_PROFILES
  if (profiles.length < names.length) {
    console.error(`expected names of adapter profiles (${ADAPTER_PROFILES.map(({ name }) => name).join(', ')}), got ${names.join(', ')}`)
    return 2
  }
  const gpu = await openAdapter()
  const { name: adapter } = gpu.facts
  gpu.close()
  let failed = 0
  for (const profile of profiles) {
    if (profile.vectorBits && !/llvmpipe/i.test(adapter)) {
      console.log(`none ${profile.name}: ${adapter} has a fixed vector width`)
      continue
    }
    const startedAt = performance.now()
    const { passed, total, output } = await runProfile(profile)
    const good = passed > 0 && passed === total
    if (!good) {
      failed++
      console.log(output)
    }
    console.log(`${good ? 'ok  ' : 'FAIL'} ${profile.name}: ${passed} of ${total} passed (${secondsSince(startedAt)})`)
  }
  return failed ? 1 : 0
}

/** A skipped test counts as failed. */
async function runProfile({ name }: AdapterProfile): Promise<{ passed: number; total: number; output: string }> {
  const folder = join(cacheFolder, 'reports')
  mkdirSync(folder, { recursive: true })
  const file = join(folder, `profile-${name.replaceAll(' ', '-')}.json`)
  rmSync(file, { force: true })
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${file}`]
  const { code, output } = await runBin('vitest', ['run', '--project', 'adapter-profiles', ...reporters], { capture: true, env: { [PROFILE_VARIABLE]: name } })
  if (!existsSync(file)) return { passed: 0, total: 0, output }
  const { numPassedTests, numFailedTests, numPendingTests } = JSON.parse(readFileSync(file, 'utf8')) as Report
  const passed = numPassedTests
  return { passed, total: passed + Math.max(numFailedTests + numPendingTests, code ? 1 : 0), output }
}

process.exitCode = await main(process.argv.slice(2))
