// npm run check: types, lint, import rules and links of the documentation. Reports what is wrong; exits 1 if anything is.
// A check that passed is not run again until a file that it reads has changed. With --all, as npm test runs it: everything, rules that need types included.
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { checkLinks } from './check-links.mjs'
import { cacheFolder, filesIn, root, run, runBin, secondsSince } from './process.mjs'

const all = process.argv.includes('--all') || Boolean(process.env.CI)
const CONFIG = ['package-lock.json', 'tsconfig.base.json', 'scripts/check.mjs']
const CODE = ['src', 'workers', 'shaders', 'tests', 'scripts', 'vite.config.ts', 'eslint.config.js']

/** TypeScript's native compiler; typescript 6 stays for the tools that need its API (svelte-check, eslint). */
const types = (project) => () =>
  run(
    process.execPath,
    [
      join(root, 'node_modules/@typescript/native/bin/tsc'),
      '-p',
      `tsconfig.${project}.json`,
      '--incremental',
      '--tsBuildInfoFile',
      join(cacheFolder, `${project}.tsbuildinfo`),
    ],
    { capture: true },
  )
const bin =
  (name, ...args) =>
  () =>
    runBin(name, args, { capture: true })

/** The slowest first. `inputs`: files and folders that the result follows from; `reads`: what of a file's text, all of it when left out. */
const checks = [
  {
    name: 'imports',
    inputs: ['src', 'workers', 'tests', '.dependency-cruiser.cjs'],
    // a file's imports alone
    reads: (text) => (text.match(/^.*\b(?:from|import|require)\b.*['"`].*$/gm) ?? []).join('\n'),
    run: bin(
      'depcruise',
      'src',
      'workers',
      'tests',
      '--config',
      '.dependency-cruiser.cjs',
      '--cache',
      join(cacheFolder, 'dependency-cruiser'),
      '--cache-strategy',
      'content',
    ),
  },
  { name: 'types of the tests', inputs: [...CODE, 'tsconfig.node.json'], run: types('node') },
  {
    name: 'types of the page',
    inputs: ['src', 'tsconfig.page.json'],
    run: bin('svelte-check', '--tsgo', '--incremental', '--tsconfig', 'tsconfig.page.json', '--output', 'human', '--fail-on-warnings'),
  },
  { name: 'types of the workers', inputs: ['workers', 'shaders', 'src/shared', 'tsconfig.workers.json'], run: types('workers') },
  { name: 'types of the service worker', inputs: ['src/service-worker.ts', 'src/shared', 'tsconfig.service-worker.json'], run: types('service-worker') },
  { name: 'lint', inputs: [...CODE, '.oxlintrc.json'], run: bin('oxlint', '--deny-warnings') },
  { name: 'workers are started by src/rpc alone', inputs: ['src', 'workers'], run: startedWorkers },
  { name: 'links of the documentation', inputs: ['.'], reads: (text, path) => (path.endsWith('.md') ? text : ''), run: () => Promise.resolve(checkLinks()) },
]
if (all) {
  const inputs = [...CODE, '.oxlintrc.json', '.oxlintrc-types.json', 'tsconfig.node.json', 'tsconfig.page.json', 'tsconfig.workers.json']
  checks.unshift(
    { name: 'format', inputs: ['.'], run: bin('oxfmt', '--check', '.') },
    { name: 'rules that need types, of components', inputs, run: bin('eslint', 'src/**/*.svelte', 'src/**/*.svelte.ts', '--max-warnings', '0') },
    { name: 'rules that need types', inputs, run: bin('oxlint', '-c', '.oxlintrc-types.json', '--type-aware', '--deny-warnings') },
  )
}

/** Only src/rpc starts threads: everything else asks it. */
async function startedWorkers() {
  const found = filesIn(['src', 'workers'], (path) => /\.(ts|svelte)$/.test(path) && !path.startsWith('src/rpc/')).filter((path) =>
    /\bnew (Shared)?Worker\(/.test(readFileSync(join(root, path), 'utf8')),
  )
  return { code: found.length ? 1 : 0, output: found.map((path) => `${path} starts a worker; src/rpc does that\n`).join('') }
}

const texts = new Map()
const textOf = (path) => {
  if (!texts.has(path)) texts.set(path, readFileSync(join(root, path), 'latin1'))
  return texts.get(path)
}

/** Of all that a check reads: every file's path, and what it takes of its text. */
function stateOf({ inputs, reads = (text) => text }) {
  const hash = createHash('sha256')
  for (const path of filesIn([...inputs, ...CONFIG], (file) => !/^(dist|test-results)\//.test(file))) hash.update(`${path}\0${reads(textOf(path), path)}\0`)
  return hash.digest('hex')
}

const notes = join(cacheFolder, 'checks.json')
const passed = existsSync(notes) ? JSON.parse(readFileSync(notes, 'utf8')) : {}

/** Runs all checks, two at a time, and prints each one's result. Resolves to the names of those that failed. */
async function checkAll() {
  const waiting = [...checks]
  const failed = []
  const lane = async () => {
    for (let check = waiting.shift(); check; check = waiting.shift()) {
      const startedAt = performance.now()
      const state = stateOf(check)
      if (passed[check.name] === state) {
        console.log(`ok   ${check.name} (as before)`)
        continue
      }
      const { code, output } = await check.run()
      console.log(`${code === 0 ? 'ok  ' : 'FAIL'} ${check.name} (${secondsSince(startedAt)})`)
      if (code === 0) passed[check.name] = state
      else {
        failed.push(check.name)
        console.log(output.trim().replace(/^/gm, '     '))
      }
    }
  }
  await Promise.all([lane(), lane()])
  return failed
}

const startedAt = performance.now()
const failed = await checkAll()
mkdirSync(cacheFolder, { recursive: true })
writeFileSync(notes, JSON.stringify(passed))
console.log(`check: ${checks.length - failed.length} passed, ${failed.length} failed (${secondsSince(startedAt)})`)
process.exitCode = failed.length ? 1 : 0
