// Dawn in Node: the same API as the browser's. A GPU test without a GPU fails here, loudly.
import { create, globals } from 'webgpu'
import { openGpu, type Gpu } from '../../workers/engine/device'
import type { FloatDType } from '../../workers/engine/tensor'
import { setVectorBits } from '../../scripts/mesa-environment'
import { requestedProfile } from '../adapter-profiles/adapter-profiles'

Object.assign(globalThis, globals)
const form = requestedProfile()
setVectorBits(form?.vectorBits)
/** Held for the life of the process: a collected instance takes its devices' threads with it and aborts. */
const api = create([])
let opened: Promise<Gpu> | undefined

/** The adapter of this machine, in the form that the process is told of if it is; opened once a process. */
export function testGpu(): Promise<Gpu> {
  return (opened ??= openGpu(api, form?.without).then(poisoned))
}

/** What activations may be on that adapter: not every one has half floats. */
export async function floatTypes(): Promise<FloatDType[]> {
  return (await testGpu()).facts.f16 ? ['f32', 'f16'] : ['f32']
}

/** Has its buffers handed out full of NaN. */
export function poisoned(gpu: Gpu): Gpu {
  gpu.pool.onAcquire = (buffer) => {
    if (gpu.queue.dryRun) return
    gpu.queue.flush() // the buffer may be a reused one that pending dispatches still read
    gpu.device.queue.writeBuffer(buffer, 0, new Uint8Array(buffer.size).fill(0xff))
  }
  return gpu
}
