import { expect, test } from 'vitest'
import { withScope } from '../../workers/engine/scope'
import { quantizeActivations } from '../../workers/ops/quantize-activations'
import { floatTypes, testGpu } from './open-gpu'
import { asHalf, randomValues, readQuantizedActivations } from './reference'

const gpu = await testGpu()

/** The nearest integer, ties to even. */
function nearest(value: number): number {
  const below = Math.floor(value)
  const rest = value - below
  return rest > 0.5 || (rest === 0.5 && below % 2 !== 0) ? below + 1 : below
}

/** Int8 values [rows, groups · 32] and scales [rows, groups] by the formula, in f32. */
function reference(x: Float32Array, rows: number, inner: number): { q: Int8Array; scale: Float32Array } {
  const groups = Math.ceil(inner / 32)
  const q = new Int8Array(rows * groups * 32)
  const scale = new Float32Array(rows * groups)
  for (let row = 0; row < rows; row++) {
    for (let g = 0; g < groups; g++) {
      const values = x.subarray(row * inner + g * 32, row * inner + Math.min(g * 32 + 32, inner))
      const largest = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
      if (largest < Math.fround(1e-30)) continue
      scale[row * groups + g] = largest / 127
      values.forEach((value, i) => (q[(row * groups + g) * 32 + i] = nearest(Math.fround(value * Math.fround(127 / largest)))))
    }
  }
  return { q, scale }
}

/** Random activations with groups of zeros, outliers, and groups so small that a reciprocal would be infinite. */
function activations(rows: number, inner: number): Float32Array<ArrayBuffer> {
  const x = randomValues(rows + inner, rows * inner)
  for (let row = 0; row < rows; row++) {
    const values = x.subarray(row * inner, (row + 1) * inner)
    if (row % 5 === 1) values.subarray(0, 32).fill(0)
    if (row % 5 === 2) values[inner - 1] = row % 2 ? 60000 : -60000
    if (row % 5 === 3) values.set(values.map((value) => value * 1e-38))
    if (row % 5 === 4) values.set(values.map((value) => value * 1e-20))
  }
  return x
}

test.each([
  [1, 1],
  [5, 32],
  [10, 67],
  [33, 100],
  [7, 256],
] as const)('quantizes %i rows of %i', async (rows, inner) => {
  for (const dtype of await floatTypes()) {
    const x = activations(rows, inner)
    const expected = reference(dtype === 'f16' ? asHalf(x) : x, rows, inner)
    await withScope(gpu, async (scope) => {
      const quantized = quantizeActivations(scope, scope.upload(x, [rows, inner], dtype))
      expect(quantized.q).toMatchObject({ dtype: 'i8', shape: [rows, Math.ceil(inner / 32) * 32] })
      const { q, scale } = await readQuantizedActivations(gpu, quantized, inner)
      scale.forEach((value, i) => expect(Math.abs(value - (expected.scale[i] as number))).toBeLessThanOrEqual((expected.scale[i] as number) * 1e-6))
      // division may be off in the last places: a value in the middle of two integers may round to the other one
      expect(Math.max(...q.map((value, i) => Math.abs(value - (expected.q[i] as number))))).toBeLessThanOrEqual(1)
      expect(q.filter((value, i) => value !== expected.q[i]).length).toBeLessThanOrEqual(q.length / 500)
    })
  }
  expect(gpu.pool.liveBuffers).toBe(0)
})

test('splits work over the budget, with the same result', async () => {
  const [rows, inner] = [50, 160]
  const x = activations(rows, inner)
  const { rate } = gpu.queue
  await withScope(gpu, async (scope) => {
    gpu.queue.rate = 1
    const { q } = await readQuantizedActivations(gpu, quantizeActivations(scope, scope.upload(x, [1, rows, inner], 'f32')), inner)
    gpu.queue.rate = rate
    const whole = await readQuantizedActivations(gpu, quantizeActivations(scope, scope.upload(x, [1, rows, inner], 'f32')), inner)
    expect(q).toEqual(whole.q)
  })
})

test('returns an empty result for no rows', async () => {
  await withScope(gpu, async (scope) => {
    expect(quantizeActivations(scope, scope.alloc([0, 40])).q.shape).toEqual([0, 64])
    await gpu.settle()
  })
})
