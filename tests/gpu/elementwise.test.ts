import { describe, expect, test } from 'vitest'
import { withScope } from '../../workers/engine/scope'
import { elementCount, type FloatDType } from '../../workers/engine/tensor'
import { add, affine, cast, gelu, multiply, silu, subtract } from '../../workers/ops/elementwise'
import { floatTypes, testGpu } from './open-gpu'
import { asHalf, geluReference, randomValues, relativeError, siluReference } from './reference'

const tolerance: Record<FloatDType, number> = { f32: 1e-6, f16: 5e-4 }
const dtypes = await floatTypes()
const halves = dtypes.includes('f16')
const shape = [3, 7, 53] // 1113 elements: the last workgroup and the last invocation are partly filled
const count = elementCount(shape)

/** Values with outliers, rounded to this dtype. */
function inputs(seed: number, dtype: FloatDType): Float32Array {
  const values = randomValues(seed, count, 3)
  values.set([60000, -60000, 0, 88, -88, 12, -12], 20)
  return dtype === 'f16' ? asHalf(values) : values
}

describe.each(dtypes)('elementwise, %s', (dtype) => {
  const functions = [
    ['silu', silu, siluReference],
    ['gelu', gelu, geluReference],
  ] as const
  test.each(functions)('%s matches the reference, also for outliers', async (_name, op, reference) => {
    const gpu = await testGpu()
    const values = inputs(1, dtype)
    await withScope(gpu, async (scope) => {
      const y = op(scope, scope.upload(values, shape, dtype))
      expect(y.shape).toEqual(shape)
      expect(y.dtype).toBe(dtype)
      const got = await gpu.read(y)
      const wanted = values.map(reference)
      expect(relativeError(got, wanted)).toBeLessThan(tolerance[dtype])
      // the outliers dominate the error: check the others separately
      expect(relativeError(got.slice(30), wanted.slice(30))).toBeLessThan(tolerance[dtype])
    })
    expect(gpu.pool.liveBuffers).toBe(0)
  })

  test.each([
    ['add', add, 1],
    ['subtract', subtract, -1],
  ] as const)('%s repeats b over the leading dimensions', async (_name, op, sign) => {
    const gpu = await testGpu()
    const values = inputs(2, dtype)
    for (const bShape of [shape, [7, 53], [53], [1]]) {
      const size = elementCount(bShape)
      const b = randomValues(3, size)
      await withScope(gpu, async (scope) => {
        const y = op(scope, scope.upload(values, shape, dtype), scope.upload(b, bShape, 'f32'))
        expect(y.dtype).toBe(dtype)
        const wanted = values.map((v, i) => v + sign * (b[i % size] as number))
        expect(relativeError((await gpu.read(y)).slice(30), wanted.slice(30))).toBeLessThan(tolerance[dtype])
      })
    }
  })

  test('multiply repeats b like add', async () => {
    const gpu = await testGpu()
    const values = randomValues(7, count)
    const input = dtype === 'f16' ? asHalf(values) : values
    for (const bShape of [shape, [53]]) {
      const size = elementCount(bShape)
      const b = randomValues(8, size)
      await withScope(gpu, async (scope) => {
        const y = multiply(scope, scope.upload(input, shape, dtype), scope.upload(b, bShape, 'f32'))
        expect(y.dtype).toBe(dtype)
        expect(
          relativeError(
            await gpu.read(y),
            input.map((v, i) => v * (b[i % size] as number)),
          ),
        ).toBeLessThan(tolerance[dtype])
      })
    }
  })

  test('affine scales and shifts each channel', async () => {
    const gpu = await testGpu()
    const values = randomValues(4, count)
    const table = randomValues(5, 2 * 53)
    const input = dtype === 'f16' ? asHalf(values) : values
    await withScope(gpu, async (scope) => {
      const y = affine(scope, scope.upload(input, shape, dtype), scope.upload(table, [2, 53], 'f32'))
      const wanted = input.map((v, i) => v * (table[i % 53] as number) + (table[53 + (i % 53)] as number))
      expect(relativeError(await gpu.read(y), wanted)).toBeLessThan(tolerance[dtype])
    })
  })
})

test.runIf(halves)('cast rounds to f16 and back without loss, and clamps large values', async () => {
  const gpu = await testGpu()
  const values = inputs(6, 'f32')
  values.set([1e6, -1e9, 65504, 65519], 0)
  const wanted = asHalf(values.map((v) => Math.max(-65504, Math.min(65504, v))))
  await withScope(gpu, async (scope) => {
    const half = cast(scope, scope.upload(values, shape, 'f32'), 'f16')
    expect(half.dtype).toBe('f16')
    // one unit in the last place: the specification leaves the rounding to the driver
    expect(relativeError(await gpu.read(half), wanted)).toBeLessThan(1e-3)
    const got = await gpu.read(half)
    expect([...got.slice(0, 3)]).toEqual([65504, -65504, 65504])
    expect(relativeError(await gpu.read(cast(scope, half, 'f32')), got)).toBe(0)
  })
})

test.runIf(halves)('clamps f16 sums', async () => {
  const gpu = await testGpu()
  await withScope(gpu, async (scope) => {
    const x = scope.upload(Float32Array.of(60000, -60000, 1), [3], 'f16')
    const y = add(scope, x, scope.upload(Float32Array.of(60000, -60000, 1), [3], 'f32'))
    expect([...(await gpu.read(y))]).toEqual([65504, -65504, 2])
  })
})

test('splits work over the budget, with the same result', async () => {
  const gpu = await testGpu()
  const values = inputs(7, 'f32')
  const { rate } = gpu.queue
  try {
    await withScope(gpu, async (scope) => {
      const x = scope.upload(values, shape, 'f32')
      gpu.queue.rate = 1
      const y = silu(scope, x)
      expect(relativeError(await gpu.read(y), values.map(siluReference))).toBeLessThan(tolerance.f32)
    })
  } finally {
    gpu.queue.rate = rate
  }
})

test('rejects operands that do not repeat evenly', async () => {
  const gpu = await testGpu()
  await withScope(gpu, async (scope) => {
    expect(() => add(scope, scope.alloc([2, 6]), scope.alloc([4, 2]))).toThrow('repeat evenly') // 8 does not divide 12
    expect(() => affine(scope, scope.alloc([2, 6]), scope.alloc([2, 5]))).toThrow('repeat evenly')
    await gpu.settle()
  })
})
