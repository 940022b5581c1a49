// Installs what is missing: packages for `npm start`; with --test also what the tests need of the system.
// Plain Node, no packages: on a fresh clone nothing else is there yet. Quick when nothing is missing.
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { cacheFolder, root, run } from './process.mjs'
import { findTestEnvironment } from './test-environment.mjs'

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
if (major < 20 || (major === 20 && minor < 19)) fail(`Kinora needs Node 20.19 or newer; this is ${process.versions.node}. See https://nodejs.org`)

await installPackages()
if (process.argv.includes('--test')) {
  const missing = await findTestEnvironment()
  if (missing.length) fail(`The tests cannot run here:\n${missing.map((line) => `  - ${line}`).join('\n')}`)
}

/** `npm ci`, unless node_modules is what package-lock.json asks for. */
async function installPackages() {
  const lock = readFileSync(join(root, 'package-lock.json'))
  const hash = createHash('sha256').update(lock).digest('hex')
  const stamp = join(cacheFolder, 'installed-lock')
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === hash) return
  if (!matchesInstalled(JSON.parse(lock.toString()))) {
    console.error('Installing packages (npm ci)…')
    const env = {
      // brought by a dependency, used by benchmarks alone: without its optional CUDA files
      ONNXRUNTIME_NODE_INSTALL: 'skip',
      ONNXRUNTIME_NODE_INSTALL_CUDA: 'skip',
      // an installed Chromium is used where there is one
      PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD: '1',
    }
    const flags = ['ci', '--include=dev', '--loglevel=error', '--no-audit', '--no-fund']
    const npm = process.env.npm_execpath
    const { code } = npm?.endsWith('.js') ? await run(process.execPath, [npm, ...flags], { env }) : await run('npm', flags, { env })
    if (code !== 0) fail('npm ci failed; is the network there? Try again with: npm ci --loglevel=notice')
  }
  mkdirSync(cacheFolder, { recursive: true })
  writeFileSync(stamp, hash)
}

/** Whether every package of the lock is installed in its version (npm notes that in a hidden lock file). */
function matchesInstalled(lock) {
  const hidden = join(root, 'node_modules/.package-lock.json')
  if (!existsSync(hidden)) return false
  const installed = JSON.parse(readFileSync(hidden, 'utf8')).packages
  const wanted = Object.entries(lock.packages).filter(([path]) => path !== '')
  const complete = wanted.every(([path, { version, optional, peer }]) => (installed[path] ? installed[path].version === version : optional || peer))
  return complete && Object.keys(installed).every((path) => lock.packages[path])
}

function fail(message) {
  console.error(message)
  process.exit(1)
}
