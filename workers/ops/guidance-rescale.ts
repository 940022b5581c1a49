// Guidance rescale: standard deviations over whole tensors, computed without a read-back.
import rowSum from '../../shaders/lib/row_sum.wgsl?raw'
import rescaleCode from '../../shaders/guidance_rescale.wgsl?raw'
import momentsCode from '../../shaders/moments.wgsl?raw'
import { f32, u32 } from '../engine/command-queue'
import type { Scope } from '../engine/scope'
import { elementCount, type Tensor } from '../engine/tensor'
import { dispatchGroups, WORKGROUP } from './dispatch-groups'
import { multiply } from './elementwise'

/** Elements of a workgroup: sums of so many f32 are exact to about 1e-6. */
const CHUNK = 4096
/** Of one element, in the submit budget's operations. */
const FLOPS = 6

const PRELUDE = { LANES: WORKGROUP, CHUNK }

/**
 * Guidance rescale: x times amount·std(wanted)/std(x) + 1 − amount, the deviations taken over all elements (Lin et al.,
 * "Common diffusion noise schedules and sample steps are flawed", 2023, section 3.4; for one clip, what diffusers'
 * rescale_noise_cfg does). x, wanted: f32 of one shape; the result too.
 */
export function rescaleGuidance(scope: Scope, x: Tensor, wanted: Tensor, amount: number): Tensor {
  const count = elementCount(x.shape)
  for (const tensor of [x, wanted]) {
    if (tensor.dtype !== 'f32' || elementCount(tensor.shape) !== count || count === 0) {
      throw new Error(`rescaleGuidance: expected f32 tensors of [${x.shape.join(', ')}], got ${tensor.dtype} [${tensor.shape.join(', ')}].`)
    }
  }
  return scope.within((inner) => {
    const chunks = Math.ceil(count / CHUNK)
    const factor = inner.alloc([1], 'f32')
    dispatchGroups(scope.gpu, {
      source: { name: 'guidance_rescale', code: rescaleCode, libs: [rowSum] },
      prelude: PRELUDE,
      tensors: [moments(inner, x, count, chunks), moments(inner, wanted, count, chunks), factor],
      uniforms: [u32(count), u32(chunks), f32(amount)],
      groups: 1,
      flopsPerGroup: chunks * FLOPS,
    })
    return multiply(scope, x, factor)
  })
}

/** Each chunk's mean and sum of squared distances from it: f32 [G, 2]. */
function moments(scope: Scope, x: Tensor, count: number, chunks: number): Tensor {
  const y = scope.alloc([chunks, 2], 'f32')
  dispatchGroups(scope.gpu, {
    source: { name: 'moments', code: momentsCode, libs: [rowSum] },
    prelude: PRELUDE,
    tensors: [x, y],
    uniforms: [u32(count)],
    groups: chunks,
    flopsPerGroup: CHUNK * FLOPS,
  })
  return y
}
