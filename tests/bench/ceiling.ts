// The adapter's ceilings: arithmetic without memory, and memory without arithmetic.
import type { Gpu } from '../../workers/engine/device'
import { u32 } from '../../workers/engine/command-queue'
import copyCode from './copy.wgsl?raw'
import fmaCode from './fma.wgsl?raw'
import { openOurs, type Work } from './ours'
import { quantile, repetitionMs } from './turns'

/** Ceilings of an adapter. */
export interface Ceiling {
  /** 10⁹ f32 operations per second; a fused multiply-add counts as two */
  gflops: number
  /** 10⁹ bytes per second, read and written together */
  gbs: number
}

const WORKGROUP = 64
/** vec4 sums of an invocation; each does one multiply-add per round */
const SUMS = 8
const TRIES = 5

/** The median of several tries of each. */
export async function measureCeiling(gpu: Gpu): Promise<Ceiling> {
  const { software } = gpu.facts
  const groups = software ? 256 : 16384
  const rounds = software ? 512 : 4096
  const flops = groups * WORKGROUP * rounds * SUMS * 4 * 2
  const words = ((software ? 64 : 128) * 2 ** 20) / 4
  const kernels = gpu.kernels
  const compute = await openOurs(gpu, 'fma', (scope): Work => {
    const sums = scope.alloc([groups * WORKGROUP * 4])
    return {
      values: 1,
      run(_, repetitions) {
        const kernel = kernels.get({ name: 'fma', code: fmaCode }, { WG: WORKGROUP })
        for (let i = 0; i < repetitions; i++) gpu.queue.dispatch({ kernel, tensors: [sums], uniforms: [u32(rounds)], workgroups: [groups], flops })
        return sums
      },
    }
  })
  const copy = await openOurs(gpu, 'copy', (scope): Work => {
    const from = scope.upload(new Float32Array(words), [words], 'f32')
    const to = scope.alloc([words])
    return {
      values: 1,
      run(_, repetitions) {
        const kernel = kernels.get({ name: 'copy', code: copyCode }, { WG: WORKGROUP })
        const copyGroups = Math.ceil(words / 4 / WORKGROUP)
        const x = Math.min(copyGroups, 65535)
        for (let i = 0; i < repetitions; i++) {
          gpu.queue.dispatch({ kernel, tensors: [from, to], uniforms: [u32(words / 4)], workgroups: [x, Math.ceil(copyGroups / x)], flops: words })
        }
        return to
      },
    }
  })
  try {
    const typicalMs = async (side: typeof compute) => {
      await side.run(8)
      const times: number[] = []
      for (let i = 0; i < TRIES; i++) times.push(await repetitionMs(side))
      return quantile(times, 0.5)
    }
    return { gflops: flops / (await typicalMs(compute)) / 1e6, gbs: (2 * words * 4) / (await typicalMs(copy)) / 1e6 }
  } finally {
    await compute.close()
    await copy.close()
  }
}
