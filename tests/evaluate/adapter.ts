// The adapter that Dawn finds in Node.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { create, globals } from 'webgpu'
import { openGpu, type Gpu } from '../../workers/engine/device'
import { setVectorBits } from '../../scripts/mesa-environment'
import { cacheFolder } from '../../scripts/process.mjs'

/** Held for the life of the process: a collected instance takes its devices' threads with it and aborts. */
let api: GPU | undefined

/** @throws AppError no-adapter */
export async function openAdapter(): Promise<Gpu> {
  if (!api) {
    Object.assign(globalThis, globals)
    // read when the driver is loaded: what `npm test` found for this machine
    for (const [name, value] of Object.entries(notedEnvironment())) process.env[name] ??= value
    setVectorBits()
    api = create([])
  }
  return openGpu(api)
}

function notedEnvironment(): Record<string, string> {
  try {
    return (JSON.parse(readFileSync(join(cacheFolder, 'test-env.json'), 'utf8')) as { env?: Record<string, string> }).env ?? {}
  } catch {
    return {} // nothing noted yet: the system's own driver
  }
}
