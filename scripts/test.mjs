// npm test: types, lint, import rules and links; unit tests; the build; the page against a scripted generator; single workers in a browser;
// kernels, models and clips through Dawn; parity; two adapter profiles; the real engine in Chromium.
// --smoke: the flows alone that take words to a saved file. --full: all adapter profiles and what takes minutes, too.
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { cacheFolder, run, runBin, secondsSince } from './process.mjs'
import { findSwiftshader, testEnvironmentFile } from './test-environment.mjs'

const smoke = process.argv.includes('--smoke')
const full = process.argv.includes('--full')
/** Adapter profiles that differ most: the least that any adapter has, and vectors of another width. */
const PROFILES = ['the least of all', 'subgroups of 8']

const reports = join(cacheFolder, 'reports')
rmSync(reports, { recursive: true, force: true })
mkdirSync(reports, { recursive: true })

const found = JSON.parse(readFileSync(testEnvironmentFile, 'utf8'))
const env = { ...found.env, KINORA_CHROMIUM: found.chromium, KINORA_FFPROBE: found.ffprobe, ...(full && { KINORA_FULL: '1' }) }

const vitest =
  (project, { files = [], name = project, more = {} } = {}) =>
  async () => {
    const report = join(reports, `${name}.json`)
    const { code } = await runBin('vitest', ['run', '--project', project, ...files, '--reporter=default', '--reporter=json', `--outputFile.json=${report}`], {
      env: { ...env, ...more },
    })
    const { numPassedTests = 0, numFailedTests = 0, numPendingTests = 0 } = readReport(report)
    return { code, passed: numPassedTests, failed: numFailedTests, skipped: numPendingTests }
  }

const playwright =
  (project, ...flags) =>
  async () => {
    const report = join(reports, `${project}.json`)
    const { code } = await runBin('playwright', ['test', '--config', 'tests', `--project=${project}`, ...flags], {
      env: { ...env, PLAYWRIGHT_JSON_OUTPUT_FILE: report },
    })
    const { expected = 0, unexpected = 0, flaky = 0, skipped = 0 } = readReport(report).stats ?? {}
    return { code, passed: expected, failed: unexpected + flaky, skipped }
  }

async function command(name, args) {
  const { code } = await run(name, args, { env })
  return { code, passed: code === 0 ? 1 : 0, failed: code === 0 ? 0 : 1, skipped: 0 }
}

/** The frames of recipes once more, every second one or all, on Chromium's software adapter: Dawn loads it where Vulkan is. */
const onSwiftshader = async () => {
  const driver = findSwiftshader(found.chromium)
  if (driver)
    return vitest('gpu', {
      files: ['tests/gpu/same-frames.test.ts'],
      name: 'swiftshader',
      more: { VK_ICD_FILENAMES: driver, ...(!full && { KINORA_ALTERNATE: '1' }) },
    })()
  console.log(`no vk_swiftshader_icd.json beside ${found.chromium}`)
  return { code: 1, passed: 0, failed: 0, skipped: 0 }
}

const node =
  (...args) =>
  () =>
    command(process.execPath, args)
const BUILD = { name: 'build', run: node('node_modules/vite/bin/vite.js', 'build', '--logLevel', 'warn') }

const stages = smoke
  ? [BUILD, { name: 'smoke', run: playwright('engine', '--grep', '@smoke') }]
  : [
      { name: 'check', run: node('scripts/check.mjs', '--all') },
      { name: 'unit', run: vitest('unit') },
      BUILD,
      { name: 'page', run: playwright('page') },
      { name: 'workers', run: playwright('workers') },
      { name: 'gpu', run: vitest('gpu') },
      ...(process.platform === 'linux' ? [{ name: 'swiftshader', run: onSwiftshader }] : []),
      { name: 'parity', run: node('scripts/run.mjs', 'scripts/parity.ts', 'tests/parity') },
      { name: 'profiles', run: node('scripts/run.mjs', 'scripts/adapter-profiles.ts', ...(full ? [] : PROFILES)) },
      { name: 'engine', run: playwright('engine') },
      ...(full ? [{ name: 'full', run: playwright('full') }] : []),
    ]

const startedAt = performance.now()
const lines = []
let passed = 0
let failed = 0
for (const stage of stages) {
  console.log(`\n── ${stage.name}`)
  const stageStartedAt = performance.now()
  const result = await stage.run()
  // nothing is skipped silently: a skipped test, or a stage that ran none, is a failure
  if (result.skipped) console.log(`${result.skipped} skipped in ${stage.name}: counted as failed`)
  result.failed += result.skipped
  if (result.failed === 0 && (result.code !== 0 || result.passed === 0)) result.failed = 1
  passed += result.passed
  failed += result.failed
  lines.push(`${result.failed ? 'FAIL' : 'ok  '} ${stage.name.padEnd(11)} ${result.passed} passed, ${result.failed} failed (${secondsSince(stageStartedAt)})`)
}

console.log(`\n${lines.join('\n')}\nin ${secondsSince(startedAt)}\n${passed} passed, ${failed} failed`)
process.exitCode = failed ? 1 : 0

/** A stage that died before writing its report passed nothing. */
function readReport(file) {
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {}
}
