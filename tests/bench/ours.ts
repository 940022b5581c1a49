// Our side: an op or a model's forward pass on the device that is open.
import type { Gpu } from '../../workers/engine/device'
import { f16ToF32 } from '../../workers/engine/half-floats'
import { Scope } from '../../workers/engine/scope'
import type { Tensor } from '../../workers/engine/tensor'
import type { Repetitions, Side } from './side'

/** Work that is ready to run. */
export interface Work {
  /** does it so many times, dispatching only; its temporaries belong to the scope. → the last result */
  run(scope: Scope, repetitions: Repetitions): Tensor
  /** values of the result that are read back and compared with the peer's, from its beginning on */
  values: number
}

/** Prepares the work in a scope of its own, and compiles its kernels. */
export async function openOurs(gpu: Gpu, kernel: string, prepare: (scope: Scope) => Work | Promise<Work>): Promise<Side> {
  const kept = new Scope(gpu)
  const { run, values } = await prepare(kept)
  await gpu.compile(() => kept.within((scope) => void run(scope, 1)))
  return {
    kernel,
    async run(repetitions) {
      const scope = new Scope(gpu)
      try {
        const result = run(scope, repetitions)
        const half = result.dtype === 'f16'
        const bytes = await gpu.readBytes(result, 0, Math.ceil((values * (half ? 2 : 4)) / 4) * 4)
        return half ? f16ToF32(new Uint16Array(bytes)).slice(0, values) : new Float32Array(bytes)
      } finally {
        scope.close()
      }
    },
    close() {
      kept.close()
      return Promise.resolve()
    },
  }
}
