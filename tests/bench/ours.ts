// Our side: an op or a model's forward pass on the open device.
import type { Gpu } from '../../workers/engine/device'
import { f16ToF32 } from '../../workers/engine/half-floats'
import { Scope } from '../../workers/engine/scope'
import type { Tensor } from '../../workers/engine/tensor'
import type { Repetitions, Side } from './turns'

/** CPU time and submits of one run. */
export interface RunRecord {
  repetitions: Repetitions
  /** milliseconds until all work is submitted, uploads included */
  hostMs: number
  submits: number
  /** GPU time, milliseconds */
  longestSubmitMs: number
}

/** Our side, with a record of every run. */
export interface OurSide extends Side {
  readonly records: readonly RunRecord[]
}

/** Prepared work. */
export interface Work {
  /** dispatches the repetitions, with temporaries in the scope. → the last result */
  run(scope: Scope, repetitions: Repetitions): Tensor
  /** values of the result that are read back and compared with the peer's, from its beginning on */
  values: number
}

/** Prepares the work in a scope of its own, and compiles its kernels. */
export async function openOurs(gpu: Gpu, kernel: string, prepare: (scope: Scope) => Work | Promise<Work>): Promise<OurSide> {
  const owner = new Scope(gpu)
  const { run, values } = await prepare(owner)
  await gpu.compile(() => owner.within((scope) => void run(scope, 1)))
  const records: RunRecord[] = []
  return {
    kernel,
    records,
    async run(repetitions) {
      const scope = new Scope(gpu)
      const record: RunRecord = { repetitions, hostMs: 0, submits: 0, longestSubmitMs: 0 }
      gpu.queue.onSubmitsDone = (submits, elapsedMs) => {
        record.submits += submits
        record.longestSubmitMs = Math.max(record.longestSubmitMs, elapsedMs)
      }
      try {
        const startMs = performance.now()
        const result = run(scope, repetitions)
        gpu.queue.flush()
        record.hostMs = performance.now() - startMs
        records.push(record)
        const half = result.dtype === 'f16'
        const bytes = await gpu.readBytes(result, 0, Math.ceil((values * (half ? 2 : 4)) / 4) * 4)
        return half ? f16ToF32(new Uint16Array(bytes)).slice(0, values) : new Float32Array(bytes)
      } finally {
        scope.close()
      }
    },
    close() {
      owner.close()
      return Promise.resolve()
    },
  }
}
