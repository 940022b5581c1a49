// What was measured with: figures of other versions are other figures.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from '../commands/process.mjs'

/** Of Node and of the packages that do the work. */
export function versions(): Record<string, string> {
  const packages = ['webgpu', 'onnxruntime-node', 'onnxruntime-web'].map((name) => {
    const { version } = JSON.parse(readFileSync(join(root, 'node_modules', name, 'package.json'), 'utf8')) as { version: string }
    return [name, version] as const
  })
  return { node: process.versions.node, ...Object.fromEntries(packages) }
}
