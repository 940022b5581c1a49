// Builds the harness page if it is missing or older than its sources.
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'vite'
import { changedAt } from '../../../scripts/build.mjs'
import { cacheFolder, root } from '../../../scripts/process.mjs'

const SOURCES = ['tests/workers/harness', 'src/shared', 'workers', 'shaders', 'vite.config.ts', 'package-lock.json']

export async function buildHarness(): Promise<void> {
  const made = statSync(join(cacheFolder, 'harness/index.html'), { throwIfNoEntry: false })?.mtimeMs ?? 0
  if (made > Math.max(...SOURCES.map((path) => changedAt(join(root, path))))) return
  await build({ configFile: fileURLToPath(new URL('./vite.config.ts', import.meta.url)) })
}
