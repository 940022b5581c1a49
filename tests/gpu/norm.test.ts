import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { KernelSelector } from '../../workers/engine/kernel-selector'
import { withScope } from '../../workers/engine/scope'
import type { FloatDType } from '../../workers/engine/tensor'
import { linear, uploadLinear } from '../../workers/ops/linear'
import { norm, normFor } from '../../workers/ops/norm'
import { floatTypes, testGpu } from './open-gpu'
import { asHalf, normReference, randomValues, readQuantizedActivations, relativeError } from './reference'

const TOLERANCE: Record<FloatDType, number> = { f32: 2e-6, f16: 5e-4 }
const gpu = await testGpu()
const { software } = gpu.facts
afterEach(() => {
  gpu.facts.software = software
})
/** every dtype, with one invocation a row (as on software adapters) and with several */
const variants = (await floatTypes()).flatMap((dtype) => [
  { dtype, lanes: 'one lane a row', single: true },
  { dtype, lanes: 'several lanes a row', single: false },
])
// each size compiles a pipeline: short and long rows, with and without whole vec4s
const shapes: Record<FloatDType, [number, number][]> = {
  f32: [
    [1, 1],
    [5, 63],
    [67, 48],
    [7, 260],
    [3, 2048],
  ],
  f16: [
    [5, 63],
    [67, 48],
  ],
}

describe.each(variants)('norm $dtype, $lanes', ({ dtype, single }) => {
  beforeEach(() => {
    gpu.facts.software = single
  })
  const rounded = (values: Float32Array): Float32Array => (dtype === 'f16' ? asHalf(values) : values)

  it.each(shapes[dtype])('computes RMS norm with and without weight, [%i, %i]', async (rows, size) => {
    const x = rounded(randomValues(1, rows * size, 3))
    const weight = randomValues(2, size)
    await withScope(gpu, async (scope) => {
      const input = scope.upload(x, [rows, size], dtype)
      const plain = await gpu.read(norm(scope, input, { kind: 'rms', eps: 1e-6 }))
      expect(relativeError(plain, normReference(x, size, { kind: 'rms', eps: 1e-6 }))).toBeLessThan(TOLERANCE[dtype])
      const o = { kind: 'rms', eps: 1e-6, weight: scope.upload(weight, [size], 'f32'), activation: 'silu' } as const
      const weighted = await gpu.read(norm(scope, input, o))
      expect(relativeError(weighted, normReference(x, size, { kind: 'rms', eps: 1e-6, weight, silu: true }))).toBeLessThan(TOLERANCE[dtype])
    })
  })

  it.each(shapes[dtype])('computes layer norm far from zero, with weight and bias, [%i, %i]', async (rows, size) => {
    // a mean of 200 standard deviations: mean(x²) − mean² would lose the variance (less in f16, which is coarser)
    const x = rounded(randomValues(1, rows * size).map((value) => value + (dtype === 'f16' ? 20 : 200)))
    const [weight, bias] = [randomValues(2, size), randomValues(3, size)]
    await withScope(gpu, async (scope) => {
      const input = scope.upload(x, [rows, size], dtype)
      const o = { weight: scope.upload(weight, [size], 'f32'), bias: scope.upload(bias, [size], 'f32') }
      const got = await gpu.read(norm(scope, input, { kind: 'layer', eps: 1e-5, ...o }))
      const reference = normReference(x, size, { kind: 'layer', eps: 1e-5, weight, bias })
      expect(relativeError(got, reference)).toBeLessThan(dtype === 'f16' ? TOLERANCE.f16 : 3e-5)
    })
  })

  it.each([48, 77])('modulates each row by its table row (D = %i)', async (size) => {
    const [batch, tokens, slots] = [2, 19, 6]
    const rows = batch * tokens
    const x = rounded(randomValues(1, rows * size))
    const table = randomValues(2, 3 * slots * size)
    const rowOf = Uint32Array.from({ length: rows }, (_, row) => (row * 7) % 3)
    const chosen = (slot: number): Float32Array =>
      Float32Array.from({ length: rows * size }, (_, i) => {
        const row = rowOf[Math.floor(i / size)] as number
        return table[(row * slots + slot) * size + (i % size)] as number
      })
    await withScope(gpu, async (scope) => {
      const modulation = { table: scope.upload(table, [3, slots, size], 'f32'), rowOf: scope.upload(rowOf, [batch, tokens], 'u32') }
      const got = await gpu.read(
        norm(scope, scope.upload(x, [batch, tokens, size], dtype), {
          kind: 'rms',
          eps: 1e-6,
          modulation: { ...modulation, scale: 4, shift: 3 },
        }),
      )
      const reference = normReference(x, size, { kind: 'rms', eps: 1e-6, scale: chosen(4), shift: chosen(3) })
      expect(relativeError(got, reference)).toBeLessThan(TOLERANCE[dtype])
    })
  })

  it('stays finite with values of ±60 000', async () => {
    const x = rounded(randomValues(1, 9 * 64).map((value) => Math.sign(value) * 60000))
    await withScope(gpu, async (scope) => {
      const input = scope.upload(x, [9, 64], dtype)
      const got = await gpu.read(norm(scope, input, { kind: 'rms', eps: 1e-6, activation: 'silu' }))
      expect(relativeError(got, normReference(x, 64, { kind: 'rms', eps: 1e-6, silu: true }))).toBeLessThan(TOLERANCE[dtype])
    })
  })
})

