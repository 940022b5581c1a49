// Convolution of channels-last clips: 2D within each frame (kt = 1), or 3D over time.
import directCode from '../../shaders/conv.wgsl?raw'
import tileCode from '../../shaders/conv_tile.wgsl?raw'
import mainPlain from '../../shaders/lib/conv_main_plain.wgsl?raw'
import mainSubgroups from '../../shaders/lib/conv_main_subgroups.wgsl?raw'
import readCode from '../../shaders/lib/conv_read.wgsl?raw'
import windowCode from '../../shaders/lib/conv_window.wgsl?raw'
import writeScalar from '../../shaders/lib/conv_write_scalar.wgsl?raw'
import writeVec4 from '../../shaders/lib/conv_write_vec4.wgsl?raw'
import { u32 } from '../engine/command-queue'
import type { AdapterFacts } from '../engine/device'
import type { Scope } from '../engine/scope'
import { dim, type FloatDType, type Tensor } from '../engine/tensor'
import type { ConvWeight } from './conv-weight'

export { uploadConv, uploadConvPieces, type ConvPiece, type ConvWeight } from './conv-weight'

/** Strides, padding, and the operations fused behind a convolution. */
export interface ConvOptions {
  /** steps in time, height, width; 1 each by default */
  stride?: readonly [number, number, number]
  /** values beyond a frame's edges; the padding is (kernel − 1) / 2 on each side; 'zeros' by default */
  padSpace?: 'zeros' | 'reflect'
  /**
   * 'causal': the first frame is repeated kt − 1 times in front. 'both': first and last frame (kt − 1) / 2 times each. 'valid': no
   * padding in time. 'causal' by default.
   */
  time?: 'causal' | 'both' | 'valid'
  /** applied before addTo */
  activation?: 'silu'
  /** residual of the result's shape: result = addTo + conv */
  addTo?: Tensor
  /** of the result; x's by default */
  dtype?: FloatDType
  /** the adapter's by default */
  variant?: ConvVariant
}

/** 'tile' is for GPUs; 'direct' for software adapters and few output channels; 'direct-subgroups' shares weight reads in a subgroup. */
export type ConvVariant = 'tile' | 'direct' | 'direct-subgroups'

/** Rows, and groups of 4 output channels, of a workgroup of the tile variant. */
const TILE = { rows: 64, groups: 16 }
/** The most workgroups in one grid dimension, by the WebGPU specification. */
const MAX_GRID = 65535
/** The direct variants' workgroups are small, because a small frame has few rows. */
const DIRECT = { workgroup: 16, rowsPerInvocation: 4, maxGroups: 2 }

/** The default variant for this many output channels. */
export function convVariant(facts: AdapterFacts, out: number): ConvVariant {
  if (!facts.software && out > TILE.groups) return 'tile'
  return facts.software && facts.subgroups ? 'direct-subgroups' : 'direct'
}

/**
 * Convolves a clip. x [F, H, W, C] → [F', H', W', O] with
 * F' = ⌊(F − 1) / st⌋ + 1 when causal (or kt odd), ⌊(F − kt) / st⌋ + 1 when 'valid', and likewise in height and width for odd kernels.
 */
export function conv(scope: Scope, x: Tensor, weight: ConvWeight, options: ConvOptions = {}): Tensor {
  const { stride = [1, 1, 1], padSpace = 'zeros', time = 'causal', activation, addTo, dtype = x.dtype as FloatDType } = options
  const [kt, kh, kw] = weight.kernel
  const frames = dim(x, -4)
  const height = dim(x, -3)
  const width = dim(x, -2)
  if (x.shape.length !== 4 || dim(x, -1) !== weight.in) {
    throw new Error(`conv: expected x [F, H, W, ${weight.in}], got [${x.shape.join(', ')}].`)
  }
  const padBefore = { causal: kt - 1, both: Math.floor((kt - 1) / 2), valid: 0 }[time]
  const padTime = time === 'both' ? 2 * padBefore : padBefore
  const padY = Math.floor((kh - 1) / 2)
  const padX = Math.floor((kw - 1) / 2)
  const outFrames = Math.floor((frames + padTime - kt) / stride[0]) + 1
  const outHeight = Math.floor((height + 2 * padY - kh) / stride[1]) + 1
  const outWidth = Math.floor((width + 2 * padX - kw) / stride[2]) + 1
  const shape = [outFrames, outHeight, outWidth, weight.out]
  if (outFrames < 1) throw new Error(`conv: expected at least ${kt} frames without padding, got ${frames}.`)
  if (addTo && addTo.shape.join() !== shape.join()) {
    throw new Error(`conv: expected addTo [${shape.join(', ')}], got [${addTo.shape.join(', ')}].`)
  }

  const { queue, facts, kernels } = scope.gpu
  const variant = options.variant ?? convVariant(facts, weight.out)
  const groups = variant === 'tile' ? TILE.groups : Math.min(Math.ceil(weight.out / 4), DIRECT.maxGroups)
  const wholeGroups = weight.in % 4 === 0
  const writeY = weight.out % 4 === 0 ? writeVec4 : writeScalar
  const source = {
    name: `conv_${variant}_x${weight.out % 4 === 0 ? 4 : 1}`,
    code: variant === 'tile' ? tileCode : directCode,
    libs: [windowCode, readCode, writeY, ...(variant === 'tile' ? [] : [variant === 'direct' ? mainPlain : mainSubgroups])],
  }
  const kernel = kernels.get(source, {
    elem: x.dtype,
    x_item: wholeGroups ? `vec4<${x.dtype}>` : x.dtype,
    C_BY_4: wholeGroups,
    weight_elem: weight.dtype,
    residual_elem: addTo?.dtype ?? 'f32',
    out_elem: dtype,
    REFLECT: padSpace === 'reflect',
    SILU: activation === 'silu',
    HAS_RESIDUAL: addTo !== undefined,
    HALF_OUT: dtype === 'f16',
    ...(variant !== 'tile' && { WG: DIRECT.workgroup, GROUPS: groups, SUBGROUPS: variant === 'direct-subgroups' }),
  })

  const y = scope.alloc(shape, dtype)
  const rows = outFrames * outHeight * outWidth
  const tileRows = variant === 'tile' ? TILE.rows : DIRECT.workgroup * DIRECT.rowsPerInvocation
  for (const shard of weight.shards) {
    const flopsPerRow = 2 * kt * kh * kw * weight.in * shard.out
    // whole workgroups a dispatch, within the submit budget
    const tilesAtOnce = Math.min(MAX_GRID, Math.max(1, Math.floor(queue.dispatchBudget / (flopsPerRow * tileRows))))
    for (let from = 0; from < rows; from += tilesAtOnce * tileRows) {
      const end = Math.min(rows, from + tilesAtOnce * tileRows)
      queue.dispatch({
        kernel,
        // a binding that is not read needs a buffer, too: the bias
        tensors: [x, shard.data, weight.bias, addTo ?? weight.bias, y],
        uniforms: [
          frames,
          height,
          width,
          weight.in,
          outHeight,
          outWidth,
          shard.out,
          from,
          end,
          kt,
          kh,
          kw,
          ...stride,
          padBefore,
          padY,
          padX,
          weight.out,
          shard.from,
        ].map(u32),
        workgroups: [Math.ceil((end - from) / tileRows), Math.ceil(Math.ceil(shard.out / 4) / groups)],
        flops: (end - from) * flopsPerRow,
      })
    }
  }
  return y
}
