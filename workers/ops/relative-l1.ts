// How far a tensor has moved from an earlier one.
import rowSum from '../../shaders/lib/row_sum.wgsl?raw'
import code from '../../shaders/relative_l1.wgsl?raw'
import { u32 } from '../engine/command-queue'
import type { Scope } from '../engine/scope'
import { elementCount, type Tensor } from '../engine/tensor'
import { dispatchGroups } from './dispatch-groups'

const WORKGROUP = 64
/** Elements that one workgroup takes: sums of so many f32 are exact to about 1e-6. */
const CHUNK = 4096
/** Arithmetic of one element, in the submit budget's operations. */
const COST = 4

/** Sums over chunks, to be read back and given to relativeL1: f32 [G, 2]. now, before: f32 of one shape */
export function l1Sums(scope: Scope, now: Tensor, before: Tensor): Tensor {
  const count = elementCount(now.shape)
  for (const tensor of [now, before]) {
    if (tensor.dtype !== 'f32' || elementCount(tensor.shape) !== count || count === 0) {
      throw new Error(`l1Sums: expected f32 tensors of [${now.shape.join(', ')}], got ${tensor.dtype} [${tensor.shape.join(', ')}].`)
    }
  }
  const groups = Math.ceil(count / CHUNK)
  const y = scope.alloc([groups, 2], 'f32')
  dispatchGroups(scope.gpu.queue, {
    kernel: scope.gpu.kernels.get({ name: 'change', code, libs: [rowSum] }, { WG: WORKGROUP, LANES: WORKGROUP, CHUNK }),
    tensors: [now, before, y],
    uniforms: [u32(count)],
    groups,
    flopsPerGroup: CHUNK * COST,
  })
  return y
}

/** Σ|now − before| / Σ|before|, of the values of l1Sums; NaN where both are nothing. Pure. */
export function relativeL1(sums: Float32Array): number {
  let [moved, size] = [0, 0]
  for (let at = 0; at < sums.length; at += 2) {
    moved += sums[at] as number
    size += sums[at + 1] as number
  }
  return moved / size
}
