import { describe, expect, test } from 'vitest'
import { Gpu } from '../../workers/engine/device'
import { withScope, type Scope } from '../../workers/engine/scope'
import { dim, type FloatDType, type Tensor } from '../../workers/engine/tensor'
import { linear, linearVariant, linearVariants, uploadLinear, type LinearVariant, type WeightFormat } from '../../workers/ops/linear'
import { dequantize, quantizeI4, quantizeI8 } from '../../workers/ops/linear-weight'
import { quantizeActivations } from '../../workers/ops/quantize-activations'
import { floatTypes, testGpu } from './open-gpu'
import { asHalf, geluReference, linearReference, randomSource, randomValues, readQuantizedActivations, relativeError, siluReference } from './reference'

const opened = new Map<string, Gpu>()

/** The same device under both kinds of facts, so that the kernels for hardware run here too. */
async function openAs(kind: 'software' | 'hardware'): Promise<Gpu> {
  const { device, facts } = await testGpu()
  const gpu = opened.get(kind) ?? new Gpu(device, { ...facts, software: kind === 'software' })
  opened.set(kind, gpu)
  gpu.pool.onAcquire = (buffer) => {
    if (gpu.queue.recording) return
    gpu.queue.flush() // pending dispatches may still read a reused buffer
    gpu.device.queue.writeBuffer(buffer, 0, new Uint8Array(buffer.size).fill(0xff))
  }
  return gpu
}

/** The values after a round trip through the format. */
function stored(values: Float32Array, out: number, inner: number, format: WeightFormat): Float32Array {
  if (format === 'f32') return values
  if (format === 'f16') return asHalf(values)
  return dequantize(format === 'i8' ? quantizeI8(values, out, inner) : quantizeI4(values, out, inner), out, inner)
}

/** The activations that a variant multiplies: dequantized int8 values for 'int8_dp4a'. */
async function multiplied(scope: Scope, x: Tensor, values: Float32Array, variant: LinearVariant | undefined): Promise<Float32Array> {
  return variant === 'int8_dp4a' ? (await readQuantizedActivations(scope.gpu, quantizeActivations(scope, x), dim(x, -1))).values : values
}

const preferring = (variant: LinearVariant | undefined): { variant?: LinearVariant } => (variant ? { variant } : {})

/** Sums are f32: only the order differs, and for f16 results the last rounding. */
const tolerance: Record<FloatDType, number> = { f32: 2e-6, f16: 5e-4 }

/** Each kernel is tested with each weight format, each dtype, and sizes that are and are not multiples of four; not in every combination,
 *  because a software adapter compiles a variant for seconds. rows, inner, out */
type Case = [number, number, number, WeightFormat, FloatDType]
const types = await floatTypes()
const possible = (cases: Case[]): Case[] => cases.filter(([, , , , dtype]) => types.includes(dtype))
const fewRows = possible([
  [1, 1, 1, 'f32', 'f32'],
  [1, 256, 192, 'i8', 'f32'],
  [5, 67, 9, 'i4', 'f16'],
  [8, 36, 52, 'f16', 'f16'],
])
const manyRows = possible([
  [9, 33, 17, 'f32', 'f16'],
  [65, 30, 130, 'i8', 'f32'],
  [70, 132, 68, 'i4', 'f32'],
  [73, 68, 36, 'f16', 'f16'],
  [130, 20, 24, 'i8', 'f16'],
])

/** For 'int8_dp4a': whole and partial groups of 32 inputs, and both kinds of rows and outputs. */
const quantizedRows = possible([
  [1, 1, 1, 'i4', 'f32'],
  [9, 33, 17, 'i8', 'f16'],
  [73, 68, 36, 'i4', 'f16'],
  [66, 96, 64, 'i8', 'f32'],
])

