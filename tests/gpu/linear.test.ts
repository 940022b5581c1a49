import { describe, expect, test } from 'vitest'
import { Gpu } from '../../workers/engine/device'
import { withScope } from '../../workers/engine/scope'
import type { FloatDType } from '../../workers/engine/tensor'
import { linear, linearVariant, uploadLinear, type WeightFormat } from '../../workers/ops/linear'
import { dequantize, quantizeI4, quantizeI8 } from '../../workers/ops/linear-weight'
import { testGpu } from './open-gpu'
import { asHalf, geluReference, linearReference, randomSource, randomValues, relativeError, siluReference } from './reference'

const opened = new Map<string, Gpu>()

/** The same device under both kinds of facts, so that the hardware kernels run here too. */
async function openAs(kind: 'software' | 'hardware'): Promise<Gpu> {
  const { device, facts } = await testGpu()
  const gpu = opened.get(kind) ?? new Gpu(device, { ...facts, software: kind === 'software' })
  opened.set(kind, gpu)
  gpu.pool.onAcquire = (buffer) => {
    if (gpu.queue.dryRun) return
    gpu.queue.flush() // the buffer may be a reused one that pending dispatches still read
    gpu.device.queue.writeBuffer(buffer, 0, new Uint8Array(buffer.size).fill(0xff))
  }
  return gpu
}

/** The weights that a format keeps of these values. */
function stored(values: Float32Array, out: number, inner: number, format: WeightFormat): Float32Array {
  if (format === 'f32') return values
  if (format === 'f16') return asHalf(values)
  return dequantize(format === 'i8' ? quantizeI8(values, out, inner) : quantizeI4(values, out, inner), out, inner)
}

/** Sums are f32: only the order differs, and for f16 results the last rounding. */
const tolerance: Record<FloatDType, number> = { f32: 2e-6, f16: 5e-4 }

/** Each kernel meets each weight format, each dtype, and sizes that are and are not multiples of four; not every product of these, for
 *  a software adapter compiles a variant for seconds. rows, inner, out */
type Case = [number, number, number, WeightFormat, FloatDType]
const fewRows: Case[] = [
  [1, 1, 1, 'f32', 'f32'],
  [1, 256, 192, 'i8', 'f32'],
  [5, 67, 9, 'i4', 'f16'],
  [8, 36, 52, 'f16', 'f16'],
]
const manyRows: Case[] = [
  [9, 33, 17, 'f32', 'f16'],
  [65, 30, 130, 'i8', 'f32'],
  [70, 132, 68, 'i4', 'f32'],
  [73, 68, 36, 'f16', 'f16'],
  [130, 20, 24, 'i8', 'f16'],
]

async function expectCase(gpu: Gpu, [rows, inner, out, format, dtype]: Case): Promise<void> {
  const values = randomValues(rows + 7, out * inner, 0.2)
  const bias = randomValues(rows + 8, out)
  const raw = randomValues(rows + 9, rows * inner)
  const input = dtype === 'f16' ? asHalf(raw) : raw
  await withScope(gpu, async (scope) => {
    const weight = uploadLinear(scope, { values, out, in: inner, bias }, format)
    const y = linear(scope, scope.upload(input, [rows, inner], dtype), weight)
    expect(y.shape).toEqual([rows, out])
    expect(y.dtype).toBe(dtype)
    const expected = linearReference(input, stored(values, out, inner, format), bias, rows, inner, out)
    expect(relativeError(await gpu.read(y), expected)).toBeLessThan(tolerance[dtype])
  })
  expect(gpu.pool.liveBuffers).toBe(0)
}

test.each(fewRows)('%i rows, %i → %i, %s weights, %s activations', async (...values) => {
  const gpu = await openAs('hardware')
  expect(linearVariant(gpu.facts, values[0], values[3], values[4])).toBe(`few ${values[3]} ${values[4]}`)
  await expectCase(gpu, values)
})

