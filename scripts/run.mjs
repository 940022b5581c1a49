// node run.mjs FILE.ts [ARGUMENTS]: runs a TypeScript command in Node as Vite reads it (with `?raw` shaders).
import { createRequire } from 'node:module'
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { root } from './process.mjs'

const [file, ...argv] = process.argv.slice(2)
if (!file || !existsSync(file)) {
  console.error(`node scripts/run.mjs FILE.ts [ARGUMENTS]: ${file ? `there is no ${file}` : 'no file given'}`)
  process.exit(2)
}
if (!existsSync(resolve(root, 'node_modules/.package-lock.json'))) {
  console.error('Packages are missing: run `npm start` or `npm ci` first.')
  process.exit(1)
}

// resolved here and not imported above, so that the message about missing packages comes first
const { runnerImport } = await import(pathToFileURL(createRequire(import.meta.url).resolve('vite')).href)
process.argv = [process.execPath, resolve(file), ...argv]
try {
  // the command is the module: it runs while it is imported, and sets process.exitCode
  await runnerImport(resolve(file), { root, logLevel: 'error', server: { hmr: false } })
} catch (error) {
  console.error(error)
  process.exitCode = 1
}
// Dawn and browsers keep handles open; output is flushed first
process.stdout.write('', () => process.exit())
