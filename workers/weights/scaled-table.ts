// Quantized tensors of safetensors files as the floats that they stand for. A quantized matrix `x.weight` has its scale beside it: as
// `x.scale_weight` or `x.weight_scale`, of one value for the matrix or one for each row: w = stored · scale.
// https://github.com/comfyanonymous/ComfyUI/blob/master/comfy/ops.py (scaled_fp8_ops), https://github.com/Comfy-Org/ComfyUI/blob/master/QUANTIZATION.md
import { AppError } from '../../src/shared/errors'
import { floatsOf } from './safetensors'
import type { Dtype } from './safetensors-header'
import { rowsOf, type TableEntry, type TensorTable } from './tensor-table'

interface Scale {
  /** of its tensor */
  name: string
  /** whether it has one value for each row */
  perRow: boolean
  /** int8 with a scale for each row is used as it is stored */
  asStored: boolean
}

/**
 * The table with each F8 tensor that has a scale, and each I8 tensor with one scale for all rows, as F32, and each other F8_E5M2 tensor as
 * F16, which holds its values exactly. Others are as in `table`: I8 with a scale for each row and F8_E4M3 without one are read as they are.
 * @throws AppError weights-corrupt when a scale has another shape, as those of blocks have
 */
export function scaledTable(table: TensorTable): TensorTable {
  const scales = new Map<string, Scale>()
  for (const [name, entry] of table.entries) {
    const scale = scaleOf(table, name, entry)
    if (scale && !scale.asStored) scales.set(name, scale)
  }
  const entries = new Map(
    [...table.entries].map(([name, entry]): [string, TableEntry] => [name, { ...entry, dtype: scales.has(name) ? 'F32' : plainDtype(entry.dtype) }]),
  )
  return {
    ...table,
    entries,
    async rows(signal, name, first, count) {
      const entry = table.entries.get(name)
      const bytes = await table.rows(signal, name, first, count)
      const scale = scales.get(name)
      if (!entry || (!scale && entry.dtype !== 'F8_E5M2')) return bytes
      if (!scale) return new Uint8Array(Uint16Array.from(bytes, (byte) => byte << 8).buffer)
      const values = entry.dtype === 'I8' ? Float32Array.from(new Int8Array(bytes.buffer, bytes.byteOffset, bytes.length)) : floatsOf({ ...entry, bytes })
      const { dtype = 'F32', shape = [] } = table.entries.get(scale.name) ?? {}
      const factors = floatsOf({ dtype, shape, bytes: await table.rows(signal, scale.name, scale.perRow ? first : 0, scale.perRow ? count : 1) })
      const rowLength = values.length / count
      for (let row = 0; row < count; row++) {
        const factor = factors[scale.perRow ? row : 0]!
        for (let i = row * rowLength; i < (row + 1) * rowLength; i++) values[i]! *= factor
      }
      return new Uint8Array(values.buffer)
    },
  }
}

const FLOATS: readonly Dtype[] = ['F32', 'F16', 'BF16']

/** The scale of a quantized tensor; undefined if it has none or is not quantized. */
function scaleOf(table: TensorTable, name: string, { dtype, shape }: TableEntry): Scale | undefined {
  if (dtype !== 'F8_E4M3' && dtype !== 'F8_E5M2' && dtype !== 'I8') return undefined
  // DeepSeek's and others' scales of blocks; without them the values would be wrong without a word
  const foreign = [`${name}_scale_inv`, `${name}_scale_2`].find((candidate) => table.entries.has(candidate) || table.unreadable?.has(candidate))
  const scaleName = [`${name}_scale`, name.replace(/(^|\.)weight$/, '$1scale_weight')].find(
    (candidate) => candidate !== name && (table.entries.has(candidate) || table.unreadable?.has(candidate)),
  )
  const unfit = (found: string, got: string) => {
    const expected = 'one scale for the matrix, or one for each row'
    return new AppError('weights-corrupt', `${table.name}: ${name} has scales that Kinora cannot apply: expected ${expected}, got ${found} ${got}.`, {
      file: table.name,
      tensor: found,
      expected,
      found: got,
    })
  }
  if (foreign !== undefined) throw unfit(foreign, 'for blocks')
  if (scaleName === undefined) return undefined
  const scale = table.entries.get(scaleName)
  if (!scale || !FLOATS.includes(scale.dtype)) throw unfit(scaleName, `of ${scale?.dtype ?? table.unreadable?.get(scaleName) ?? 'an unknown dtype'}`)
  const count = scale.shape.reduce((product, size) => product * size, 1)
  const { rows } = rowsOf(shape)
  const perRow = count === rows && scale.shape[0] === rows
  if (count !== 1 && !perRow) throw unfit(scaleName, `[${scale.shape.join(', ')}]`)
  return { name: scaleName, perRow, asStored: dtype === 'I8' && perRow && scale.shape.length === 1 }
}

function plainDtype(dtype: Dtype): Dtype {
  return dtype === 'F8_E5M2' ? 'F16' : dtype
}
