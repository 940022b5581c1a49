import { u32 } from '../engine/command-queue'
import type { Scope } from '../engine/scope'
import { dim, elementCount, type FloatDType, type Tensor } from '../engine/tensor'
import xScalar from '../../shaders/lib/linear_x_scalar.wgsl?raw'
import xVec4 from '../../shaders/lib/linear_x_vec4.wgsl?raw'
import rowGroup from '../../shaders/lib/int8_group.wgsl?raw'
import code from '../../shaders/quantize_activations.wgsl?raw'
import { dispatchGroups } from './dispatch-groups'

/** Inputs that share a scale: as many as in int4 weights. */
export const INT8_GROUP = 32
const WORKGROUP = 64
/** Arithmetic of an element, in the submit budget's operations. */
const COST = 4

/** Activations [..., in] as whole numbers and their scales: x ≈ q·scale[row, k / 32], |q| ≤ 127. */
export interface QuantizedActivations {
  /** of the activations */
  shape: readonly number[]
  /** of the activations, and of what a layer makes of them when nothing else is asked for */
  dtype: FloatDType
  /** i8 [rows, ceil(in/32)·32], zeros past the row's end */
  q: Tensor
  /** f32 [rows, ceil(in/32)]: a group's largest |x| / 127, zero for a group of zeros */
  scale: Tensor
}

/** Room for the codes of activations. */
export function allocQuantizedActivations(scope: Scope, { shape, dtype }: Pick<QuantizedActivations, 'shape' | 'dtype'>): QuantizedActivations {
  const rows = elementCount(shape.slice(0, -1))
  const groups = Math.ceil((shape.at(-1) as number) / INT8_GROUP)
  return { shape, dtype, q: scope.alloc([rows, groups * INT8_GROUP], 'i8'), scale: scope.alloc([rows, groups]) }
}

/**
 * What `linear` multiplies in its variant 'int8_dp4a'. x: [..., in] f32 | f16, finite.
 * Needs `facts.dot4`, for its words are packed by the same language feature.
 */
export function quantizeActivations(scope: Scope, x: Tensor): QuantizedActivations {
  const inner = dim(x, -1)
  const codes = allocQuantizedActivations(scope, { shape: x.shape, dtype: x.dtype === 'f16' ? 'f16' : 'f32' })
  const { q, scale } = codes
  const [rows, groups] = [dim(scale, 0), dim(scale, 1)]
  const vector = inner % 4 === 0
  dispatchGroups(scope.gpu.queue, {
    kernel: scope.gpu.kernels.get({ name: `row_codes_${vector ? 4 : 1}`, code, libs: [vector ? xVec4 : xScalar, rowGroup] }, { elem: x.dtype }),
    tensors: [x, q, scale],
    uniforms: [rows, inner, Math.ceil(inner / 4), groups].map(u32),
    groups: Math.ceil((rows * groups) / WORKGROUP),
    flopsPerGroup: WORKGROUP * INT8_GROUP * COST,
  })
  return codes
}
