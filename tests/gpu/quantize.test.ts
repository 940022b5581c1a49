import { expect, test } from 'vitest'
import { bf16ToF32, f16ToF32, f32ToF16, f8E4M3ToF32 } from '../../workers/engine/half-floats'
import { withScope } from '../../workers/engine/scope'
import { elementCount, type Tensor } from '../../workers/engine/tensor'
import { linear, uploadLinear, type LinearWeight, type WeightFormat } from '../../workers/ops/linear'
import { allocLinear, linearShapes, packRows, STORED_BYTES, type StoredFloat } from '../../workers/ops/quantize'
import { testGpu } from './open-gpu'
import { randomSource, randomValues, relativeError } from './reference'

const gpu = await testGpu()
const DTYPES = Object.keys(STORED_BYTES) as StoredFloat[]
const FORMATS: WeightFormat[] = ['f32', 'f16', 'i8', 'i4']

/** Bytes as a file of this dtype stores them, and their values. */
function store(values: Float32Array, dtype: StoredFloat): { bytes: Uint8Array<ArrayBuffer>; values: Float32Array } {
  if (dtype === 'F32') return { bytes: new Uint8Array(values.slice().buffer), values }
  if (dtype === 'F8_E4M3') {
    // any byte except the two NaN, with an exponent by the size of the value
    const bytes = Uint8Array.from(values, (v) => (v < 0 ? 128 : 0) | Math.min(126, Math.floor(Math.abs(v) * 40)))
    return { bytes, values: f8E4M3ToF32(bytes) }
  }
  const bits = dtype === 'F16' ? f32ToF16(values) : Uint16Array.from(new Uint32Array(values.slice().buffer), (word) => word >>> 16)
  return { bytes: new Uint8Array(bits.buffer), values: dtype === 'F16' ? f16ToF32(bits) : bf16ToF32(bits) }
}

/** Random weights with rows and groups of zeros, outliers, tiny rows and ties. */
function weights(out: number, inner: number, seed: number): Float32Array<ArrayBuffer> {
  const values = randomValues(seed, out * inner, 0.5)
  const next = randomSource(seed + 1)
  for (let o = 0; o < out; o++) {
    const row = values.subarray(o * inner, (o + 1) * inner)
    if (o % 7 === 2) row.fill(0)
    if (o % 7 === 3) row[Math.floor(next() * inner)] = o % 2 ? 60000 : -60000
    if (o % 7 === 4) row.set(row.map((value) => value * 1e-6))
    if (o % 7 === 5) row.set(row.map((_, k) => ((k % 33) - 16) / 4)) // quotients in the middle of two integers
    if (o % 7 === 6) row.subarray(0, 32).fill(0)
  }
  return values
}

const readBytes = async (tensor: Tensor | undefined): Promise<Uint8Array> => (tensor ? new Uint8Array(await gpu.readBytes(tensor)) : new Uint8Array())

/** How far the quantized values of the two differ. */
function codeDistance(a: Uint8Array, b: Uint8Array, format: WeightFormat): number {
  let far = 0
  for (let i = 0; i < a.length; i++) {
    const [x, y] = [a[i] as number, b[i] as number]
    if (format === 'i8') far = Math.max(far, Math.abs(((x << 24) >> 24) - ((y << 24) >> 24)))
    else for (const shift of [24, 28]) far = Math.max(far, Math.abs(((x << shift) >> 28) - ((y << shift) >> 28)))
  }
  return far
}

async function expectSame(found: LinearWeight, expected: LinearWeight, format: WeightFormat): Promise<void> {
  const [data, wanted] = [await readBytes(found.data), await readBytes(expected.data)]
  const [scale, wantedScale] = [await readBytes(found.scale), await readBytes(expected.scale)]
  expect(data.length).toBe(wanted.length)
  expect(found.data).toMatchObject({ shape: expected.data.shape, dtype: expected.data.dtype })
  expect(found.scale?.shape).toEqual(expected.scale?.shape)
  const different = data.reduce((count, byte, i) => count + (byte === wanted[i] ? 0 : 1), 0)
  if (format === 'i8') expect(relativeError(new Float32Array(scale.buffer), new Float32Array(wantedScale.buffer))).toBeLessThan(1e-6)
  else expect(Buffer.compare(scale, wantedScale)).toBe(0)
  if (format === 'f32' || format === 'f16' || gpu.facts.software) {
    expect(different).toBe(0) // software adapters divide exactly
  } else {
    expect(codeDistance(data, wanted, format)).toBeLessThanOrEqual(1)
    expect(different).toBeLessThan(1 + data.length / 1000)
  }
}

const SIZES = [
  [8, 32],
  [19, 33],
  [1, 1],
  [9, 70],
  [64, 129],
  [13, 6],
] as const
const cases = DTYPES.flatMap((dtype) => FORMATS.map((format) => [dtype, format] as const))

