// The production build, made when it is missing or older than what it is made from.
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { root, run } from './process.mjs'

/** The build's folder, absolute. */
export const dist = join(root, 'dist')

const CATALOGUE = ['index.html', 'vite.config.ts', 'package-lock.json', 'src', 'workers', 'shaders', 'public']

/** When anything at or below `path` was last changed, ms; folders count too, since a removed file changes its folder. */
export function changedAt(path) {
  const stats = statSync(path, { throwIfNoEntry: false })
  if (!stats) return 0
  if (!stats.isDirectory()) return stats.mtimeMs
  return readdirSync(path).reduce((latest, name) => Math.max(latest, changedAt(join(path, name))), stats.mtimeMs)
}

/** Whether dist holds a build of the sources as they are. */
export function isBuilt() {
  // a build that failed half-way may leave one of the two
  const [page = 0, worker = 0] = ['index.html', 'service-worker.js'].map((file) => statSync(join(dist, file), { throwIfNoEntry: false })?.mtimeMs ?? 0)
  return Math.min(page, worker) > Math.max(...CATALOGUE.map((path) => changedAt(join(root, path))))
}

/** Builds into dist; throws with the bundler's words when that fails. All output goes to stderr. */
export async function build() {
  const { code, output } = await run(process.execPath, [join(root, 'node_modules/vite/bin/vite.js'), 'build', '--logLevel', 'warn'], { capture: true })
  if (code !== 0) throw new Error(`The build failed:\n${output.replace(/^ +at .*\n/gm, '').trim()}`)
}