async function expectCase(gpu: Gpu, [rows, inner, out, format, dtype]: Case, variant?: LinearVariant): Promise<void> {
  const values = randomValues(rows + 7, out * inner, 0.2)
  const bias = randomValues(rows + 8, out)
  const raw = randomValues(rows + 9, rows * inner)
  const input = dtype === 'f16' ? asHalf(raw) : raw
  await withScope(gpu, async (scope) => {
    const weight = uploadLinear(scope, { values, out, in: inner, bias }, format)
    const x = scope.upload(input, [rows, inner], dtype)
    const y = linear(scope, x, weight, preferring(variant))
    expect(y.shape).toEqual([rows, out])
    expect(y.dtype).toBe(dtype)
    const expected = linearReference(await multiplied(scope, x, input, variant), stored(values, out, inner, format), bias, rows, inner, out)
    expect(relativeError(await gpu.read(y), expected)).toBeLessThan(tolerance[dtype])
  })
  expect(gpu.pool.liveBuffers).toBe(0)
}

test.each(fewRows)('%i rows, %i → %i, %s weights, %s activations', async (...values) => {
  const gpu = await openAs('hardware')
  expect(linearVariant(gpu.facts, values[0], values[3], values[4])).toBe(`gemv ${values[3]} ${values[4]}`)
  await expectCase(gpu, values)
})

describe.each(['software', 'hardware'] as const)('a requested variant on %s', (kind) => {
  test.each(['gemv', 'no_smem', 'tile64', 'tile128'] as const)('%s supports any number of rows', async (variant) => {
    const gpu = await openAs(kind)
    for (const one of [...fewRows, ...manyRows]) await expectCase(gpu, one, variant)
  })

  test('int8_dp4a multiplies quantized activations', async () => {
    const gpu = await openAs(kind)
    const cases = [...fewRows, ...manyRows, ...quantizedRows].filter(([, , , format]) => format === 'i8' || format === 'i4')
    for (const one of cases) await expectCase(gpu, one, 'int8_dp4a')
  })
})

/** The fixed table's variant of each kind of adapter, and variants that are never the fixed table's. */
const kinds = [
  ['software', 'no_smem', undefined],
  ['hardware', 'tile64', undefined],
  ['hardware', 'tile128', 'tile128'],
  ['hardware', 'int8_dp4a', 'int8_dp4a'],
] as const

describe.each(kinds)('linear, kernels for %s: %s', (kind, name, variant) => {
  if (variant === undefined) {
    test.each(manyRows)('%i rows, %i → %i, %s weights, %s activations', async (...values) => {
      const gpu = await openAs(kind)
      expect(linearVariant(gpu.facts, values[0], values[3], values[4])).toBe(`${name} ${values[3]} ${values[4]}`)
      await expectCase(gpu, values)
    })
  }

  test.each([48, 29])('adds to a residual stream of %i channels with a gate per token', async (out) => {
    const gpu = await openAs(kind)
    const [rows, inner, tables, slots, slot] = [37, 24, 3, 6, 2]
    const values = randomValues(3, out * inner)
    const bias = randomValues(4, out)
    const input = randomValues(5, rows * inner)
    const residual = randomValues(6, rows * out)
    const table = randomValues(7, tables * slots * out)
    const next = randomSource(8)
    const rowOf = Uint32Array.from({ length: rows }, () => Math.floor(next() * tables))
    const format = variant === 'int8_dp4a' ? 'i4' : 'f32'
    await withScope(gpu, async (scope) => {
      const weight = uploadLinear(scope, { values, out, in: inner, bias }, format)
      const x = scope.upload(input, [rows, inner], 'f32')
      const sums = linearReference(await multiplied(scope, x, input, variant), stored(values, out, inner, format), bias, rows, inner, out)
      const gated = sums.map((sum, i) => {
        const row = rowOf[Math.floor(i / out)] as number
        return (residual[i] as number) + (table[(row * slots + slot) * out + (i % out)] as number) * sum
      })
      const stream = scope.upload(residual, [rows, out], 'f32')
      const gate = { table: scope.upload(table, [tables, slots, out], 'f32'), rowOf: scope.upload(rowOf, [rows], 'u32'), slot }
      expect(linear(scope, x, weight, { addTo: stream, gate, ...preferring(variant) })).toBe(stream)
      expect(relativeError(await gpu.read(stream), gated)).toBeLessThan(tolerance.f32)
    })
  })

  test('splits a dispatch over the budget by rows and by outputs, with the same result', async () => {
    const gpu = await openAs(kind)
    const [rows, inner, out] = [270, 40, 200]
    const values = randomValues(11, out * inner)
    const input = randomValues(12, rows * inner)
    let dispatches = 0
    let expected: Float32Array | undefined
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
        expected = linearReference(await multiplied(scope, x, input, variant), stored(values, out, inner, 'i8'), undefined, rows, inner, out)
        dispatches = 0
        return await gpu.read(linear(scope, x, weight, preferring(variant)))
      })
    const { rate: measured } = gpu.queue
    const whole = await run(1e9)
    expect(dispatches).toBe(variant === 'int8_dp4a' ? 2 : 1) // the quantization's and the product's
    expect(relativeError(whole, expected ?? [])).toBeLessThan(2e-6)
    expect(relativeError(await run(1), whole)).toBe(0)
    expect(dispatches).toBeGreaterThan(10)
    expect(relativeError(await run(2e4), whole)).toBe(0)
    expect(dispatches).toBeGreaterThan(1)
    gpu.queue.rate = measured
    gpu.queue.dispatch = dispatch
  })
})

