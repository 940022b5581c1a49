// Packs a linear layer's matrix, as files store it, into panels on the GPU: int8, int4 or floats, some rows at a time.
// The result is that of `uploadLinear` for the same values, but for one thing: WGSL division may be off by 2.5 units in the last place. An
// int8 scale may be off by that, and a quantized value by one where the quotient is that close to the middle of two integers.
import halfBits from '../../shaders/lib/half_bits.wgsl?raw'
import stored from '../../shaders/lib/stored.wgsl?raw'
import packCode from '../../shaders/quantize_pack.wgsl?raw'
import scaleI4Code from '../../shaders/quantize_scale_i4.wgsl?raw'
import scaleI8Code from '../../shaders/quantize_scale_i8.wgsl?raw'
import { u32 } from '../engine/command-queue'
import type { Scope } from '../engine/scope'
import type { Tensor } from '../engine/tensor'
import { dispatchElements, dispatchGroups, rowLanes, WORKGROUP } from './dispatch-groups'
import { I4_GROUP, PANEL, type LinearWeight, type WeightFormat } from './linear-weight'

/** Bytes of an element of each type that a file may store a matrix in. */
export const STORED_BYTES = { F32: 4, F16: 2, BF16: 2, F8_E4M3: 1 } as const
export type StoredFloat = keyof typeof STORED_BYTES

/** The kernels' numbers of the types that files store, and of the formats on the GPU with their values per word; see shaders/lib/stored.wgsl. */
const STORED: Record<StoredFloat, number> = { F32: 0, F16: 1, BF16: 2, F8_E4M3: 3 }
const FORMATS: Record<WeightFormat, { FORMAT: number; PER_WORD: number }> = {
  f32: { FORMAT: 0, PER_WORD: 1 },
  f16: { FORMAT: 1, PER_WORD: 2 },
  i8: { FORMAT: 4, PER_WORD: 4 },
  i4: { FORMAT: 5, PER_WORD: 8 },
}
/** Of one weight, in the submit budget's operations. */
const FLOPS = 16

/** Rows of a matrix as a file stores them: row-major, little-endian, [rows, in]. */
export interface StoredRows {
  dtype: StoredFloat
  bytes: Uint8Array<ArrayBuffer>
  /** index of the first row in the matrix: a multiple of 8 */
  first: number
}

/** Shapes and dtypes of a layer's `data` and, if the format has one, `scale` on the GPU. */
export function linearShapes(
  out: number,
  inner: number,
  format: WeightFormat,
): { data: Pick<Tensor, 'shape' | 'dtype'>; scale?: Pick<Tensor, 'shape' | 'dtype'> } {
  const panels = Math.ceil(out / PANEL)
  const steps = Math.ceil(inner / 4) * 4
  if (format === 'f32') return { data: { shape: [panels, steps, PANEL], dtype: 'f32' } }
  if (format === 'f16') return { data: { shape: [panels, steps, PANEL / 2], dtype: 'u32' } }
  const data = { shape: [panels, steps, PANEL], dtype: format } as const
  if (format === 'i8') return { data, scale: { shape: [panels, PANEL], dtype: 'f32' } }
  return { data, scale: { shape: [panels, Math.ceil(inner / I4_GROUP), PANEL / 2], dtype: 'u32' } }
}

/** A layer without a bias and with undefined contents; `packRows` writes every row once. */
export function allocLinear(scope: Scope, out: number, inner: number, format: WeightFormat): LinearWeight {
  const { data, scale } = linearShapes(out, inner, format)
  return {
    format,
    out,
    in: inner,
    data: scope.alloc(data.shape, data.dtype),
    ...(scale && { scale: scope.alloc(scale.shape, scale.dtype) }),
  }
}

/**
 * Writes some rows of a layer: all up to its last one, or a multiple of 8. Values are clamped to ±65 504 in f16.
 * The bytes may be reused when it returns.
 */
export function packRows(scope: Scope, weight: LinearWeight, { dtype, bytes, first }: StoredRows): void {
  const { format, out, in: inner } = weight
  const rows = bytes.length / (inner * STORED_BYTES[dtype])
  const whole = Number.isInteger(rows) && first % PANEL === 0 && (rows % PANEL === 0 || first + rows === out)
  if (!whole || first + rows > out) {
    throw new RangeError(`packRows: expected whole panels of ${PANEL} rows within ${out}, got ${rows} from row ${first} on.`)
  }
  if (rows === 0) return
  scope.within((inside) => {
    const source = inside.upload(bytes, [Math.ceil(bytes.length / 4)], 'u32')
    writeScales(inside, weight, source, dtype, first, rows)
    const steps = Math.ceil(inner / 4) * 4
    const panels = Math.ceil(rows / PANEL)
    dispatchElements(scope.gpu, {
      source: { name: 'quantize_pack', code: packCode, libs: [stored, halfBits] },
      prelude: { STORED: STORED[dtype], ...FORMATS[format] },
      tensors: [source, weight.data, weight.scale ?? source], // a binding that is not read needs a buffer, too
      uniforms: [rows, inner, steps, first / PANEL, Math.ceil(inner / I4_GROUP)].map(u32),
      count: panels * steps,
      flops: PANEL * FLOPS,
    })
  })
}

function writeScales(scope: Scope, { format, in: inner, scale }: LinearWeight, source: Tensor, dtype: StoredFloat, first: number, rows: number): void {
  if (!scale) return
  const panels = Math.ceil(rows / PANEL)
  if (format === 'i8') {
    const lanes = rowLanes(inner, scope.gpu.facts)
    const rowsAtOnce = WORKGROUP / lanes
    dispatchGroups(scope.gpu, {
      source: { name: 'quantize_scale_i8', code: scaleI8Code, libs: [stored] },
      prelude: { STORED: STORED[dtype], LANES: lanes },
      tensors: [source, scale],
      uniforms: [rows, inner, first / PANEL].map(u32),
      groups: Math.ceil((panels * PANEL) / rowsAtOnce),
      flopsPerGroup: rowsAtOnce * inner * FLOPS,
    })
    return
  }
  const groups = Math.ceil(inner / I4_GROUP)
  dispatchElements(scope.gpu, {
    source: { name: 'quantize_scale_i4', code: scaleI4Code, libs: [stored, halfBits] },
    prelude: { STORED: STORED[dtype] },
    tensors: [source, scale],
    uniforms: [rows, inner, first / PANEL, groups].map(u32),
    count: panels * groups * (PANEL / 2),
    flops: 2 * I4_GROUP * FLOPS,
  })
}
