// Dawn in Node, with the same API as in the browser. Without a GPU the GPU tests fail here.
import { create, globals } from 'webgpu'
import { openGpu, type Gpu } from '../../workers/engine/device'
import type { FloatDType } from '../../workers/engine/tensor'
import { setVectorBits } from '../../scripts/mesa-environment'
import { requestedProfile } from '../adapter-profiles/adapter-profiles'

Object.assign(globalThis, globals)
const profile = requestedProfile()
setVectorBits(profile?.vectorBits)
/** Kept for the life of the process: garbage collection of an instance ends its devices' threads and aborts the process. */
const api = create([])
let opened: Promise<Gpu> | undefined

/** This machine's adapter, limited to the process's adapter profile if it has one; opened once per process. */
export function testGpu(): Promise<Gpu> {
  return (opened ??= openGpu(api, profile?.without).then(poisoned))
}

/** The dtypes of activations that the adapter supports. */
export async function floatTypes(): Promise<FloatDType[]> {
  return (await testGpu()).facts.f16 ? ['f32', 'f16'] : ['f32']
}

/** Fills every acquired buffer with NaN. */
export function poisoned(gpu: Gpu): Gpu {
  gpu.pool.onAcquire = (buffer) => {
    if (gpu.queue.recording) return
    gpu.queue.flush() // pending dispatches may still read a reused buffer
    gpu.device.queue.writeBuffer(buffer, 0, new Uint8Array(buffer.size).fill(0xff))
  }
  return gpu
}