describe('linear after the sum', () => {
  test('adds without a gate', async () => {
    const gpu = await testGpu()
    const [rows, inner, out] = [10, 12, 8]
    const values = randomValues(21, out * inner)
    const input = randomValues(22, rows * inner)
    const residual = randomValues(23, rows * out)
    const sums = linearReference(input, values, undefined, rows, inner, out)
    await withScope(gpu, async (scope) => {
      const stream = scope.upload(residual, [rows, out], 'f32')
      linear(scope, scope.upload(input, [rows, inner], 'f32'), uploadLinear(scope, { values, out, in: inner }, 'f32'), { addTo: stream })
      expect(
        relativeError(
          await gpu.read(stream),
          sums.map((sum, i) => sum + (residual[i] as number)),
        ),
      ).toBeLessThan(tolerance.f32)
    })
  })

  const activations = [
    ['gelu-tanh', geluReference],
    ['silu', siluReference],
  ] as const
  test.runIf(types.includes('f16')).each(activations)('applies %s and converts the result to another dtype', async (activation, reference) => {
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

  const outliers = [undefined, 'gelu-tanh', 'silu'].flatMap((activation) => [
    [activation, undefined],
    [activation, 'tile128'],
    [activation, 'int8_dp4a'],
  ])
  test.runIf(types.includes('f16')).each(outliers as ['gelu-tanh' | 'silu' | undefined, LinearVariant | undefined][])(
    'clamps f16 outliers of ±60 000; activation %s, variant %s',
    async (activation, variant) => {
      const gpu = await testGpu()
      const [rows, inner, out] = [16, 64, 12]
      const input = randomValues(9, rows * inner)
      for (let i = 0; i < input.length; i += 17) input[i] = i % 2 ? -60000 : 60000
      const values = randomValues(10, out * inner)
      const act = activation === 'silu' ? siluReference : activation ? geluReference : (v: number) => v
      const format = variant === 'int8_dp4a' ? 'i8' : 'f32'
      await withScope(gpu, async (scope) => {
        const weight = uploadLinear(scope, { values, out, in: inner }, format)
        const x = scope.upload(input, [rows, inner], 'f16')
        const sums = linearReference(await multiplied(scope, x, asHalf(input), variant), stored(values, out, inner, format), undefined, rows, inner, out)
        const got = await gpu.read(linear(scope, x, weight, { ...(activation && { activation }), ...preferring(variant) }))
        expect(got.some((v) => Math.abs(v) === 65504)).toBe(true)
        expect(
          relativeError(
            got,
            sums.map((v) => Math.max(-65504, Math.min(65504, act(v)))),
          ),
        ).toBeLessThan(tolerance.f16)
      })
    },
  )

  test('returns an empty result for no rows', async () => {
    const gpu = await testGpu()
    await withScope(gpu, async (scope) => {
      const weight = uploadLinear(scope, { values: randomValues(13, 12), out: 3, in: 4 }, 'f32')
      expect(linear(scope, scope.alloc([0, 4]), weight).shape).toEqual([0, 3])
      await gpu.settle()
    })
  })
})

describe('int8 activations', () => {
  test.each([
    ['gaussian', 1],
    ['one in 500 sixty times as large', 60],
  ] as const)('%s: the result is close to that of floats', async (_, outlier) => {
    const gpu = await testGpu()
    const [rows, inner, out] = [64, 512, 48]
    const values = randomValues(31, out * inner)
    const input = randomValues(32, rows * inner)
    for (let i = 0; i < input.length; i += 500) input[i] = (input[i] as number) * outlier
    for (const format of ['i8', 'i4'] as const) {
      await withScope(gpu, async (scope) => {
        const weight = uploadLinear(scope, { values, out, in: inner }, format)
        const got = await gpu.read(linear(scope, scope.upload(input, [rows, inner], 'f32'), weight, { variant: 'int8_dp4a' }))
        const error = relativeError(got, linearReference(input, stored(values, out, inner, format), undefined, rows, inner, out))
        expect(error).toBeGreaterThan(1e-4) // the activations are quantized
        expect(error).toBeLessThan(0.02)
      })
    }
  })

  test('are shared by several layers', async () => {
    const gpu = await openAs('hardware')
    const [rows, inner] = [21, 75]
    await withScope(gpu, async (scope) => {
      const x = scope.upload(randomValues(33, rows * inner), [3, 7, inner], 'f32')
      const quantized = quantizeActivations(scope, x)
      for (const [out, format] of [
        [24, 'i8'],
        [9, 'i4'],
      ] as const) {
        const weight = uploadLinear(scope, { values: randomValues(34, out * inner), out, in: inner }, format)
        const shared = linear(scope, quantized, weight)
        expect(shared.shape).toEqual([3, 7, out])
        expect(await gpu.read(shared)).toEqual(await gpu.read(linear(scope, x, weight, { variant: 'int8_dp4a' })))
      }
    })
  })

  test('are rejected without integer dot products, with float weights and with another width', async () => {
    const { device, facts } = await testGpu()
    const without = new Gpu(device, { ...facts, dot4: false })
    await withScope(without, async (scope) => {
      const weight = uploadLinear(scope, { values: randomValues(35, 12), out: 3, in: 4 }, 'i8')
      expect(() => linear(scope, scope.alloc([9, 4]), weight, { variant: 'int8_dp4a' })).toThrow(
        /^linear: the variant 'int8_dp4a' needs WGSL's packed_4x8_integer_dot_product, which this device lacks\.$/,
      )
      await without.settle()
    })
    const gpu = await testGpu()
    await withScope(gpu, async (scope) => {
      const values = randomValues(35, 12)
      const [x, i8, f16] = [scope.alloc([9, 4]), uploadLinear(scope, { values, out: 3, in: 4 }, 'i8'), uploadLinear(scope, { values, out: 3, in: 4 }, 'f16')]
      expect(() => linear(scope, x, f16, { variant: 'int8_dp4a' })).toThrow("expected i8 or i4 weights for the variant 'int8_dp4a', got f16")
      const quantized = quantizeActivations(scope, scope.alloc([8, 5]))
      expect(() => linear(scope, quantized, i8)).toThrow('expected x [..., 4], got [8, 5]')
      expect(() => linear(scope, quantizeActivations(scope, x), i8, { variant: 'no_smem' })).toThrow(
        "expected the variant 'int8_dp4a' for quantized activations, got 'no_smem'",
      )
      await gpu.settle()
    })
  })
})

describe('linearVariants', () => {
  const facts = { name: 'some adapter', f16: true, subgroups: true, dot4: true, software: false, workgroupBytes: 16384 }
  const software = { ...facts, software: true }

  test.each([
    ['hardware', 1, ['gemv', 'tile64']],
    ['hardware', 8, ['gemv', 'tile64']],
    ['hardware', 9, ['tile64']],
    ['hardware', 65, ['tile64', 'tile128']],
    ['software', 8, ['gemv', 'no_smem', 'tile64']],
    ['software', 9, ['no_smem', 'tile64']],
    ['software', 1120, ['no_smem', 'tile64', 'tile128']],
  ] as const)('lists exact variants only: %s, %i rows', (kind, rows, expected) => {
    const adapter = kind === 'software' ? software : facts
    for (const format of ['f32', 'f16', 'i8', 'i4'] as const) {
      expect(linearVariants(adapter, rows, format)).toEqual(expected)
      expect(linearVariant(adapter, rows, format, 'f16')).toBe(`${expected[0]} ${format} f16`)
    }
  })

  test('lists int8_dp4a last where it is allowed and supported', () => {
    expect(linearVariants(facts, 1120, 'i4', { allowInt8: true })).toEqual(['tile64', 'tile128', 'int8_dp4a'])
    expect(linearVariants(software, 4, 'i8', { allowInt8: true })).toEqual(['gemv', 'no_smem', 'tile64', 'int8_dp4a'])
    expect(linearVariants(facts, 1120, 'f16', { allowInt8: true })).not.toContain('int8_dp4a')
    expect(linearVariants({ ...facts, dot4: false }, 1120, 'i4', { allowInt8: true })).not.toContain('int8_dp4a')
    expect(linearVariant(facts, 1120, 'i4', 'f16', 'int8_dp4a')).toBe('int8_dp4a i4 f16')
  })
})

describe('quantized weights', () => {
  test('i8 and i4 are close to the original weights', () => {
    const [out, inner] = [24, 100]
    const values = randomValues(14, out * inner)
    expect(relativeError(dequantize(quantizeI8(values, out, inner), out, inner), values)).toBeLessThan(0.008)
    expect(relativeError(dequantize(quantizeI4(values, out, inner), out, inner), values)).toBeLessThan(0.09)
  })

  test('integers with scales are used unchanged, or dequantized', async () => {
    const gpu = await testGpu()
    const [rows, inner, out] = [10, 70, 21]
    const next = randomSource(15)
    const input = randomValues(16, rows * inner)
    const i8 = { q: Int8Array.from({ length: out * inner }, () => Math.floor(next() * 256) - 128), scale: randomValues(17, out) }
    const i4 = { q: Int8Array.from({ length: out * inner }, () => Math.floor(next() * 16) - 8), scale: asHalf(randomValues(18, out * 3)) }
    for (const [values, format] of [
      [i8, 'i8'],
      [i8, 'f32'],
      [i4, 'i4'],
      [i4, 'f32'],
    ] as const) {
      await withScope(gpu, async (scope) => {
        const weight = uploadLinear(scope, { values, out, in: inner }, format)
        const expected = linearReference(input, dequantize(values, out, inner), undefined, rows, inner, out)
        const y = linear(scope, scope.upload(input, [rows, inner], 'f32'), weight)
        expect(relativeError(await gpu.read(y), expected)).toBeLessThan(tolerance.f32)
      })
    }
  })

  test('zero weights have zero scales and results', async () => {
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

test('rejects wrong shapes and names both shapes', async () => {
  const gpu = await testGpu()
  await withScope(gpu, async (scope) => {
    const weight = uploadLinear(scope, { values: randomValues(20, 12), out: 3, in: 4 }, 'f32')
    expect(() => linear(scope, scope.alloc([2, 5]), weight)).toThrow('expected x [..., 4], got [2, 5]')
    expect(() => linear(scope, scope.alloc([2, 4]), weight, { addTo: scope.alloc([2, 3], 'f16') })).toThrow('expected addTo f32 [2, 3]')
    expect(() => uploadLinear(scope, { values: new Float32Array(11), out: 3, in: 4 }, 'f32')).toThrow('expected 12 weights of [3, 4], got 11')
    await gpu.settle()
  })
})
