// npm run check: types, lint and import rules. Says what is wrong, exits 1 if anything is.
import { readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { cacheFolder, root, runBin, secondsSince } from './process.mjs'

/** Type information is kept between runs, so that a second check is quick. */
const types = (project) => () =>
  runBin('tsc', ['-p', `tsconfig.${project}.json`, '--incremental', '--tsBuildInfoFile', join(cacheFolder, `${project}.tsbuildinfo`)], { capture: true })

const checks = [
  { name: 'lint', run: () => runBin('eslint', ['.', '--max-warnings', '0'], { capture: true }) },
  {
    name: 'types of the page',
    run: () => runBin('svelte-check', ['--tsconfig', 'tsconfig.page.json', '--output', 'human', '--fail-on-warnings'], { capture: true }),
  },
  { name: 'types of the workers', run: types('workers') },
  { name: 'types of the tests', run: types('node') },
  { name: 'types of the service worker', run: types('service-worker') },
  { name: 'imports', run: () => runBin('depcruise', ['src', 'workers', 'tests', '--config', '.dependency-cruiser.cjs'], { capture: true }) },
  { name: 'workers are started by src/rpc alone', run: startedWorkers },
]

/** Only src/rpc starts threads: everything else asks it. */
async function startedWorkers() {
  const found = []
  for (const folder of ['src', 'workers']) {
    for (const entry of readdirSync(join(root, folder), { recursive: true, withFileTypes: true })) {
      const file = join(entry.parentPath, entry.name)
      if (!entry.isFile() || !/\.(ts|svelte)$/.test(file)) continue
      const path = relative(root, file).replaceAll('\\', '/')
      if (!path.startsWith('src/rpc/') && /\bnew (Shared)?Worker\(/.test(readFileSync(file, 'utf8'))) found.push(path)
    }
  }
  return { code: found.length ? 1 : 0, output: found.map((path) => `${path} starts a worker; src/rpc does that\n`).join('') }
}

/** Runs all checks, two at a time, and prints each one's result. Resolves to the names of those that failed. */
async function checkAll() {
  const waiting = [...checks]
  const failed = []
  const lane = async () => {
    for (let check = waiting.shift(); check; check = waiting.shift()) {
      const startedAt = performance.now()
      const { code, output } = await check.run()
      console.log(`${code === 0 ? 'ok  ' : 'FAIL'} ${check.name} (${secondsSince(startedAt)})`)
      if (code !== 0) {
        failed.push(check.name)
        console.log(output.trim().replace(/^/gm, '     '))
      }
    }
  }
  await Promise.all([lane(), lane()])
  return failed
}

const failed = await checkAll()
console.log(`check: ${checks.length - failed.length} passed, ${failed.length} failed`)
process.exitCode = failed.length ? 1 : 0
