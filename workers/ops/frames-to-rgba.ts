// The last step of a decoder: floats to pixels on the GPU, which leaves a quarter of the bytes to read back.
import rgbaCode from '../../shaders/frames_to_rgba.wgsl?raw'
import levels from '../../shaders/lib/levels.wgsl?raw'
import type { Scope } from '../engine/scope'
import { dim, elementCount, type Tensor } from '../engine/tensor'
import { dispatchElements } from './dispatch-groups'

/** Of one pixel, in the submit budget's operations. */
const FLOPS = 20

/** x [F, H, W, 3], clamped to −1..1 → u32 [F, H, W]: the bytes R, G, B, 255 of each pixel, rounded to nearest. */
export function framesToRgba(scope: Scope, x: Tensor): Tensor {
  if (x.shape.length !== 4 || dim(x, -1) !== 3) throw new Error(`framesToRgba: expected [F, H, W, 3], got [${x.shape.join(', ')}].`)
  const shape = x.shape.slice(0, 3)
  const y = scope.alloc(shape, 'u32')
  dispatchElements(scope.gpu, {
    source: { name: 'frames_to_rgba', code: rgbaCode, libs: [levels] },
    prelude: { elem: x.dtype },
    tensors: [x, y],
    count: elementCount(shape),
    flops: FLOPS,
  })
  return y
}
