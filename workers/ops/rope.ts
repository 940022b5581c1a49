import { f32, u32 } from '../engine/command-queue'
import type { Scope } from '../engine/scope'
import { dim, elementCount, type FloatDType, type Tensor } from '../engine/tensor'
import rowSum from '../../shaders/lib/row_sum.wgsl?raw'
import code from '../../shaders/norm_rope.wgsl?raw'
import { dispatchGroups, rowLanes, WORKGROUP } from './dispatch-groups'

/** Angles of a rotary position embedding, as cosines and sines. */
export interface RopeTable {
  /** f32 [positions, D/2] */
  cos: Tensor
  /** f32 [positions, D/2] */
  sin: Tensor
  /** row r of x has position r % positions; tables that differ within a batch have positions = B·N */
  positions: number
}

export interface NormRopeOptions {
  /** f32 [D]; with it or with eps the whole row is RMS-normalized first */
  weight?: Tensor
  /** of the norm; 1e-5 by default */
  eps?: number
  rope?: RopeTable
  /** of the result; x's by default */
  dtype?: FloatDType
}

/**
 * Queries or keys of an attention: RMS norm over the whole row, then every pair (x[2i], x[2i+1]) rotated by its angle.
 * x: [..., D] f32 | f16, D even; the result has x's shape.
 */
export function normRope(scope: Scope, x: Tensor, o: NormRopeOptions): Tensor {
  const size = dim(x, -1)
  const rows = elementCount(x.shape) / size
  if (size % 2 !== 0) throw new Error(`normRope: expected rows of even length, got ${size}.`)
  if (o.weight && (o.weight.dtype !== 'f32' || elementCount(o.weight.shape) !== size)) {
    throw new Error(`normRope: expected weight f32 [${size}], got ${o.weight.dtype} [${o.weight.shape.join(', ')}].`)
  }
  if (o.rope) expectTable(o.rope, rows, size)
  const result = scope.alloc(x.shape, o.dtype ?? (x.dtype === 'f16' ? 'f16' : 'f32'))
  if (rows === 0) return result

  const pairs = size / 2
  const lanes = rowLanes(pairs, scope.gpu.facts)
  dispatchGroups(scope.gpu, {
    source: { name: 'norm_rope', code, libs: [rowSum] },
    prelude: {
      input: `vec2<${x.dtype}>`,
      output: `vec2<${result.dtype}>`,
      OUT_F16: result.dtype === 'f16',
      NORM: o.weight !== undefined || o.eps !== undefined,
      HAS_WEIGHT: o.weight !== undefined,
      ROPE: o.rope !== undefined,
      LANES: lanes,
    },
    // a binding that is not read needs a buffer, too: x
    tensors: [x, result, o.weight ?? x, o.rope?.cos ?? x, o.rope?.sin ?? x],
    uniforms: [u32(rows), u32(pairs), u32(o.rope?.positions ?? 1), f32(o.eps ?? 1e-5)],
    groups: Math.ceil((rows * lanes) / WORKGROUP),
    flopsPerGroup: (WORKGROUP / lanes) * size * 8,
  })
  return result
}

function expectTable(rope: RopeTable, rows: number, size: number): void {
  for (const [name, table] of [
    ['cos', rope.cos],
    ['sin', rope.sin],
  ] as const) {
    if (table.dtype !== 'f32' || elementCount(table.shape) !== (rope.positions * size) / 2) {
      const got = `${table.dtype} [${table.shape.join(', ')}]`
      throw new Error(`normRope: expected ${name} f32 [${rope.positions}, ${size / 2}], got ${got}.`)
    }
  }
  if (rows % rope.positions !== 0) throw new Error(`normRope: expected rows in multiples of ${rope.positions} positions, got ${rows}.`)
}
