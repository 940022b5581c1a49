// Adds the third architecture's line to workers/models/registry.ts while it is built: what a new architecture adds in the source.
import { fileURLToPath } from 'node:url'
import type { Plugin } from 'vite'

const RUNTIME = fileURLToPath(new URL('./runtime.ts', import.meta.url))
const LAST_LINE = '  LTXPipeline: ltx,\n'

/** For `plugins` and `worker.plugins`. @throws if the registry has no line after which to add it */
export function registerTinyDit(): Plugin {
  return {
    name: 'kinora:third-architecture',
    enforce: 'pre',
    transform(code, id) {
      if (!id.split('?')[0]?.endsWith('/workers/models/registry.ts')) return undefined
      if (!code.includes(LAST_LINE)) throw new Error(`registerTinyDit: expected the line ${JSON.stringify(LAST_LINE)} in ${id}.`)
      return `import { tinyDit } from ${JSON.stringify(RUNTIME)}\n${code.replace(LAST_LINE, `${LAST_LINE}  TinyDitPipeline: tinyDit,\n`)}`
    },
  }
}
