// The last step of a decoder whose frames go straight to a video encoder: the encoder's pixel format, made on the GPU.
import i420Code from '../../shaders/frames_to_i420.wgsl?raw'
import levels from '../../shaders/lib/levels.wgsl?raw'
import { i32, u32 } from '../engine/command-queue'
import type { Scope } from '../engine/scope'
import { dim, type Tensor } from '../engine/tensor'
import { dispatchElements } from './dispatch-groups'

/** Pixels of an invocation. */
const CELL = { width: 8, height: 2 }
/** Of one cell, in the submit budget's operations. */
const FLOPS = CELL.width * CELL.height * 30

/** Weights of the planes in 65536ths: Y of a pixel's levels, U and V of the sums over four pixels. */
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

/** Whether the kernel supports frames of this size in pixels. */
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
  const { yRed, yGreen, yBlue, uRed, uGreen, uBlue, vRed, vGreen, vBlue } = weights
  dispatchElements(scope.gpu, {
    source: { name: 'frames_to_i420', code: i420Code, libs: [levels] },
    prelude: { elem: x.dtype },
    tensors: [x, y],
    uniforms: [u32(height), u32(width), ...[yRed, yGreen, yBlue, uRed, uGreen, uBlue, vRed, vGreen, vBlue].map(i32)],
    count: (frames * height * width) / (CELL.width * CELL.height),
    flops: FLOPS,
  })
  return y
}
