// A latent, channels last, ↔ tokens as a transformer takes them.
import patchifyCode from '../../shaders/patchify.wgsl?raw'
import { u32 } from '../engine/command-queue'
import type { Scope } from '../engine/scope'
import { dim, elementCount, type Tensor } from '../engine/tensor'
import { dispatchElements } from './dispatch-groups'

/** Index arithmetic of one element, in the submit budget's operations. */
const FLOPS = 20

/** Sides of a patch: `patch` in latent pixels, `patchTime` in latent frames. */
export interface PatchSize {
  patch: number
  patchTime: number
}

interface Grid {
  channels: number
  frames: number
  height: number
  width: number
}

function rearrange(scope: Scope, x: Tensor, shape: readonly number[], grid: Grid, size: PatchSize, toTokens: boolean): Tensor {
  const y = scope.alloc(shape, x.dtype)
  dispatchElements(scope.gpu, {
    source: { name: 'patchify', code: patchifyCode },
    prelude: { elem: x.dtype, TO_TOKENS: toTokens },
    tensors: [x, y],
    uniforms: [grid.channels, grid.frames, grid.height, grid.width, size.patchTime, size.patch].map(u32),
    count: elementCount(shape),
    flops: FLOPS,
  })
  return y
}

/** latent [F, H, W, C] → tokens [F/pt · H/p · W/p, C·pt·p·p]: frame by frame, row by row; a patch is channel, time, y, x. */
export function patchify(scope: Scope, latent: Tensor, size: PatchSize): Tensor {
  const { patch, patchTime } = size
  const grid = { frames: dim(latent, -4), height: dim(latent, -3), width: dim(latent, -2), channels: dim(latent, -1) }
  if (latent.shape.length !== 4 || grid.frames % patchTime || grid.height % patch || grid.width % patch) {
    throw new Error(`patchify: expected [F, H, W, C] in whole patches of ${patchTime}×${patch}×${patch}, got [${latent.shape.join(', ')}].`)
  }
  const inner = patchTime * patch * patch
  return rearrange(scope, latent, [elementCount(latent.shape) / (grid.channels * inner), grid.channels * inner], grid, size, true)
}

/** The inverse: tokens [N, C·pt·p·p] → latent [F, H, W, C] of this many latent frames, rows and columns. */
export function unpatchify(scope: Scope, tokens: Tensor, o: PatchSize & { frames: number; height: number; width: number }): Tensor {
  const { patch, patchTime, frames, height, width } = o
  const inner = patchTime * patch * patch
  const channels = dim(tokens, -1) / inner
  if (!Number.isInteger(channels) || dim(tokens, -2) * inner !== frames * height * width) {
    throw new Error(`unpatchify: expected tokens of [${frames}, ${height}, ${width}, C], got [${tokens.shape.join(', ')}].`)
  }
  return rearrange(scope, tokens, [frames, height, width, channels], { channels, frames, height, width }, { patch, patchTime }, false)
}
