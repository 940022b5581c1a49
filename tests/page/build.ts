// The production build with a scripted generate worker. The page and every other worker are those of the build.
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'vite'
import { dist } from '../../scripts/build.mjs'
import { cacheFolder } from '../../scripts/process.mjs'

/** Absolute path of the folder. */
export const scriptedDist = join(cacheFolder, 'scripted-dist')

const entry = fileURLToPath(new URL('./scripted-generate.worker.ts', import.meta.url))
const ENGINE = 'assets/engine'
const isGenerateWorker = (name: string) => /^generate\.worker-[\w-]+\.js$/.test(name)

function generateWorkerIn(folder: string): string | undefined {
  return existsSync(join(folder, ENGINE)) ? readdirSync(join(folder, ENGINE)).find(isGenerateWorker) : undefined
}

/** Builds the folder again if the build or the scripted generator has changed. */
export async function buildScripted(): Promise<void> {
  const name = generateWorkerIn(dist)
  if (!name) throw new Error(`buildScripted: expected one generate.worker-*.js in ${dist}/${ENGINE}, got none: the page's build names its workers otherwise.`)
  const made = join(scriptedDist, ENGINE, name)
  const sources = [join(dist, 'index.html'), entry, fileURLToPath(new URL('./script.ts', import.meta.url))]
  if (existsSync(made) && statSync(made).mtimeMs > Math.max(...sources.map((file) => statSync(file).mtimeMs))) return
  const outDir = join(cacheFolder, 'scripted-worker')
  await build({
    configFile: false,
    logLevel: 'warn',
    publicDir: false,
    build: {
      outDir,
      emptyOutDir: true,
      minify: false,
      target: 'chrome113',
      lib: { entry, formats: ['es'], fileName: () => 'worker.js' },
      rolldownOptions: { output: { codeSplitting: false } },
    },
  })
  rmSync(scriptedDist, { recursive: true, force: true })
  mkdirSync(scriptedDist, { recursive: true })
  cpSync(dist, scriptedDist, { recursive: true })
  // removed first, so that nothing is written through a link to the file of the build
  rmSync(made)
  cpSync(join(outDir, 'worker.js'), made)
  if (!readFileSync(made, 'utf8').includes('Scripted adapter')) throw new Error(`buildScripted: ${made} is not the scripted generator.`)
}