it.runIf(gpu.facts.f16)('converts between dtypes, and clamps f16 results', async () => {
  const x = randomValues(1, 6 * 48, 100)
  const weight = new Float32Array(48).fill(1e5)
  await withScope(gpu, async (scope) => {
    const half = norm(scope, scope.upload(x, [6, 48], 'f32'), { kind: 'rms', eps: 1e-6, dtype: 'f16' })
    expect(half.dtype).toBe('f16')
    expect(relativeError(await gpu.read(half), normReference(x, 48, { kind: 'rms', eps: 1e-6 }))).toBeLessThan(TOLERANCE.f16)
    const wide = norm(scope, scope.upload(x, [6, 48], 'f16'), { kind: 'rms', eps: 1e-6, dtype: 'f32' })
    expect(relativeError(await gpu.read(wide), normReference(asHalf(x), 48, { kind: 'rms', eps: 1e-6 }))).toBeLessThan(TOLERANCE.f32)
    const o = { kind: 'rms', eps: 1e-6, dtype: 'f16', weight: scope.upload(weight, [48], 'f32') } as const
    const clamped = await gpu.read(norm(scope, scope.upload(x, [6, 48], 'f32'), o))
    expect(Math.max(...clamped)).toBe(65504)
    expect(Math.min(...clamped)).toBe(-65504)
  })
})

