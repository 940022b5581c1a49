// Quantized tensors with scales, as ComfyUI's checkpoints have them.
import { describe, expect, test } from 'vitest'
import { AppError } from '../../src/shared/errors'
import { f8E4M3ToF32, f8E5M2ToF32 } from '../../workers/engine/half-floats'
import { blobSource } from '../../workers/weights/byte-source'
import { filesFolder } from '../../workers/weights/local-source'
import { writeSafetensors, type TensorToWrite } from '../../workers/weights/safetensors'
import { openPartTable, openTensorTable } from '../../workers/weights/safetensors-table'
import { TensorReader } from '../../workers/weights/tensor-reader'

const never = new AbortController().signal
const [ROWS, COLUMNS] = [6, 5]
/** every value but NaN, which is in both formats where all bits of the exponent are 1 */
const codes = Uint8Array.from({ length: ROWS * COLUMNS }, (_, index) => (index * 37) % 0x70)
const signed = Int8Array.from(codes, (code) => code - 50)
const scalar = (value: number, shape: number[] = []): TensorToWrite => ({ dtype: 'F32', shape, values: Float32Array.of(value) })
const perRow = Float32Array.from({ length: ROWS }, (_, row) => 0.01 * (row + 1))
const f8 = (dtype: 'F8_E4M3' | 'F8_E5M2'): TensorToWrite => ({ dtype, shape: [ROWS, COLUMNS], values: codes })

/** A reader whose pieces have two rows. */
async function open(tensors: Record<string, TensorToWrite>): Promise<TensorReader> {
  const file = blobSource('w.safetensors', new Blob([writeSafetensors(tensors)]))
  return new TensorReader(await openTensorTable(never, file), 2 * COLUMNS * 4)
}

const scaled = (values: Float32Array, scaleOf: (row: number) => number) =>
  [...values].map((value, index) => Math.fround(value * Math.fround(scaleOf(Math.floor(index / COLUMNS)))))

describe('an F8 matrix is multiplied by its scale', () => {
  test.each([
    ['scale_weight', scalar(0.3)],
    ['weight_scale', scalar(0.3)],
    ['weight_scale', scalar(0.3, [1])],
    ['weight_scale', scalar(0.3, [1, 1])],
  ])('%s of one value', async (name, scale) => {
    for (const [dtype, toFloats] of [
      ['F8_E4M3', f8E4M3ToF32],
      ['F8_E5M2', f8E5M2ToF32],
    ] as const) {
      const reader = await open({ 'a.b.weight': f8(dtype), [`a.b.${name}`]: scale, scaled_fp8: { dtype: 'F8_E4M3', shape: [0], values: new Uint8Array() } })
      expect([...(await reader.floats(never, 'a.b.weight', [ROWS, COLUMNS]))]).toEqual(scaled(toFloats(codes), () => 0.3))
    }
  })

  test.each([
    ['a list', [ROWS]],
    ['a column', [ROWS, 1]],
  ])('of one value for each row: %s', async (_, shape) => {
    const reader = await open({ 'a.weight': f8('F8_E4M3'), 'a.weight_scale': { dtype: 'F32', shape, values: perRow } })
    expect([...(await reader.floats(never, 'a.weight', [ROWS, COLUMNS]))]).toEqual(scaled(f8E4M3ToF32(codes), (row) => perRow[row]!))
    // single rows, as of a table of embeddings
    expect([...(await reader.rows(never, 'a.weight', Uint32Array.of(4)))]).toEqual(
      scaled(f8E4M3ToF32(codes), (row) => perRow[row]!).slice(4 * COLUMNS, 5 * COLUMNS),
    )
  })

  test('in a folder whose index has the scale in another file', async () => {
    const files = {
      'text_encoder/model.safetensors.index.json': JSON.stringify({ weight_map: { 'a.weight': '1.safetensors', 'a.scale_weight': '2.safetensors' } }),
      'text_encoder/1.safetensors': writeSafetensors({ 'a.weight': f8('F8_E4M3') }),
      'text_encoder/2.safetensors': writeSafetensors({ 'a.scale_weight': scalar(2) }),
    }
    const folder = filesFolder(Object.entries(files).map(([path, content]) => ({ path, file: new File([content], path) })))
    const reader = new TensorReader(await openPartTable(never, folder, 'text_encoder', 'model'))
    expect([...(await reader.floats(never, 'a.weight', [ROWS, COLUMNS]))]).toEqual(scaled(f8E4M3ToF32(codes), () => 2))
  })

  test.each<[string, Record<string, TensorToWrite>, string]>([
    ['of blocks', { 'a.weight_scale': { dtype: 'F32', shape: [3, 5], values: new Float32Array(15) } }, 'a.weight_scale [3, 5]'],
    ['of blocks, inverted', { 'a.weight_scale_inv': scalar(1) }, 'a.weight_scale_inv for blocks'],
    ['of bytes', { 'a.weight_scale': { dtype: 'U8', shape: [ROWS], values: new Uint8Array(ROWS) } }, 'a.weight_scale of U8'],
  ])('or the file is refused by name: %s', async (_, more, found) => {
    const opening = open({ 'a.weight': f8('F8_E4M3'), ...more })
    await expect(opening).rejects.toThrow(AppError)
    await expect(opening).rejects.toThrow(
      `w.safetensors: a.weight has scales that Kinora cannot apply: expected one scale for the matrix, or one for each row, got ${found}.`,
    )
  })
})

test('F8_E5M2 without a scale is read exactly, as 16-bit floats', async () => {
  const reader = await open({ 'a.weight': f8('F8_E5M2') })
  expect(reader.entry('a.weight').dtype).toBe('F16')
  expect([...(await reader.floats(never, 'a.weight', [ROWS, COLUMNS]))]).toEqual([...f8E5M2ToF32(codes)])
})

test('int8 with one scale for all rows is multiplied, and with one for each row is as it is stored', async () => {
  const int8: TensorToWrite = { dtype: 'I8', shape: [ROWS, COLUMNS], values: signed }
  const reader = await open({
    'a.weight': int8,
    'a.weight_scale': scalar(0.1),
    'b.weight': int8,
    'b.weight_scale': { dtype: 'F32', shape: [ROWS], values: perRow },
  })
  expect([...(await reader.floats(never, 'a.weight', [ROWS, COLUMNS]))]).toEqual(scaled(Float32Array.from(signed), () => 0.1))
  expect(reader.entry('b.weight').dtype).toBe('I8')
})

test('a tensor of another dtype is an error only where it is needed', async () => {
  // such a file is written by hand: Kinora writes none
  const header = new TextEncoder().encode(
    JSON.stringify({ a: { dtype: 'F32', shape: [1], data_offsets: [8, 12] }, logit_scale: { dtype: 'F64', shape: [1], data_offsets: [0, 8] } }),
  )
  const bytes = new Uint8Array(8 + header.length + 12)
  new DataView(bytes.buffer).setBigUint64(0, BigInt(header.length), true)
  bytes.set(header, 8)
  new DataView(bytes.buffer).setFloat32(bytes.length - 4, 7, true)
  const reader = new TensorReader(await openTensorTable(never, blobSource('w.safetensors', new Blob([bytes]))))
  expect([...(await reader.floats(never, 'a', [1]))]).toEqual([7])
  await expect(reader.floats(never, 'logit_scale', [1])).rejects.toThrow(
    'w.safetensors: the tensor logit_scale is stored as F64, which Kinora cannot read: use the same model in 16-bit floats.',
  )
})
