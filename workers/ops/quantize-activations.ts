import { u32 } from '../engine/command-queue'
import type { Prelude } from '../engine/kernel'
import type { Scope } from '../engine/scope'
import { dim, elementCount, type DType, type FloatDType, type Tensor } from '../engine/tensor'
import readX from '../../shaders/lib/linear_x.wgsl?raw'
import int8Group from '../../shaders/lib/int8_group.wgsl?raw'
import code from '../../shaders/quantize_activations.wgsl?raw'
import { dispatchElements } from './dispatch-groups'

/** Inputs that share a scale, the same number as in int4 weights. */
export const INT8_GROUP = 32
/** Of one activation, in the submit budget's operations. */
const FLOPS = 4

/** Activations [..., in] as int8 values and scales: x ≈ q·scale[row, k / 32], |q| ≤ 127. */
export interface QuantizedActivations {
  /** of the activations */
  shape: readonly number[]
  /** of the activations, and of a layer's result by default */
  dtype: FloatDType
  /** i8 [rows, ceil(in/32)·32], zeros past the row's end */
  q: Tensor
  /** f32 [rows, ceil(in/32)]: a group's largest |x| / 127, zero for a group of zeros */
  scale: Tensor
}

/** Quantized activations with undefined contents. */
export function allocQuantizedActivations(scope: Scope, { shape, dtype }: Pick<QuantizedActivations, 'shape' | 'dtype'>): QuantizedActivations {
  const rows = elementCount(shape.slice(0, -1))
  const groups = Math.ceil((shape.at(-1) as number) / INT8_GROUP)
  return { shape, dtype, q: scope.alloc([rows, groups * INT8_GROUP], 'i8'), scale: scope.alloc([rows, groups]) }
}

/**
 * Quantizes activations for `linear`'s variant 'int8_dp4a'. x: [..., in] f32 | f16, finite.
 * Requires `facts.dot4`: the language feature of the dot products also packs the words.
 */
export function quantizeActivations(scope: Scope, x: Tensor): QuantizedActivations {
  const inner = dim(x, -1)
  const quantized = allocQuantizedActivations(scope, { shape: x.shape, dtype: x.dtype === 'f16' ? 'f16' : 'f32' })
  const { q, scale } = quantized
  const [rows, groups] = [dim(scale, 0), dim(scale, 1)]
  dispatchElements(scope.gpu, {
    source: { name: 'quantize_activations', code, libs: [readX, int8Group] },
    prelude: activationPrelude(x.dtype, inner),
    tensors: [x, q, scale],
    uniforms: [inner, Math.ceil(inner / 4), groups].map(u32),
    count: rows * groups,
    flops: INT8_GROUP * FLOPS,
  })
  return quantized
}

/** The prelude of shaders/lib/linear_x.wgsl for rows of `inner` activations. Pure. */
export function activationPrelude(dtype: DType, inner: number): Prelude {
  const whole = inner % 4 === 0
  return { elem: dtype, x_item: whole ? `vec4<${dtype}>` : dtype, K_BY_4: whole }
}
