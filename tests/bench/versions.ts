// What was measured with: figures of other versions are other figures.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from '../../scripts/process.mjs'

/** Of Node and of these packages. */
export function versions(names: readonly string[]): Record<string, string> {
  const packages = names.map((name) => {
    const { version } = JSON.parse(readFileSync(join(root, 'node_modules', name, 'package.json'), 'utf8')) as { version: string }
    return [name, version] as const
  })
  return { node: process.versions.node, ...Object.fromEntries(packages) }
}