test.each(cases)('packs %s as %s like the CPU, also in parts', async (dtype, format) => {
  for (const [index, [out, inner]] of SIZES.entries()) {
    const stored = store(weights(out, inner, 40 + index), dtype)
    await withScope(gpu, async (scope) => {
      const expected = uploadLinear(scope, { values: stored.values, out, in: inner }, format)
      const rowBytes = inner * STORED_BYTES[dtype]
      for (const step of [out, 8, 24]) {
        const found = allocLinear(scope, out, inner, format)
        for (let first = 0; first < out; first += step) {
          packRows(scope, found, { dtype, first, bytes: stored.bytes.subarray(first * rowBytes, Math.min(first + step, out) * rowBytes) })
        }
        await expectSame(found, expected, format)
      }
    })
  }
  expect(gpu.pool.liveBuffers).toBe(0)
})

test('reads every float8 value', async () => {
  const bytes = Uint8Array.from({ length: 256 }, (_, byte) => ((byte & 127) === 127 ? 0 : byte))
  await withScope(gpu, async (scope) => {
    const weight = allocLinear(scope, 1, 256, 'f32')
    packRows(scope, weight, { dtype: 'F8_E4M3', first: 0, bytes })
    const panel = await gpu.read(weight.data)
    expect(Array.from({ length: 256 }, (_, k) => panel[k * 8])).toEqual([...f8E4M3ToF32(bytes)])
  })
})

test('clamps values over the f16 range, and int4 scales', async () => {
  await withScope(gpu, async (scope) => {
    const bytes = new Uint8Array(Float32Array.of(1e30, -70000, 65519, 2 ** -24, 1.5 * 2 ** -24, -(2 ** -26)).buffer)
    const weight = allocLinear(scope, 1, 6, 'f16')
    packRows(scope, weight, { dtype: 'F32', first: 0, bytes })
    const halves = f16ToF32(new Uint16Array(await gpu.readBytes(weight.data)))
    expect(Array.from({ length: 6 }, (_, k) => halves[k * 8])).toEqual([65504, -65504, 65504, 2 ** -24, 2 ** -23, -0])
    const quantized = allocLinear(scope, 1, 6, 'i4')
    packRows(scope, quantized, { dtype: 'F32', first: 0, bytes })
    await expectSame(quantized, uploadLinear(scope, { values: new Float32Array(bytes.buffer), out: 1, in: 6 }, 'i4'), 'i4')
  })
})

test('splits work over the budget with the same result, which the kernels can read', async () => {
  const [out, inner] = [203, 96]
  const values = randomValues(3, out * inner, 0.1)
  await withScope(gpu, async (scope) => {
    const x = scope.upload(randomValues(4, 5 * inner), [5, inner], 'f32')
    for (const format of FORMATS) {
      const found = allocLinear(scope, out, inner, format)
      const rate = gpu.queue.rate
      gpu.queue.rate = 100 // about a workgroup a dispatch
      packRows(scope, found, { dtype: 'F32', first: 0, bytes: new Uint8Array(values.buffer) })
      gpu.queue.rate = rate
      const y = await gpu.read(linear(scope, x, found))
      expect(relativeError(y, await gpu.read(linear(scope, x, uploadLinear(scope, { values, out, in: inner }, format))))).toBeLessThan(1e-6)
    }
  })
})

test('returns the shapes of the tensors', async () => {
  await withScope(gpu, async (scope) => {
    for (const format of FORMATS) {
      const { data, scale } = linearShapes(19, 70, format)
      const uploaded = uploadLinear(scope, { values: new Float32Array(19 * 70), out: 19, in: 70 }, format)
      expect([uploaded.data.shape, uploaded.data.dtype]).toEqual([data.shape, data.dtype])
      expect([uploaded.scale?.shape, uploaded.scale?.dtype]).toEqual([scale?.shape, scale?.dtype])
      expect(elementCount(data.shape)).toBeGreaterThan(0)
    }
  })
})

test('rejects rows that are not whole panels or not in the matrix', async () => {
  await withScope(gpu, async (scope) => {
    const weight = allocLinear(scope, 20, 4, 'i8')
    const rows = (count: number, first: number) => () => packRows(scope, weight, { dtype: 'F32', first, bytes: new Uint8Array(count * 16) })
    expect(rows(7, 0)).toThrow('expected whole panels of 8 rows within 20, got 7 from row 0 on')
    expect(rows(8, 4)).toThrow('from row 4 on')
    expect(rows(8, 16)).toThrow('got 8 from row 16 on')
    expect(rows(4.5, 16)).toThrow('got 4.5')
    expect(rows(4, 16)).not.toThrow()
    await gpu.settle()
  })
})
