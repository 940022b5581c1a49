// The last step of a decoder: numbers to pixels, on the GPU, so that a quarter of the bytes is read back.
import rgbaCode from '../../shaders/frames_to_rgba.wgsl?raw'
import levels from '../../shaders/lib/levels.wgsl?raw'
import { u32 } from '../engine/command-queue'
import type { Scope } from '../engine/scope'
import { dim, elementCount, type Tensor } from '../engine/tensor'
import { dispatchGroups } from './dispatch-groups'

const WORKGROUP = 64
/** Arithmetic of one pixel, in the submit budget's operations. */
const COST = 20

/** x [F, H, W, 3], clamped to −1..1 → u32 [F, H, W]: the bytes R, G, B, 255 of each pixel, rounded to nearest. */
export function framesToRgba(scope: Scope, x: Tensor): Tensor {
  if (x.shape.length !== 4 || dim(x, -1) !== 3) throw new Error(`framesToRgba: expected [F, H, W, 3], got [${x.shape.join(', ')}].`)
  const shape = x.shape.slice(0, 3)
  const y = scope.alloc(shape, 'u32')
  const count = elementCount(shape)
  dispatchGroups(scope.gpu.queue, {
    kernel: scope.gpu.kernels.get({ name: 'frames_to_rgba', code: rgbaCode, libs: [levels] }, { elem: x.dtype }),
    tensors: [x, y],
    uniforms: [u32(count)],
    groups: Math.ceil(count / WORKGROUP),
    flopsPerGroup: WORKGROUP * COST,
  })
  return y
}