describe.each([['software', 'direct'], ['hardware', 'tile64']] as const)('linear, kernels for %s', (kind, variant) => {
  test.each(manyRows)('%i rows, %i → %i, %s weights, %s activations', async (...values) => {
    const gpu = await openAs(kind)
    expect(linearVariant(gpu.facts, values[0], values[3], values[4])).toBe(`${variant} ${values[3]} ${values[4]}`)
    await expectCase(gpu, values)
  })

  test.each([48, 29])('a residual stream of %i channels with a gate a token', async (out) => {
    const gpu = await openAs(kind)
    const [rows, inner, tables, slots, slot] = [37, 24, 3, 6, 2]
    const values = randomValues(3, out * inner)
    const bias = randomValues(4, out)
    const input = randomValues(5, rows * inner)
    const residual = randomValues(6, rows * out)
    const table = randomValues(7, tables * slots * out)
    const next = randomSource(8)
    const rowOf = Uint32Array.from({ length: rows }, () => Math.floor(next() * tables))
    const sums = linearReference(input, values, bias, rows, inner, out)
    const gated = sums.map((sum, i) => {
      const row = rowOf[Math.floor(i / out)] as number
      return (residual[i] as number) + (table[(row * slots + slot) * out + (i % out)] as number) * sum
    })
    await withScope(gpu, async (scope) => {
      const weight = uploadLinear(scope, { values, out, in: inner, bias }, 'f32')
      const x = scope.upload(input, [rows, inner], 'f32')
      const stream = scope.upload(residual, [rows, out], 'f32')
      const gate = { table: scope.upload(table, [tables, slots, out], 'f32'), rowOf: scope.upload(rowOf, [rows], 'u32'), slot }
      expect(linear(scope, x, weight, { addTo: stream, gate })).toBe(stream)
      expect(relativeError(await gpu.read(stream), gated)).toBeLessThan(tolerance.f32)
    })
  })

  test('a dispatch over the budget is split by rows and by outputs, with the same result', async () => {
    const gpu = await openAs(kind)
    const [rows, inner, out] = [150, 40, 200]
    const values = randomValues(11, out * inner)
    const input = randomValues(12, rows * inner)
    let dispatches = 0
    const dispatch = gpu.queue.dispatch.bind(gpu.queue)
    gpu.queue.dispatch = (call) => {
      dispatches++
      dispatch(call)
    }
    const run = (rate: number): Promise<Float32Array> =>
      withScope(gpu, async (scope) => {
        const weight = uploadLinear(scope, { values, out, in: inner }, 'i8')
        const x = scope.upload(input, [rows, inner], 'f32')
        gpu.queue.rate = rate
        dispatches = 0
        return await gpu.read(linear(scope, x, weight))
      })
    const { rate: measured } = gpu.queue
    const whole = await run(1e9)
    expect(dispatches).toBe(1)
    expect(relativeError(whole, linearReference(input, stored(values, out, inner, 'i8'), undefined, rows, inner, out))).toBeLessThan(2e-6)
    expect(relativeError(await run(1), whole)).toBe(0)
    expect(dispatches).toBeGreaterThan(10)
    expect(relativeError(await run(2e4), whole)).toBe(0)
    expect(dispatches).toBeGreaterThan(1)
    gpu.queue.rate = measured
    gpu.queue.dispatch = dispatch
  })
})

