// The relative L1 distance between a tensor and an earlier one.
import rowSum from '../../shaders/lib/row_sum.wgsl?raw'
import code from '../../shaders/relative_l1.wgsl?raw'
import { u32 } from '../engine/command-queue'
import type { Scope } from '../engine/scope'
import { elementCount, type Tensor } from '../engine/tensor'
import { dispatchGroups, WORKGROUP } from './dispatch-groups'

/** Elements of a workgroup: sums of so many f32 are exact to about 1e-6. */
const CHUNK = 4096
/** Of one element, in the submit budget's operations. */
const FLOPS = 4

/** Sums over chunks, f32 [G, 2], for relativeL1 once they are read back. now, before: f32 of one shape */
export function l1Sums(scope: Scope, now: Tensor, before: Tensor): Tensor {
  const count = elementCount(now.shape)
  for (const tensor of [now, before]) {
    if (tensor.dtype !== 'f32' || elementCount(tensor.shape) !== count || count === 0) {
      throw new Error(`l1Sums: expected f32 tensors of [${now.shape.join(', ')}], got ${tensor.dtype} [${tensor.shape.join(', ')}].`)
    }
  }
  const groups = Math.ceil(count / CHUNK)
  const y = scope.alloc([groups, 2], 'f32')
  dispatchGroups(scope.gpu, {
    source: { name: 'relative_l1', code, libs: [rowSum] },
    prelude: { LANES: WORKGROUP, CHUNK },
    tensors: [now, before, y],
    uniforms: [u32(count)],
    groups,
    flopsPerGroup: CHUNK * FLOPS,
  })
  return y
}

/** Σ|now − before| / Σ|before| from the values of l1Sums; NaN where both sums are 0. Pure. */
export function relativeL1(sums: Float32Array): number {
  let [distance, norm] = [0, 0]
  for (let at = 0; at < sums.length; at += 2) {
    distance += sums[at] as number
    norm += sums[at + 1] as number
  }
  return distance / norm
}
