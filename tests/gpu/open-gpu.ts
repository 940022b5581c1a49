// Dawn in Node: the same API as the browser's. A GPU test without a GPU fails here, loudly.
import { create, globals } from 'webgpu'
import { openGpu, type Gpu } from '../../workers/engine/device'

Object.assign(globalThis, globals)
// Mesa's software driver compiles kernels for vectors of 4 twice as fast as for 8, and they run no slower; read when it is loaded below
process.env['LP_NATIVE_VECTOR_WIDTH'] ??= '128'
/** Held for the life of the process: a collected instance takes its devices' threads with it and aborts. */
const api = create([])
let opened: Promise<Gpu> | undefined

/** The adapter of this machine, opened once a process; buffers are handed out full of NaN. */
export function testGpu(): Promise<Gpu> {
  return (opened ??= openGpu(api).then((gpu) => {
    gpu.pool.onAcquire = (buffer) => {
      if (gpu.queue.dryRun) return
      gpu.queue.flush() // the buffer may be a reused one that pending dispatches still read
      gpu.device.queue.writeBuffer(buffer, 0, new Uint8Array(buffer.size).fill(0xff))
    }
    return gpu
  }))
}