describe.runIf(gpu.facts.dot4).each(variants)('norm with quantized activations, $dtype, $lanes', ({ dtype, single }) => {
  const { selector } = gpu
  beforeEach(() => {
    gpu.facts.software = single
    gpu.selector = new KernelSelector(['int8_dp4a'])
  })
  afterEach(() => {
    gpu.selector = selector
  })

  // less than a group; whole groups and one more; one lane's share and several
  it.each([
    [9, 12],
    [67, 48],
    [19, 160],
    [11, 2048],
  ])('quantizes [%i, %i]', async (rows, size) => {
    const input = randomValues(41, rows * size, 3)
    input.fill(0, size, 2 * size)
    for (let i = 2 * size; i < 3 * size; i += 17) input[i] = i % 2 ? 60000 : -60000
    const values = dtype === 'f16' ? asHalf(input) : input
    const [out, slots] = [20, 6]
    const table = randomValues(42, 2 * slots * size)
    const rowOf = Uint32Array.from({ length: rows }, (_, row) => row % 2)
    const chosen = (slot: number): Float32Array =>
      Float32Array.from({ length: rows * size }, (_, i) => table[((rowOf[Math.floor(i / size)] as number) * slots + slot) * size + (i % size)] as number)
    await withScope(gpu, async (scope) => {
      const weight = uploadLinear(scope, { values: randomValues(43, out * size), out, in: size }, 'i8')
      const modulation = { table: scope.upload(table, [2, slots, size], 'f32'), rowOf: scope.upload(rowOf, [rows], 'u32'), scale: 4, shift: 3 }
      const quantized = normFor(scope, scope.upload(values, [rows, size], dtype), weight, { kind: 'rms', eps: 1e-6, modulation })
      if (!('q' in quantized)) throw new Error('Expected quantized activations, got floats.')
      expect(quantized).toMatchObject({ shape: [rows, size], dtype })
      const { q, scale, values: dequantized } = await readQuantizedActivations(gpu, quantized, size)
      const expected = normReference(values, size, { kind: 'rms', eps: 1e-6, scale: chosen(4), shift: chosen(3) })
      const groups = Math.ceil(size / 32)
      expected.forEach((value, i) => {
        const step = scale[Math.floor(i / size) * groups + Math.floor((i % size) / 32)] as number
        expect(Math.abs((dequantized[i] as number) - value)).toBeLessThanOrEqual(0.51 * step + 1e-5 * Math.abs(value))
      })
      expect(Math.max(...q), 'the maximum of a group').toBe(127)
      for (let row = 0; row < rows; row++) expect(q.subarray(row * groups * 32 + size, (row + 1) * groups * 32).every((value) => value === 0)).toBe(true)
      const y = linear(scope, quantized, weight)
      expect(y).toMatchObject({ shape: [rows, out], dtype })
    })
    expect(gpu.pool.liveBuffers).toBe(0)
  })

  it('returns floats for layers that multiply floats, few rows and odd widths', async () => {
    await withScope(gpu, async (scope) => {
      for (const [format, rows, size] of [
        ['f16', 17, 64],
        ['i8', 8, 64],
        ['i8', 17, 63],
      ] as const) {
        const weight = uploadLinear(scope, { values: randomValues(44, 9 * size), out: 9, in: size }, format)
        const x = scope.upload(randomValues(45, rows * size), [rows, size], dtype)
        const y = normFor(scope, x, weight, { kind: 'rms', eps: 1e-6 })
        if ('q' in y) throw new Error('Expected floats, got quantized activations.')
        expect(await gpu.read(y)).toEqual(await gpu.read(norm(scope, x, { kind: 'rms', eps: 1e-6 })))
      }
    })
  })
})

it('supports more workgroups than one grid dimension', async () => {
  const rows = 64 * 65535 + 40 // 64 rows of one item a workgroup
  gpu.queue.rate = 1e9 // all in one dispatch
  const x = randomValues(1, rows)
  await withScope(gpu, async (scope) => {
    const got = await gpu.read(norm(scope, scope.upload(x, [rows, 1], 'f32'), { kind: 'rms', eps: 1e-6 }))
    expect(relativeError(got, normReference(x, 1, { kind: 'rms', eps: 1e-6 }))).toBeLessThan(TOLERANCE.f32)
  })
})

it('rejects vectors and tables that do not fit', async () => {
  await withScope(gpu, async (scope) => {
    const x = scope.alloc([4, 48])
    const table = scope.alloc([2, 6, 48])
    const rowOf = scope.alloc([4], 'u32')
    expect(() => norm(scope, x, { kind: 'rms', eps: 0, weight: scope.alloc([47]) })).toThrow('norm: expected weight f32 [48], got f32 [47]')
    expect(() => norm(scope, x, { kind: 'rms', eps: 0, modulation: { table, rowOf, scale: 6, shift: 0 } })).toThrow('norm: expected scale table')
    expect(() => norm(scope, x, { kind: 'rms', eps: 0, modulation: { table, rowOf: scope.alloc([3], 'u32'), scale: 1, shift: 0 } })).toThrow('rowOf u32 [4]')
    await gpu.settle()
  })
})
