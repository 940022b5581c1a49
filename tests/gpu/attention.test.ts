import { describe, expect, it } from 'vitest'
import { attention, attentionKernel, attentionVariants, type AttentionVariant } from '../../workers/ops/attention'
import { withScope } from '../../workers/engine/scope'
import type { FloatDType } from '../../workers/engine/tensor'
import { floatTypes, testGpu } from './open-gpu'
import { asHalf, attentionReference, randomSource, randomValues, relativeError, type AttentionCase as Case } from './reference'

function inputs(c: Case, dtype: FloatDType, spread = { q: 1, k: 1, v: 1 }): { q: Float32Array; k: Float32Array; v: Float32Array } {
  const width = c.heads * c.size
  const rounded = (values: Float32Array): Float32Array => (dtype === 'f16' ? asHalf(values) : values)
  return {
    q: rounded(randomValues(1, c.batch * c.queries * width, spread.q)),
    k: rounded(randomValues(2, c.batch * c.keys * width, spread.k)),
    v: rounded(randomValues(3, c.batch * c.keys * width, spread.v)),
  }
}

async function run(
  c: Case,
  dtype: FloatDType,
  values: { q: Float32Array; k: Float32Array; v: Float32Array },
  mask?: Uint32Array<ArrayBuffer>,
  bias?: Float32Array,
  variant?: AttentionVariant,
): Promise<Float32Array> {
  const gpu = await testGpu()
  return withScope(gpu, async (scope) => {
    const width = c.heads * c.size
    const q = scope.upload(values.q, [c.batch, c.queries, width], dtype)
    const k = scope.upload(values.k, [c.batch, c.keys, width], dtype)
    const v = scope.upload(values.v, [c.batch, c.keys, width], dtype)
    const maskTensor = mask && scope.upload(mask, [c.batch, c.keys], 'u32')
    const distanceBias = bias && scope.upload(bias, [c.heads, c.queries + c.keys - 1], 'f32')
    return gpu.read(attention(scope, q, k, v, { heads: c.heads, scale: c.scale, mask: maskTensor, distanceBias, variant }))
  })
}

function randomMask(c: Case, share: number): Uint32Array<ArrayBuffer> {
  const next = randomSource(4)
  return Uint32Array.from({ length: c.batch * c.keys }, () => (next() < share ? 1 : 0))
}

const TOLERANCE: Record<FloatDType, number> = { f32: 2e-6, f16: 1e-3 }

// every size is a pipeline to compile, and software adapters take seconds for one
const shapes: Record<FloatDType, Case[]> = {
  f32: [
    { batch: 1, queries: 1, keys: 1, heads: 1, size: 4 },
    { batch: 1, queries: 65, keys: 19, heads: 3, size: 20, scale: 0.3 },
    { batch: 2, queries: 67, keys: 67, heads: 3, size: 48 },
    { batch: 1, queries: 129, keys: 131, heads: 2, size: 64 },
    { batch: 2, queries: 31, keys: 40, heads: 1, size: 100 },
    { batch: 1, queries: 33, keys: 71, heads: 2, size: 128 },
  ],
  f16: [
    { batch: 2, queries: 67, keys: 67, heads: 3, size: 48 },
    { batch: 1, queries: 33, keys: 71, heads: 2, size: 128 },
  ],
}

const biased: Record<FloatDType, (Case & { masked: boolean })[]> = {
  f32: [
    { batch: 1, queries: 1, keys: 1, heads: 2, size: 20, scale: 1, masked: false },
    { batch: 1, queries: 149, keys: 149, heads: 3, size: 20, scale: 1, masked: false },
    { batch: 2, queries: 37, keys: 53, heads: 2, size: 64, scale: 0.4, masked: true },
  ],
  f16: [{ batch: 2, queries: 37, keys: 53, heads: 2, size: 64, scale: 0.4, masked: true }],
}

const gpu = await testGpu()
const dtypes = await floatTypes()

/** whether the adapter supports this head size: larger heads need more workgroup memory in some variants */
const supports = (dtype: FloatDType, variant: AttentionVariant, { size }: Case): boolean => attentionVariants(gpu.facts, size, dtype).includes(variant)
/** all variants that support small heads */
const kernels = dtypes.flatMap((dtype) => attentionVariants(gpu.facts, 4, dtype).map((variant) => [dtype, variant] as const))

