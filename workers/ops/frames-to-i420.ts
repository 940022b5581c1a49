// The last step of a decoder whose frames go to a video encoder as they are: what the encoder takes, made on the GPU.
import i420Code from '../../shaders/frames_to_i420.wgsl?raw'
import levels from '../../shaders/lib/levels.wgsl?raw'
import { i32, u32 } from '../engine/command-queue'
import type { Scope } from '../engine/scope'
import { dim, type Tensor } from '../engine/tensor'
import { dispatchGroups } from './dispatch-groups'

const WORKGROUP = 64
/** Pixels of an invocation. */
const CELL = { width: 8, height: 2 }
/** Arithmetic of them, in the submit budget's operations. */
const COST = CELL.width * CELL.height * 30

/** What the planes are made with, in 65536ths: Y of a pixel's levels, U and V of the sums of four. */
export interface I420Weights {
  yRed: number
  yGreen: number
  yBlue: number
  uRed: number
  uGreen: number
  uBlue: number
  vRed: number
  vGreen: number
  vBlue: number
}

/** Whether there is a kernel for frames of these sides. */
export function fitsI420(width: number, height: number): boolean {
  return width % CELL.width === 0 && height % CELL.height === 0
}

/** x [F, H, W, 3], clamped to −1..1 → u32 [F, H·W·3/8]: each frame's planes Y [H, W], U and V [H/2, W/2], bytes. */
export function framesToI420(scope: Scope, x: Tensor, weights: I420Weights): Tensor {
  const [frames, height, width] = [dim(x, 0), dim(x, 1), dim(x, 2)]
  if (x.shape.length !== 4 || dim(x, -1) !== 3 || !fitsI420(width, height)) {
    throw new Error(`framesToI420: expected [F, H, W, 3] in cells of ${CELL.width}×${CELL.height} pixels, got [${x.shape.join(', ')}].`)
  }
  const y = scope.alloc([frames, (height * width * 3) / 8], 'u32')
  const cells = (frames * height * width) / (CELL.width * CELL.height)
  const { yRed, yGreen, yBlue, uRed, uGreen, uBlue, vRed, vGreen, vBlue } = weights
  dispatchGroups(scope.gpu.queue, {
    kernel: scope.gpu.kernels.get({ name: 'frames_to_i420', code: i420Code, libs: [levels] }, { elem: x.dtype }),
    tensors: [x, y],
    uniforms: [u32(height), u32(width), u32(cells), ...[yRed, yGreen, yBlue, uRed, uGreen, uBlue, vRed, vGreen, vBlue].map(i32)],
    groups: Math.ceil(cells / WORKGROUP),
    flopsPerGroup: WORKGROUP * COST,
  })
  return y
}
