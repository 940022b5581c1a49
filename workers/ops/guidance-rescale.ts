// Standard deviations over a whole tensor, without reading anything back.
import rowSum from '../../shaders/lib/row_sum.wgsl?raw'
import code from '../../shaders/moments.wgsl?raw'
import ratioCode from '../../shaders/guidance_rescale.wgsl?raw'
import { f32, u32 } from '../engine/command-queue'
import type { Scope } from '../engine/scope'
import { elementCount, type Tensor } from '../engine/tensor'
import { dispatchGroups } from './dispatch-groups'
import { multiply } from './elementwise'

const WORKGROUP = 64
/** Elements that one workgroup takes: sums of so many f32 are exact to about 1e-6. */
const CHUNK = 4096
/** Arithmetic of one element, in the submit budget's operations. */
const COST = 6

const PRELUDE = { WG: WORKGROUP, LANES: WORKGROUP, CHUNK }

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
    dispatchGroups(scope.gpu.queue, {
      kernel: scope.gpu.kernels.get({ name: 'spread_ratio', code: ratioCode, libs: [rowSum] }, PRELUDE),
      tensors: [spread(inner, x, count, chunks), spread(inner, wanted, count, chunks), factor],
      uniforms: [u32(count), u32(chunks), f32(amount)],
      groups: 1,
      flopsPerGroup: chunks * COST,
    })
    return multiply(scope, x, factor)
  })
}

/** Each chunk's mean and sum of squared distances from it: f32 [G, 2]. */
function spread(scope: Scope, x: Tensor, count: number, chunks: number): Tensor {
  const y = scope.alloc([chunks, 2], 'f32')
  dispatchGroups(scope.gpu.queue, {
    kernel: scope.gpu.kernels.get({ name: 'spread', code, libs: [rowSum] }, PRELUDE),
    tensors: [x, y],
    uniforms: [u32(count)],
    groups: chunks,
    flopsPerGroup: CHUNK * COST,
  })
  return y
}
