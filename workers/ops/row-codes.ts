import { u32 } from '../engine/command-queue'
import type { Scope } from '../engine/scope'
import { dim, elementCount, type Tensor } from '../engine/tensor'
import xScalar from '../../shaders/lib/linear_x_scalar.wgsl?raw'
import xVec4 from '../../shaders/lib/linear_x_vec4.wgsl?raw'
import code from '../../shaders/row_codes.wgsl?raw'
import { dispatchGroups } from './dispatch-groups'

/** Inputs that share a scale: as many as in int4 weights. */
export const ROW_GROUP = 32
const WORKGROUP = 64
/** Arithmetic of an element, in the submit budget's operations. */
const COST = 4

/** Activations [..., in] as whole numbers and their scales: x ≈ q·scale[row, k / 32], |q| ≤ 127. */
export interface RowCodes {
  /** i8 [rows, ceil(in/32)·32], zeros past the row's end */
  q: Tensor
  /** f32 [rows, ceil(in/32)]: a group's largest |x| / 127, zero for a group of zeros */
  scale: Tensor
}

/**
 * What `linear` multiplies in its variant 'dot'. Several layers of the same x share it: q, k and v. x: [..., in] f32 | f16, finite.
 * Needs `facts.dot4`, for its words are packed by the same language feature.
 */
export function rowCodes(scope: Scope, x: Tensor): RowCodes {
  const inner = dim(x, -1)
  const rows = elementCount(x.shape.slice(0, -1))
  const groups = Math.ceil(inner / ROW_GROUP)
  const q = scope.alloc([rows, groups * ROW_GROUP], 'i8')
  const scale = scope.alloc([rows, groups])
  const vector = inner % 4 === 0
  dispatchGroups(scope.gpu.queue, {
    kernel: scope.gpu.kernels.get({ name: `row_codes_${vector ? 4 : 1}`, code, libs: [vector ? xVec4 : xScalar] }, { elem: x.dtype }),
    tensors: [x, q, scale],
    uniforms: [rows, inner, Math.ceil(inner / 4), groups].map(u32),
    groups: Math.ceil((rows * groups) / WORKGROUP),
    flopsPerGroup: WORKGROUP * ROW_GROUP * COST,
  })
  return { q, scale }
}
