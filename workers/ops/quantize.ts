// A linear layer's matrix, as files store it, becomes panels on the GPU: int8, int4 or plain floats, some rows at a time.
// What comes out is what `uploadLinear` makes of the same values. The one liberty: WGSL lets a division be off by 2.5 units in the
// last place, so that an int8 scale may be, and a code by one where the quotient lies that near to the middle of two.
import codeF16 from '../../shaders/lib/encode_f16.wgsl?raw'
import codeF32 from '../../shaders/lib/encode_f32.wgsl?raw'
import codeI4 from '../../shaders/lib/encode_i4.wgsl?raw'
import codeI8 from '../../shaders/lib/encode_i8.wgsl?raw'
import nearest from '../../shaders/lib/encode_nearest.wgsl?raw'
import halfBits from '../../shaders/lib/half_bits.wgsl?raw'
import storedBf16 from '../../shaders/lib/stored_bf16.wgsl?raw'
import storedF16 from '../../shaders/lib/stored_f16.wgsl?raw'
import storedF32 from '../../shaders/lib/stored_f32.wgsl?raw'
import storedF8 from '../../shaders/lib/stored_f8_e4m3.wgsl?raw'
import packCode from '../../shaders/quantize_pack.wgsl?raw'
import scaleI4Code from '../../shaders/quantize_scale_i4.wgsl?raw'
import scaleI8Code from '../../shaders/quantize_scale_i8.wgsl?raw'
import { u32 } from '../engine/command-queue'
import type { Scope } from '../engine/scope'
import type { Tensor } from '../engine/tensor'
import { dispatchGroups } from './dispatch-groups'
import { I4_GROUP, PANEL, type LinearWeight, type WeightFormat } from './linear-weight'
import { rowLanes, ROW_WORKGROUP } from './row-lanes'

/** Bytes of an element of each type that a file may store a matrix in. */
export const STORED_BYTES = { F32: 4, F16: 2, BF16: 2, F8_E4M3: 1 } as const
export type StoredFloat = keyof typeof STORED_BYTES

const STORED_READERS: Record<StoredFloat, string> = { F32: storedF32, F16: storedF16, BF16: storedBf16, F8_E4M3: storedF8 }
const CODES: Record<WeightFormat, readonly string[]> = { f32: [codeF32], f16: [halfBits, codeF16], i8: [nearest, codeI8], i4: [nearest, codeI4] }
/** Of pack and scale_i4. */
const WORKGROUP = 64
/** Arithmetic of an element, in the submit budget's operations. */
const COST = 16

/** Rows of a matrix as a file stores them: row-major, little-endian, [rows, in]. */
export interface StoredRows {
  dtype: StoredFloat
  bytes: Uint8Array<ArrayBuffer>
  /** the first row's place in the matrix: a multiple of 8 */
  first: number
}

/** What a layer takes on the GPU, in its format: shapes of `data` and, where there is one, `scale`. */
export function linearShapes(out: number, inner: number, format: WeightFormat): { data: Pick<Tensor, 'shape' | 'dtype'>; scale?: Pick<Tensor, 'shape' | 'dtype'> } {
  const panels = Math.ceil(out / PANEL)
  const steps = Math.ceil(inner / 4) * 4
  if (format === 'f32') return { data: { shape: [panels, steps, PANEL], dtype: 'f32' } }
  if (format === 'f16') return { data: { shape: [panels, steps, PANEL / 2], dtype: 'u32' } }
  const data = { shape: [panels, steps, PANEL], dtype: format } as const
  if (format === 'i8') return { data, scale: { shape: [panels, PANEL], dtype: 'f32' } }
  return { data, scale: { shape: [panels, Math.ceil(inner / I4_GROUP), PANEL / 2], dtype: 'u32' } }
}

/** A layer without a bias, whose contents `packRows` is to write: every row once. */
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
 * Writes some rows of a layer: all up to its last, or a multiple of 8 of them. In f16 what is beyond ±65 504 becomes that.
 * The bytes are free to be reused when it returns.
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
    const stored = inside.upload(bytes, [Math.ceil(bytes.length / 4)], 'u32')
    writeScales(inside, weight, stored, dtype, first, rows)
    const { kernels, queue } = scope.gpu
    const steps = Math.ceil(inner / 4) * 4
    const panels = Math.ceil(rows / PANEL)
    dispatchGroups(queue, {
      kernel: kernels.get({ name: `quantize_pack_${dtype}_${format}`, code: packCode, libs: [STORED_READERS[dtype], ...CODES[format]] }, {}),
      tensors: [stored, weight.data, ...(weight.scale ? [weight.scale] : [])],
      uniforms: [rows, inner, steps, first / PANEL, Math.ceil(inner / I4_GROUP)].map(u32),
      groups: Math.ceil((panels * steps) / WORKGROUP),
      flopsPerGroup: WORKGROUP * PANEL * COST,
    })
  })
}

function writeScales(scope: Scope, { format, in: inner, scale }: LinearWeight, stored: Tensor, dtype: StoredFloat, first: number, rows: number): void {
  if (!scale) return
  const { kernels, queue, facts } = scope.gpu
  const reader = STORED_READERS[dtype]
  const panels = Math.ceil(rows / PANEL)
  if (format === 'i8') {
    const lanes = rowLanes(inner, facts)
    const rowsAtOnce = ROW_WORKGROUP / lanes
    dispatchGroups(queue, {
      kernel: kernels.get({ name: `quantize_scale_i8_${dtype}`, code: scaleI8Code, libs: [reader] }, { WG: ROW_WORKGROUP, LANES: lanes }),
      tensors: [stored, scale],
      uniforms: [rows, inner, first / PANEL].map(u32),
      groups: Math.ceil((panels * PANEL) / rowsAtOnce),
      flopsPerGroup: rowsAtOnce * inner * COST,
    })
    return
  }
  const groups = Math.ceil(inner / I4_GROUP)
  dispatchGroups(queue, {
    kernel: kernels.get({ name: `quantize_scale_i4_${dtype}`, code: scaleI4Code, libs: [reader, halfBits] }, {}),
    tensors: [stored, scale],
    uniforms: [rows, inner, first / PANEL, groups].map(u32),
    groups: Math.ceil((panels * groups * 4) / WORKGROUP),
    flopsPerGroup: WORKGROUP * 2 * I4_GROUP * COST,
  })
}
