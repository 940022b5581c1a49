import { f32, u32 } from '../engine/command-queue'
import type { Prelude } from '../engine/kernel'
import type { Scope } from '../engine/scope'
import { dim, elementCount, type FloatDType, type Tensor } from '../engine/tensor'
import rowSum from '../../shaders/lib/row_sum.wgsl?raw'
import toFloat from '../../shaders/lib/norm_to_float.wgsl?raw'
import toInt8 from '../../shaders/lib/norm_to_int8.wgsl?raw'
import int8Group from '../../shaders/lib/int8_group.wgsl?raw'
import code from '../../shaders/norm.wgsl?raw'
import { dispatchGroups, rowLanes, WORKGROUP } from './dispatch-groups'
import { takesQuantized, type LinearWeight } from './linear'
import { expectModulation, type ScaleShift } from './modulation'
import { allocQuantizedActivations, type QuantizedActivations } from './quantize-activations'

export interface NormOptions {
  /** rms: x / √mean(x²); layer: (x − mean) / √variance */
  kind: 'rms' | 'layer'
  eps: number
  /** f32 [D] */
  weight?: Tensor
  /** f32 [D] */
  bias?: Tensor
  modulation?: ScaleShift
  activation?: 'silu'
  /** of the result; x's by default */
  dtype?: FloatDType
}

/** act(norm(x)·weight + bias, then ·(1 + scale) + shift) over the last axis. x: [..., D] f32 | f16; the result has x's shape. */
export function norm(scope: Scope, x: Tensor, o: NormOptions): Tensor {
  const y = scope.alloc(x.shape, resultType(x, o))
  const output = dim(x, -1) % 4 === 0 ? `vec4<${y.dtype}>` : y.dtype
  dispatchNorm(scope, x, o, { name: 'norm', libs: [toFloat], prelude: { output, OUT_F16: y.dtype === 'f16' }, results: [y] })
  return y
}

/**
 * `norm` as the input of linear layers of this weight's sizes and format: quantized activations where their kernel multiplies int8, so that
 * the floats are never written and all these layers share one quantization; floats otherwise.
 */
export function normFor(scope: Scope, x: Tensor, weight: LinearWeight, o: NormOptions): Tensor | QuantizedActivations {
  const floats = { shape: x.shape, dtype: resultType(x, o) }
  if (dim(x, -1) % 4 !== 0 || !takesQuantized(scope, floats, weight)) return norm(scope, x, o)
  const quantized = allocQuantizedActivations(scope, floats)
  dispatchNorm(scope, x, o, { name: 'norm_int8', libs: [int8Group, toInt8], prelude: {}, results: [quantized.q, quantized.scale] })
  return quantized
}

function resultType(x: Tensor, o: NormOptions): FloatDType {
  return o.dtype ?? (x.dtype === 'f16' ? 'f16' : 'f32')
}

/** The result of a norm, and the WGSL that writes it. */
interface NormResult {
  name: string
  libs: readonly string[]
  prelude: Prelude
  results: readonly Tensor[]
}

function dispatchNorm(scope: Scope, x: Tensor, o: NormOptions, { name, libs, prelude, results }: NormResult): void {
  const size = dim(x, -1)
  const rows = elementCount(x.shape) / size
  if (rows === 0) return
  const { modulation } = o
  for (const [part, vector] of [
    ['weight', o.weight],
    ['bias', o.bias],
  ] as const)
    expectVector(part, vector, size)
  for (const part of ['scale', 'shift'] as const) expectModulation('norm', part, modulation && { ...modulation, slot: modulation[part] }, rows, size)

  const channels = size % 4 === 0 ? 4 : 1
  const itemOf = (dtype: string): string => (channels === 4 ? `vec4<${dtype}>` : dtype)
  const items = size / channels
  const lanes = rowLanes(items, scope.gpu.facts)
  dispatchGroups(scope.gpu, {
    source: { name, code, libs: [rowSum, ...libs] },
    prelude: {
      input: itemOf(x.dtype),
      item: itemOf('f32'),
      ITEM: channels,
      LAYER: o.kind === 'layer',
      HAS_WEIGHT: o.weight !== undefined,
      HAS_BIAS: o.bias !== undefined,
      MODULATED: modulation !== undefined,
      SILU: o.activation === 'silu',
      LANES: lanes,
      ...prelude,
    },
    // a binding that is not read needs a buffer, too: x
    tensors: [x, o.weight ?? x, o.bias ?? x, modulation?.table ?? x, modulation?.rowOf ?? x, ...results],
    uniforms: [
      u32(rows),
      u32(items),
      f32(size),
      f32(o.eps),
      u32(modulation ? dim(modulation.table, 1) : 0),
      u32(modulation?.scale ?? 0),
      u32(modulation?.shift ?? 0),
    ],
    groups: Math.ceil((rows * lanes) / WORKGROUP),
    flopsPerGroup: (WORKGROUP / lanes) * size * 10,
  })
}

function expectVector(name: string, vector: Tensor | undefined, size: number): void {
  if (vector && (vector.dtype !== 'f32' || elementCount(vector.shape) !== size)) {
    throw new Error(`norm: expected ${name} f32 [${size}], got ${vector.dtype} [${vector.shape.join(', ')}].`)
  }
}
