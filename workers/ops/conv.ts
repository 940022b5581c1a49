// Convolution of channels-last clips: 2D inside each frame (kt = 1), or 3D over time.
import directCode from '../../shaders/conv.wgsl?raw'
import tileCode from '../../shaders/conv_tile.wgsl?raw'
import mainPlain from '../../shaders/lib/conv_main_plain.wgsl?raw'
import mainSubgroups from '../../shaders/lib/conv_main_subgroups.wgsl?raw'
import readScalar from '../../shaders/lib/conv_read_scalar.wgsl?raw'
import readVec4 from '../../shaders/lib/conv_read_vec4.wgsl?raw'
import windowCode from '../../shaders/lib/conv_window.wgsl?raw'
import writeScalar from '../../shaders/lib/conv_write_scalar.wgsl?raw'
import writeVec4 from '../../shaders/lib/conv_write_vec4.wgsl?raw'
import { u32 } from '../engine/command-queue'
import type { AdapterFacts } from '../engine/device'
import type { Scope } from '../engine/scope'
import { dim, elementCount, type FloatDType, type Tensor } from '../engine/tensor'

/** Weights of a convolution, rearranged for the kernel: blocks of 4 input by 4 output channels. */
export interface ConvWeight {
  out: number
  in: number
  /** taps in time, height, width */
  kernel: readonly [number, number, number]
  /** one, or several where all the weights would be over the limit of a binding */
  shards: readonly ConvShard[]
  /** f32, zeros where the source has none, filled up to whole groups of 4 */
  bias: Tensor
  dtype: FloatDType
}

/** The weights of output channels from … from + out − 1: [taps, in/4, out/4] blocks. */
export interface ConvShard {
  from: number
  out: number
  data: Tensor
}

/** Weights in torch's order, or what reads them: of output channels from … from + count − 1. */
export type ConvValues = Float32Array | ((from: number, count: number) => Float32Array)

/** How a convolution treats strides and borders, and what is fused behind it. */
export interface ConvOptions {
  /** steps in time, height, width; 1 each by default */
  stride?: readonly [number, number, number]
  /** beyond the picture's edges; the padding is (kernel − 1) / 2 on each side */
  padSpace?: 'zeros' | 'reflect'
  /**
   * 'causal': the first frame kt − 1 times in front. 'both': first and last frame (kt − 1) / 2 times each. 'valid': none, the
   * caller has put them there. Default 'causal'.
   */
  time?: 'causal' | 'both' | 'valid'
  /** applied before addTo */
  activation?: 'silu'
  /** residual of the result's shape: result = addTo + conv */
  addTo?: Tensor
  /** of the result; by default x's */
  dtype?: FloatDType
  /** chosen from the adapter when not given */
  variant?: ConvVariant
}

/** 'tile' is for GPUs; 'direct' for software adapters and a handful of output channels; '-subgroups' shares its weight reads. */
export type ConvVariant = 'tile' | 'direct' | 'direct-subgroups'

/** Rows and groups of 4 output channels of a workgroup of the tile variant. */
const TILE = { rows: 64, groups: 16 }
/**
 * The most weights in a shard: 64 MiB as f32. Half of the specification's limit of a binding, for they are rearranged on the
 * host one shard at a time, and a dispatch over fewer output channels is shorter.
 */
const SHARD_WEIGHTS = 2 ** 24
/** The most workgroups one grid dimension may have, by the WebGPU specification. */
const MAX_GRID = 65535
/** The direct variants' workgroups are small, for a small picture has few rows. */
const DIRECT = { workgroup: 16, rowsPerInvocation: 4, maxGroups: 2 }

/** The variant that `conv` takes for so many output channels, for a job's record. */
export function convVariant(facts: AdapterFacts, out: number): ConvVariant {
  if (!facts.software && out > TILE.groups) return 'tile'
  return facts.software && facts.subgroups ? 'direct-subgroups' : 'direct'
}

