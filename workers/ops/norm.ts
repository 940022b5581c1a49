import { f32, u32 } from '../engine/command-queue'
import type { Scope } from '../engine/scope'
import { dim, elementCount, type FloatDType, type Tensor } from '../engine/tensor'
import itemScalar from '../../shaders/lib/item_scalar.wgsl?raw'
import itemVec4 from '../../shaders/lib/item_vec4.wgsl?raw'
import rowSum from '../../shaders/lib/row_sum.wgsl?raw'
import code from '../../shaders/norm.wgsl?raw'
import { dispatchGroups } from './dispatch-groups'
import { expectModulation, type Modulation } from './modulation'
import { ROW_WORKGROUP, rowLanes } from './row-lanes'

export interface NormOptions {
  /** rms: x / √mean(x²); layer: (x − mean) / √variance */
  kind: 'rms' | 'layer'
  eps: number
  /** f32 [D] */
  weight?: Tensor
  /** f32 [D] */
  bias?: Tensor
  scale?: Modulation
  shift?: Modulation
  activation?: 'silu'
  /** of the result; x's own when not given */
  dtype?: FloatDType
}

/** act(norm(x)·weight + bias, then ·(1 + scale) + shift) over the last axis. x: [..., D] f32 | f16; the result has x's shape. */
export function norm(scope: Scope, x: Tensor, o: NormOptions): Tensor {
  const size = dim(x, -1)
  const rows = elementCount(x.shape) / size
  const result = scope.alloc(x.shape, o.dtype ?? (x.dtype === 'f16' ? 'f16' : 'f32'))
  if (rows === 0) return result
  for (const [name, vector] of [['weight', o.weight], ['bias', o.bias]] as const) expectVector(name, vector, size)
  for (const [name, modulation] of [['scale', o.scale], ['shift', o.shift]] as const) expectModulation('norm', name, modulation, rows, size)

  const wide = size % 4 === 0
  const element = (dtype: string): string => (wide ? `vec4<${dtype}>` : dtype)
  const items = wide ? size / 4 : size
  const lanes = rowLanes(items, scope.gpu.facts)
  const kernel = scope.gpu.kernels.get(
    { name: 'norm', code, libs: [rowSum, wide ? itemVec4 : itemScalar] },
    {
      input: element(x.dtype),
      output: element(result.dtype),
      item: element('f32'),
      OUT_F16: result.dtype === 'f16',
      LAYER: o.kind === 'layer',
      HAS_WEIGHT: o.weight !== undefined,
      HAS_BIAS: o.bias !== undefined,
      HAS_SCALE: o.scale !== undefined,
      HAS_SHIFT: o.shift !== undefined,
      SILU: o.activation === 'silu',
      WG: ROW_WORKGROUP,
      LANES: lanes,
    },
  )
  // A binding that the variant does not read still has to be bound: x stands in.
  dispatchGroups(scope.gpu.queue, {
    kernel,
    tensors: [
      x,
      result,
      o.weight ?? x,
      o.bias ?? x,
      o.scale?.table ?? x,
      o.scale?.rowOf ?? x,
      o.shift?.table ?? x,
      o.shift?.rowOf ?? x,
    ],
    uniforms: [
      u32(rows),
      u32(items),
      f32(size),
      f32(o.eps),
      u32(o.scale ? dim(o.scale.table, 1) : 0),
      u32(o.scale?.slot ?? 0),
      u32(o.shift ? dim(o.shift.table, 1) : 0),
      u32(o.shift?.slot ?? 0),
    ],
    groups: Math.ceil((rows * lanes) / ROW_WORKGROUP),
    flopsPerGroup: (ROW_WORKGROUP / lanes) * size * 10,
  })
  return result
}

function expectVector(name: string, vector: Tensor | undefined, size: number): void {
  if (vector && (vector.dtype !== 'f32' || elementCount(vector.shape) !== size)) {
    throw new Error(`norm: expected ${name} f32 [${size}], got ${vector.dtype} [${vector.shape.join(', ')}].`)
  }
}
