// Convolution of channels-last clips: 2D inside each frame (kt = 1), or 3D over time.
import convCode from '../../shaders/conv.wgsl?raw'
import readScalar from '../../shaders/lib/conv_read_scalar.wgsl?raw'
import readVec4 from '../../shaders/lib/conv_read_vec4.wgsl?raw'
import writeScalar from '../../shaders/lib/conv_write_scalar.wgsl?raw'
import writeVec4 from '../../shaders/lib/conv_write_vec4.wgsl?raw'
import { u32 } from '../engine/command-queue'
import type { Prelude } from '../engine/kernel'
import type { Scope } from '../engine/scope'
import { dim, elementCount, type FloatDType, type Tensor } from '../engine/tensor'

/** Weights of a convolution, rearranged for the kernel: [taps, in/4, out/4] blocks of 4 input by 4 output channels. */
export interface ConvWeight {
  out: number
  in: number
  /** taps in time, height, width */
  kernel: readonly [number, number, number]
  data: Tensor
  /** f32, zeros where the source has none, filled up to whole groups of 4 */
  bias: Tensor
  dtype: FloatDType
}

/** How a convolution treats strides and borders, and what is fused behind it. */
export interface ConvOptions {
  /** steps in time, height, width; 1 each by default */
  stride?: readonly [number, number, number]
  /** beyond the picture's edges; the padding is (kernel − 1) / 2 on each side */
  padSpace?: 'zeros' | 'reflect'
  /** 'causal': the first frame kt − 1 times in front. 'both': first and last frame (kt − 1) / 2 times each. Default 'causal'. */
  time?: 'causal' | 'both'
  /** applied before addTo */
  activation?: 'silu'
  /** residual of the result's shape: result = addTo + conv */
  addTo?: Tensor
  /** of the result; by default x's */
  dtype?: FloatDType
}

const WORKGROUP = 64
const ROWS_PER_INVOCATION = 4
const MAX_GROUPS = 2

/** Name of the kernel variant this op uses, for the record of a job. */
export function convVariant(): string {
  return 'direct-4x16'
}

/** Uploads weights in torch's order: [O, I, kt, kh, kw] or [O, I, kh, kw]. */
export function uploadConv(
  scope: Scope,
  values: Float32Array,
  shape: readonly number[],
  bias: Float32Array | undefined,
  dtype: FloatDType,
): ConvWeight {
  if ((shape.length !== 4 && shape.length !== 5) || elementCount(shape) !== values.length) {
    throw new Error(`uploadConv: expected [O, I, (kt,) kh, kw], got [${shape.join(', ')}] and ${values.length} values.`)
  }
  const [out, inputs, kt, kh, kw] = (shape.length === 4 ? [shape[0], shape[1], 1, shape[2], shape[3]] : shape) as [
    number, number, number, number, number,
  ]
  if (bias && bias.length !== out) throw new Error(`uploadConv: expected ${out} biases, got ${bias.length}.`)
  const taps = kt * kh * kw
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
  const biases = new Float32Array(outGroups * 4)
  if (bias) biases.set(bias)
  return {
    out,
    in: inputs,
    kernel: [kt, kh, kw],
    data: scope.upload(blocks, [taps, inGroups, outGroups, 16], dtype),
    bias: scope.upload(biases, [outGroups * 4], 'f32'),
    dtype,
  }
}

/** Groups of 4 output channels an invocation computes: as few idle ones as possible, then as many as possible. */
function groupsPerInvocation(outGroups: number): number {
  let best = 1
  for (let groups = 2; groups <= MAX_GROUPS; groups++) {
    // half a group of waste is paid back by reading x less often
    const cost = (n: number) => Math.ceil(outGroups / n) * (n + 1)
    if (cost(groups) <= cost(best)) best = groups
  }
  return best
}

/**
 * Convolves a clip. x [F, H, W, C] → [F', H', W', O] with
 * F' = ⌊(F − 1) / st⌋ + 1 when causal (or kt odd), and likewise in height and width for odd kernels.
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
  const padTime = time === 'causal' ? kt - 1 : 2 * Math.floor((kt - 1) / 2)
  const padBefore = time === 'causal' ? kt - 1 : Math.floor((kt - 1) / 2)
  const padY = Math.floor((kh - 1) / 2)
  const padX = Math.floor((kw - 1) / 2)
  const outFrames = Math.floor((frames + padTime - kt) / stride[0]) + 1
  const outHeight = Math.floor((height + 2 * padY - kh) / stride[1]) + 1
  const outWidth = Math.floor((width + 2 * padX - kw) / stride[2]) + 1
  const shape = [outFrames, outHeight, outWidth, weight.out]
  if (addTo && addTo.shape.join() !== shape.join()) {
    throw new Error(`conv: expected addTo [${shape.join(', ')}], got [${addTo.shape.join(', ')}].`)
  }

  const outGroups = Math.ceil(weight.out / 4)
  const groups = groupsPerInvocation(outGroups)
  const prelude: Prelude = {
    elem: x.dtype,
    weight_elem: weight.dtype,
    residual_elem: addTo?.dtype ?? 'f32',
    out_elem: dtype,
    WG: WORKGROUP,
    GROUPS: groups,
    REFLECT: padSpace === 'reflect',
    SILU: activation === 'silu',
    HAS_RESIDUAL: addTo !== undefined,
    HALF_OUT: dtype === 'f16',
  }
  const vectorIn = weight.in % 4 === 0
  const vectorOut = weight.out % 4 === 0
  const name = `conv ${vectorIn ? 'vec4' : 'scalar'}-${vectorOut ? 'vec4' : 'scalar'}`
  const libs = [vectorIn ? readVec4 : readScalar, vectorOut ? writeVec4 : writeScalar]
  const kernel = scope.gpu.kernels.get({ name, code: convCode, libs }, prelude)

  const y = scope.alloc(shape, dtype)
  const rows = outFrames * outHeight * outWidth
  const flopsPerRow = 2 * kt * kh * kw * weight.in * weight.out
  const rowsPerGroup = WORKGROUP * ROWS_PER_INVOCATION
  // whole workgroups a dispatch, short enough for the queue
  const groupsPerDispatch = Math.min(65535, Math.max(1, Math.floor(scope.gpu.queue.dispatchBudget / (flopsPerRow * rowsPerGroup))))
  for (let from = 0; from < rows; from += groupsPerDispatch * rowsPerGroup) {
    const end = Math.min(rows, from + groupsPerDispatch * rowsPerGroup)
    scope.gpu.queue.dispatch({
      kernel,
      // without a residual its binding still needs a buffer: the bias stands in, unread
      tensors: [x, weight.data, weight.bias, addTo ?? weight.bias, y],
      uniforms: [
        frames, height, width, weight.in, outHeight, outWidth, weight.out, from, end,
        kt, kh, kw, ...stride, padBefore, padY, padX,
      ].map(u32),
      workgroups: [Math.ceil((end - from) / rowsPerGroup), Math.ceil(outGroups / groups)],
      flops: (end - from) * flopsPerRow,
    })
  }
  return y
}