/** Uploads weights in torch's order: [O, I, kt, kh, kw] or [O, I, kh, kw]. @param shardWeights the most in one binding */
export function uploadConv(
  scope: Scope,
  values: ConvValues,
  shape: readonly number[],
  bias: Float32Array | undefined,
  dtype: FloatDType,
  shardWeights = SHARD_WEIGHTS,
): ConvWeight {
  const read = typeof values === 'function' ? values : (from: number, count: number) => values.subarray(from * perOut, (from + count) * perOut)
  const [out, inputs, kt, kh, kw] = (shape.length === 4 ? [shape[0], shape[1], 1, shape[2], shape[3]] : shape) as [
    number, number, number, number, number,
  ]
  const perOut = elementCount(shape) / out
  if ((shape.length !== 4 && shape.length !== 5) || (typeof values !== 'function' && elementCount(shape) !== values.length)) {
    throw new Error(`uploadConv: expected [O, I, (kt,) kh, kw], got [${shape.join(', ')}] and ${values.length} values.`)
  }
  if (bias && bias.length !== out) throw new Error(`uploadConv: expected ${out} biases, got ${bias.length}.`)
  const taps = kt * kh * kw
  // whole groups of 4 output channels; several of them, where there are that many
  const outAtOnce = Math.max(4, Math.floor(shardWeights / (perOut * 4)) * 4)
  const shards: ConvShard[] = []
  for (let from = 0; from < out; from += outAtOnce) {
    const count = Math.min(outAtOnce, out - from)
    const blocks = inBlocks(read(from, count), count, inputs, taps)
    shards.push({ from, out: count, data: scope.upload(blocks, [taps, Math.ceil(inputs / 4), Math.ceil(count / 4), 16], dtype) })
  }
  const biases = new Float32Array(Math.ceil(out / 4) * 4)
  if (bias) biases.set(bias)
  return { out, in: inputs, kernel: [kt, kh, kw], shards, bias: scope.upload(biases, [biases.length], 'f32'), dtype }
}

/** [O, I, taps] → [taps, I/4, O/4] blocks [4 inputs][4 outputs] */
function inBlocks(values: Float32Array, out: number, inputs: number, taps: number): Float32Array {
  const inGroups = Math.ceil(inputs / 4)
  const outGroups = Math.ceil(out / 4)
  const blocks = new Float32Array(taps * inGroups * outGroups * 16)
  for (let o = 0; o < out; o++) {
    for (let i = 0; i < inputs; i++) {
      const from = (o * inputs + i) * taps
      const at = ((i >> 2) * outGroups + (o >> 2)) * 16 + (i & 3) * 4 + (o & 3)
      for (let tap = 0; tap < taps; tap++) blocks[at + tap * inGroups * outGroups * 16] = values[from + tap] as number
    }
  }
  return blocks
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
  const readX = weight.in % 4 === 0 ? readVec4 : readScalar
  const writeY = weight.out % 4 === 0 ? writeVec4 : writeScalar
  const source = {
    name: `conv_${variant}_${weight.in % 4 === 0 ? 4 : 1}x${weight.out % 4 === 0 ? 4 : 1}`,
    code: variant === 'tile' ? tileCode : directCode,
    libs: [windowCode, readX, writeY, ...(variant === 'tile' ? [] : [variant === 'direct' ? mainPlain : mainSubgroups])],
  }
  const kernel = kernels.get(source, {
    elem: x.dtype,
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
    // whole workgroups a dispatch, short enough for the queue
    const tilesAtOnce = Math.min(MAX_GRID, Math.max(1, Math.floor(queue.dispatchBudget / (flopsPerRow * tileRows))))
    for (let from = 0; from < rows; from += tilesAtOnce * tileRows) {
      const end = Math.min(rows, from + tilesAtOnce * tileRows)
      queue.dispatch({
        kernel,
        // without a residual its binding still needs a buffer: the bias stands in, unread
        tensors: [x, shard.data, weight.bias, addTo ?? weight.bias, y],
        uniforms: [
          frames, height, width, weight.in, outHeight, outWidth, shard.out, from, end,
          kt, kh, kw, ...stride, padBefore, padY, padX, weight.out, shard.from,
        ].map(u32),
        workgroups: [Math.ceil((end - from) / tileRows), Math.ceil(Math.ceil(shard.out / 4) / groups)],
        flops: (end - from) * flopsPerRow,
      })
    }
  }
  return y
}