describe.each(kernels)('attention %s, %s', (dtype, variant) => {
  it.each(shapes[dtype].filter((c) => supports(dtype, variant, c)))(
    'matches two-pass softmax at $batch × $queries × $keys, $heads heads of $size',
    async (c) => {
      const values = inputs(c, dtype)
      const got = await run(c, dtype, values, undefined, undefined, variant)
      expect(relativeError(got, attentionReference(c, values.q, values.k, values.v))).toBeLessThan(TOLERANCE[dtype])
    },
  )

  it('ignores masked keys', async () => {
    const c: Case = { batch: 2, queries: 37, keys: 83, heads: 2, size: 48 }
    const values = inputs(c, dtype)
    const mask = randomMask(c, 0.3)
    const width = c.heads * c.size
    // values at masked keys do not affect the result
    for (let m = 0; m < c.batch * c.keys; m++) {
      if (mask[m] === 0) for (const side of [values.k, values.v]) side.fill(60000, m * width, (m + 1) * width)
    }
    const got = await run(c, dtype, values, mask, undefined, variant)
    expect(relativeError(got, attentionReference(c, values.q, values.k, values.v, mask))).toBeLessThan(TOLERANCE[dtype])
  })

  it.each(biased[dtype])('adds a bias by distance at $batch × $queries × $keys, $heads heads of $size, masked: $masked', async ({ masked, ...c }) => {
    const values = inputs(c, dtype)
    const bias = randomValues(5, c.heads * (c.queries + c.keys - 1), 3)
    const mask = masked ? randomMask(c, 0.6) : undefined
    const got = await run(c, dtype, values, mask, bias, variant)
    expect(relativeError(got, attentionReference(c, values.q, values.k, values.v, mask, bias))).toBeLessThan(TOLERANCE[dtype])
  })

  it('returns 0 where all keys are masked, and skips masked tiles', async () => {
    const c: Case = { batch: 2, queries: 5, keys: 101, heads: 2, size: 48 }
    const values = inputs(c, dtype)
    const mask = new Uint32Array(c.batch * c.keys)
    mask[c.keys + 97] = 1 // the last tile has masked keys after it, too
    const got = await run(c, dtype, values, mask, undefined, variant)
    expect([...got.slice(0, got.length / 2)].every((value) => value === 0)).toBe(true)
    expect(relativeError(got, attentionReference(c, values.q, values.k, values.v, mask))).toBeLessThan(TOLERANCE[dtype])
  })

  it('stays finite with scores of ±10⁴ and values of ±60 000', async () => {
    const c: Case = { batch: 1, queries: 40, keys: 70, heads: 1, size: 48, scale: 1 }
    const values = inputs(c, dtype, { q: 40, k: 40, v: 1 })
    values.v = values.v.map((value) => Math.sign(value) * 60000)
    const reference = attentionReference(c, values.q, values.k, values.v)
    const got = await run(c, dtype, values, undefined, undefined, variant)
    // such a softmax is nearly one-hot, and a score of 10⁴ holds 3 decimals in f32
    expect(relativeError(got, reference)).toBeLessThan(5e-3)
  })
})

it('splits work that is over the submit budget', async () => {
  const c: Case = { batch: 2, queries: 150, keys: 90, heads: 3, size: 48 }
  const values = inputs(c, 'f32')
  const { rate } = gpu.queue
  gpu.queue.rate = 100 // a budget of 6000 operations: a workgroup a dispatch
  try {
    const got = await run(c, 'f32', values)
    expect(relativeError(got, attentionReference(c, values.q, values.k, values.v))).toBeLessThan(TOLERANCE.f32)
  } finally {
    gpu.queue.rate = rate
  }
})

it('rejects wrong shapes and names the expected ones', async () => {
  await withScope(gpu, async (scope) => {
    const q = scope.alloc([1, 3, 96])
    const k = scope.alloc([1, 5, 96])
    expect(() => attention(scope, q, k, k, { heads: 5 })).toThrow('attention: expected q [B, N, 5·d]')
    expect(() => attention(scope, q, k, scope.alloc([1, 4, 96]), { heads: 2 })).toThrow('attention: expected v f32 [1, 5, 96], got f32 [1, 4, 96]')
    expect(() => attention(scope, q, k, k, { heads: 2, mask: scope.alloc([1, 4], 'u32') })).toThrow('attention: expected mask u32 [1, 5]')
    const large = scope.alloc([1, 3, 128])
    // 39 KB
    if (gpu.facts.workgroupBytes < 39000) {
      expect(() => attention(scope, large, large, large, { heads: 1, variant: 'tiled_resident_q' })).toThrow(
        /^attention: tiled_resident_q with d = 128 needs \d+ bytes of workgroup memory/,
      )
    }
    const bias = scope.alloc([2, 8])
    expect(() => attention(scope, q, k, k, { heads: 2, distanceBias: bias })).toThrow('attention: expected distanceBias f32 [2, 7], got f32 [2, 8]')
    await gpu.settle()
  })
})

it("lists the variants that fit into workgroup memory, the fixed table's first", () => {
  const software = { ...gpu.facts, software: true, workgroupBytes: 32768 }
  expect(attentionVariants(software, 48, 'f32')).toEqual(['no_smem', 'tiled_resident_q', 'tiled', 'tiled_128'])
  expect(attentionVariants(software, 128, 'f16')).toEqual(['no_smem', 'tiled', 'tiled_128'])
  const small = { ...software, software: false, workgroupBytes: 16384 }
  expect(attentionVariants(small, 64, 'f32')).toEqual(['tiled', 'no_smem'])
  expect(attentionVariants(small, 64, 'f16')).toEqual(['tiled', 'tiled_128', 'no_smem'])
  for (let size = 4; size <= 128; size += 4) expect(attentionVariants(small, size, 'f32')[0], `d = ${size}`).toBe('tiled')
})

it("names the fixed table's kernel", () => {
  const facts = { ...gpu.facts, software: true, workgroupBytes: 32768 }
  expect(attentionKernel(facts, 48, 'f32')).toBe('attention-f32-d48-64x64-no_smem')
  expect(attentionKernel(facts, 128, 'f16')).toBe('attention-f16-d128-64x64-no_smem')
  expect(attentionKernel({ ...facts, software: false }, 48, 'f32')).toBe('attention-f32-d48-64x16-tiled')
  expect(attentionKernel({ ...facts, software: false }, 128, 'f16')).toBe('attention-f16-d128-32x32-tiled')
})