describe('linear, what follows the sum', () => {
  test('addTo without a gate', async () => {
    const gpu = await testGpu()
    const [rows, inner, out] = [10, 12, 8]
    const values = randomValues(21, out * inner)
    const input = randomValues(22, rows * inner)
    const residual = randomValues(23, rows * out)
    const sums = linearReference(input, values, undefined, rows, inner, out)
    await withScope(gpu, async (scope) => {
      const stream = scope.upload(residual, [rows, out], 'f32')
      linear(scope, scope.upload(input, [rows, inner], 'f32'), uploadLinear(scope, { values, out, in: inner }, 'f32'), { addTo: stream })
      expect(relativeError(await gpu.read(stream), sums.map((sum, i) => sum + (residual[i] as number)))).toBeLessThan(tolerance.f32)
    })
  })

  const activations = [['gelu-tanh', geluReference], ['silu', siluReference]] as const
  test.each(activations)('%s, and a result of another dtype', async (activation, reference) => {
    const gpu = await testGpu()
    const [rows, inner, out] = [11, 20, 13]
    const values = randomValues(1, out * inner)
    const input = randomValues(2, rows * inner)
    const sums = linearReference(input, values, undefined, rows, inner, out)
    await withScope(gpu, async (scope) => {
      const weight = uploadLinear(scope, { values, out, in: inner }, 'f32')
      const y = linear(scope, scope.upload(input, [1, rows, inner], 'f32'), weight, { activation, dtype: 'f16' })
      expect(y.dtype).toBe('f16')
      expect(y.shape).toEqual([1, rows, out])
      expect(relativeError(await gpu.read(y), sums.map(reference))).toBeLessThan(tolerance.f16)
    })
  })

  test.each([undefined, 'gelu-tanh', 'silu'] as const)('f16 outliers of ±60 000 stay finite, clamped; activation %s', async (activation) => {
    const gpu = await testGpu()
    const [rows, inner, out] = [16, 64, 12]
    const input = randomValues(9, rows * inner)
    for (let i = 0; i < input.length; i += 17) input[i] = i % 2 ? -60000 : 60000
    const values = randomValues(10, out * inner)
    const act = activation === 'silu' ? siluReference : activation ? geluReference : (v: number) => v
    const sums = linearReference(asHalf(input), values, undefined, rows, inner, out)
    await withScope(gpu, async (scope) => {
      const weight = uploadLinear(scope, { values, out, in: inner }, 'f32')
      const got = await gpu.read(linear(scope, scope.upload(input, [rows, inner], 'f16'), weight, activation ? { activation } : {}))
      expect(got.some((v) => Math.abs(v) === 65504)).toBe(true)
      expect(relativeError(got, sums.map((v) => Math.max(-65504, Math.min(65504, act(v)))))).toBeLessThan(tolerance.f16)
    })
  })

  test('no rows give an empty result', async () => {
    const gpu = await testGpu()
    await withScope(gpu, async (scope) => {
      const weight = uploadLinear(scope, { values: randomValues(13, 12), out: 3, in: 4 }, 'f32')
      expect(linear(scope, scope.alloc([0, 4]), weight).shape).toEqual([0, 3])
      await gpu.settle()
    })
  })
})

describe('quantized weights', () => {
  test('i8 and i4 are close to what they stand for', () => {
    const [out, inner] = [24, 100]
    const values = randomValues(14, out * inner)
    expect(relativeError(dequantize(quantizeI8(values, out, inner), out, inner), values)).toBeLessThan(0.008)
    expect(relativeError(dequantize(quantizeI4(values, out, inner), out, inner), values)).toBeLessThan(0.09)
  })

  test('given as integers and scales they are used as they are, or turned back into floats', async () => {
    const gpu = await testGpu()
    const [rows, inner, out] = [10, 70, 21]
    const next = randomSource(15)
    const input = randomValues(16, rows * inner)
    const i8 = { q: Int8Array.from({ length: out * inner }, () => Math.floor(next() * 256) - 128), scale: randomValues(17, out) }
    const i4 = { q: Int8Array.from({ length: out * inner }, () => Math.floor(next() * 16) - 8), scale: asHalf(randomValues(18, out * 3)) }
    for (const [values, format] of [[i8, 'i8'], [i8, 'f32'], [i4, 'i4'], [i4, 'f32']] as const) {
      await withScope(gpu, async (scope) => {
        const weight = uploadLinear(scope, { values, out, in: inner }, format)
        const expected = linearReference(input, dequantize(values, out, inner), undefined, rows, inner, out)
        const y = linear(scope, scope.upload(input, [rows, inner], 'f32'), weight)
        expect(relativeError(await gpu.read(y), expected)).toBeLessThan(tolerance.f32)
      })
    }
  })

  test('zero weights have zero scales and give zeros', async () => {
    const gpu = await testGpu()
    for (const format of ['i8', 'i4'] as const) {
      await withScope(gpu, async (scope) => {
        const weight = uploadLinear(scope, { values: new Float32Array(40), out: 5, in: 8 }, format)
        const y = linear(scope, scope.upload(randomValues(19, 24), [3, 8], 'f32'), weight)
        expect([...(await gpu.read(y))]).toEqual(new Array(15).fill(0))
      })
    }
  })
})

test('what does not fit is refused with both shapes named', async () => {
  const gpu = await testGpu()
  await withScope(gpu, async (scope) => {
    const weight = uploadLinear(scope, { values: randomValues(20, 12), out: 3, in: 4 }, 'f32')
    expect(() => linear(scope, scope.alloc([2, 5]), weight)).toThrow('expected x [..., 4], got [2, 5]')
    expect(() => linear(scope, scope.alloc([2, 4]), weight, { addTo: scope.alloc([2, 3], 'f16') })).toThrow('expected addTo f32 [2, 3]')
    expect(() => uploadLinear(scope, { values: new Float32Array(11), out: 3, in: 4 }, 'f32')).toThrow('12 weights, got 11')
    await gpu.settle()
  })
})
