// Checks for every adapter profile: kernels and models agree with plain references, also with outliers of ±60 000.
import { join } from 'node:path'
import * as v from 'valibot'
import { describe, expect, test } from 'vitest'
import { Gpu } from '../../workers/engine/device'
import { withScope } from '../../workers/engine/scope'
import type { FloatDType } from '../../workers/engine/tensor'
import { coordinateFractions, ropeAngles } from '../../workers/models/ltx/rope'
import { LtxTransformer, LtxTransformerConfigSchema } from '../../workers/models/ltx/transformer'
import { attention } from '../../workers/ops/attention'
import { gelu, silu } from '../../workers/ops/elementwise'
import { linear, uploadLinear, type WeightFormat } from '../../workers/ops/linear'
import { dequantize, quantizeI4, quantizeI8 } from '../../workers/ops/linear-weight'
import { norm } from '../../workers/ops/norm'
import { normRope } from '../../workers/ops/rope'
import { ltxReference } from '../gpu/ltx-reference'
import { poisoned, testGpu } from '../gpu/open-gpu'
import {
  asHalf,
  attentionReference,
  geluReference,
  linearReference,
  normReference,
  normRopeReference,
  randomValues,
  relativeError,
  siluReference,
} from '../gpu/reference'
import { need, readCase, readWeights } from '../parity/read-case'
import { runCase } from '../parity/run-case'
import type { Precision } from '../parity/read-case'
import { transformerOptions } from '../parity/run-transformer'
import { ADAPTER_PROFILES, usualVectors, requestedProfile } from './adapter-profiles'

const profile = requestedProfile() ?? (ADAPTER_PROFILES[0] as (typeof ADAPTER_PROFILES)[number])
const gpu = await testGpu()
/** the same device with the facts of a GPU, so that kernels for GPUs run here, too */
const hardware = poisoned(new Gpu(gpu.device, { ...gpu.facts, software: false }))
const kinds = [
  ['this adapter', gpu],
  ['a GPU', hardware],
] as const
// another vector width recompiles all kernels: test one dtype and one weight format there
const dtypes: FloatDType[] = gpu.facts.f16 && usualVectors(profile) ? ['f32', 'f16'] : ['f32']
const formats: WeightFormat[] = usualVectors(profile) ? ['f32', 'f16', 'i8', 'i4'] : ['i8']
const OUTLIER = 60000
const LARGEST_HALF = 65504

/** Normal values with outliers of ±60 000, rounded to this dtype. */
function withOutliers(seed: number, count: number, dtype: FloatDType): Float32Array<ArrayBuffer> {
  const values = randomValues(seed, count)
  for (let i = 5; i < count; i += 17) values[i] = i % 2 ? -OUTLIER : OUTLIER
  return dtype === 'f16' ? asHalf(values) : values
}

const SUBGROUP_SIZE = `
@group(0) @binding(0) var<uniform> unused: vec4u;
@group(0) @binding(1) var<storage, read_write> sizes: array<u32>;
@compute @workgroup_size(64) fn main(@builtin(subgroup_size) size: u32, @builtin(local_invocation_index) lane: u32) {
  sizes[lane] = size + unused.x;
}`

describe('the adapter', () => {
  test('has the features of the profile', async () => {
    const { features, limits } = gpu.device
    for (const feature of profile.without) if (feature !== 'limits') expect(features.has(feature)).toBe(false)
    expect(gpu.facts).toMatchObject({
      f16: features.has('shader-f16'),
      subgroups: features.has('subgroups'),
      workgroupBytes: limits.maxComputeWorkgroupStorageSize,
    })
    if (profile.without.includes('limits')) {
      expect(limits).toMatchObject({ maxStorageBufferBindingSize: 128 * 2 ** 20, maxBufferSize: 256 * 2 ** 20, maxComputeWorkgroupStorageSize: 16384 })
    }
  })

  const { vectorBits } = profile
  if (vectorBits)
    test("has subgroups of the profile's size", async () => {
      await withScope(gpu, async (scope) => {
        const sizes = scope.alloc([64], 'u32')
        const kernel = gpu.kernels.get({ name: 'subgroup_size', code: SUBGROUP_SIZE }, { SUBGROUPS: true })
        gpu.queue.dispatch({ kernel, tensors: [sizes], uniforms: [{ u32: 0 }], workgroups: [1], flops: 64 })
        expect([...new Uint32Array(await gpu.readBytes(sizes))]).toEqual(Array<number>(64).fill(vectorBits / 32))
      })
    })
})

describe.each(kinds)('kernels for %s', (_, on) => {
  describe.each(dtypes)('in %s', (dtype) => {
    test('attention matches the reference', async () => {
      const c = { batch: 2, queries: 37, keys: 71, heads: 2, size: 48 }
      const width = c.heads * c.size
      const rounded = (values: Float32Array) => (dtype === 'f16' ? asHalf(values) : values)
      for (const outliers of [false, true]) {
        // scores of ±10⁴ are nearly one-hot, and hold 3 decimals in f32
        const q = rounded(randomValues(1, c.batch * c.queries * width, outliers ? 40 : 1))
        const k = rounded(randomValues(2, c.batch * c.keys * width, outliers ? 40 : 1))
        const values = outliers ? withOutliers(3, c.batch * c.keys * width, dtype) : rounded(randomValues(3, c.batch * c.keys * width))
        await withScope(on, async (scope) => {
          const keysOf = (side: Float32Array) => scope.upload(side, [c.batch, c.keys, width], dtype)
          const got = await on.read(attention(scope, scope.upload(q, [c.batch, c.queries, width], dtype), keysOf(k), keysOf(values), { heads: c.heads }))
          expect(relativeError(got, attentionReference(c, q, k, values))).toBeLessThan(outliers ? 5e-3 : dtype === 'f16' ? 1e-3 : 2e-6)
        })
      }
    })

    test.each(formats)('linear layers match the reference with %s weights, for few and many rows', async (format) => {
      const [inner, out] = [68, 44]
      const values = randomValues(4, out * inner, 0.02)
      const bias = randomValues(5, out)
      for (const rows of [3, 37]) {
        const x = withOutliers(6, rows * inner, dtype)
        await withScope(on, async (scope) => {
          const weight = uploadLinear(scope, { values, out, in: inner, bias }, format)
          const got = await on.read(linear(scope, scope.upload(x, [rows, inner], dtype), weight))
          const sums = linearReference(x, roundTrip(values, out, inner, format), bias, rows, inner, out)
          const expected = dtype === 'f16' ? sums.map((sum) => Math.max(-LARGEST_HALF, Math.min(LARGEST_HALF, sum))) : sums
          expect(relativeError(got, expected)).toBeLessThan(dtype === 'f16' ? 5e-4 : 2e-6)
        })
      }
    })

    test('norms match the reference with some and with only outliers', async () => {
      const [rows, size] = [19, 260]
      const plain = withOutliers(7, rows * size, dtype)
      const flat = plain.map((value) => Math.sign(value) * OUTLIER)
      for (const x of [plain, flat]) {
        await withScope(on, async (scope) => {
          const got = await on.read(norm(scope, scope.upload(x, [rows, size], dtype), { kind: 'rms', eps: 1e-6 }))
          expect(relativeError(got, normReference(x, size, { kind: 'rms', eps: 1e-6 }))).toBeLessThan(dtype === 'f16' ? 5e-4 : 2e-6)
        })
      }
    })

    test('norm and rotation match the reference', async () => {
      const [rows, size] = [19, 96]
      const x = withOutliers(8, rows * size, dtype)
      const weight = randomValues(9, size)
      const angles = randomValues(10, (rows * size) / 2, 100)
      const rope = { cos: angles.map(Math.cos), sin: angles.map(Math.sin), positions: rows }
      await withScope(on, async (scope) => {
        const table = (values: Float32Array) => scope.upload(values, [rows, size / 2], 'f32')
        const got = await on.read(
          normRope(scope, scope.upload(x, [rows, size], dtype), {
            weight: scope.upload(weight, [size], 'f32'),
            rope: { cos: table(rope.cos), sin: table(rope.sin), positions: rows },
          }),
        )
        expect(relativeError(got, normRopeReference(x, size, { weight, eps: 1e-5, rope }))).toBeLessThan(dtype === 'f16' ? 5e-4 : 2e-6)
      })
    })

    test('elementwise functions match the reference', async () => {
      const x = withOutliers(11, 1113, dtype)
      await withScope(on, async (scope) => {
        for (const [op, reference] of [
          [silu, siluReference],
          [gelu, geluReference],
        ] as const) {
          const got = await on.read(op(scope, scope.upload(x, [1113], dtype)))
          const expected = x.map(reference)
          expect(relativeError(got, expected)).toBeLessThan(dtype === 'f16' ? 5e-4 : 1e-6)
          // the outliers dominate the error: check the others separately
          const withoutOutliers = (values: Float32Array) => values.map((value, i) => (Math.abs(x[i] as number) > 100 ? 0 : value))
          expect(relativeError(withoutOutliers(got), withoutOutliers(expected))).toBeLessThan(dtype === 'f16' ? 5e-4 : 1e-6)
        }
      })
    })
  })
})

describe('a whole transformer', () => {
  const parityCase = readCase('tests/parity/ltx_transformer_coords') // 2 blocks, 4 heads of 16, two clips, padded text
  const config = v.parse(LtxTransformerConfigSchema, parityCase.config)
  const weights = readWeights(parityCase.folder)
  const input = (name: string) => need(parityCase, name)
  const tokens = input('hidden_states')
  const [batch = 0] = tokens.shape
  const mask = Uint32Array.from(input('encoder_attention_mask').values)
  const coordinates = input('video_coords').values
  const call = {
    config,
    weights,
    batch,
    mask,
    text: input('encoder_hidden_states').values,
    rope: ropeAngles(coordinateFractions(coordinates, batch), config.num_attention_heads * config.attention_head_dim),
    timesteps: input('timestep').values,
  }
  const outliers = withOutliers(12, tokens.values.length, 'f32')

  test('the reference agrees with diffusers', () => {
    const recorded = parityCase.outputs.get('sample')?.values ?? []
    expect(relativeError(ltxReference({ ...call, tokens: tokens.values }), recorded)).toBeLessThan(1e-5)
  })

  const limits: [Precision, number][] = [
    ['f32', 1e-4],
    ['f16', 1e-2],
    ['q8', 5e-2],
    ['q4', 2e-1],
  ]
  test.each(limits.filter(([precision]) => precision === 'f32' || usualVectors(profile)).filter(([precision]) => precision !== 'f16' || gpu.facts.f16))(
    'agrees with the reference on tokens with outliers, in %s',
    async (precision, limit) => {
      await withScope(gpu, async (scope) => {
        const transformer = LtxTransformer.load(scope, parityCase.config, weights, transformerOptions(scope, precision))
        const text = transformer.prepareText(scope, scope.upload(call.text, input('encoder_hidden_states').shape, 'f32'), mask)
        const rope = transformer.prepareCoordinates(scope, coordinates, batch)
        const velocity = await gpu.read(transformer.forward(scope, scope.upload(outliers, tokens.shape, 'f32'), text, rope, call.timesteps))
        expect(velocity.every(Number.isFinite)).toBe(true)
        expect(relativeError(velocity, ltxReference({ ...call, tokens: outliers }))).toBeLessThan(limit)
      })
    },
  )
})

const runs = profile.parity.flatMap(({ cases, precisions }) => cases.flatMap((name) => precisions.map((precision) => [name, precision] as const)))
test.each(runs.filter(([, precision]) => precision !== 'f16' || gpu.facts.f16))('parity: %s %s', async (name, precision) => {
  const { status, error, reason } = await runCase(gpu, join('tests/parity', name), precision)
  expect(status, `${error} ${reason ?? ''}`).toBe('pass')
})

test('frees all GPU memory', () => {
  expect([gpu.pool.liveBuffers, hardware.pool.liveBuffers]).toEqual([0, 0])
})

/** The values after a round trip through the format. */
function roundTrip(values: Float32Array, out: number, inner: number, format: WeightFormat): Float32Array {
  if (format === 'f32') return values
  if (format === 'f16') return asHalf(values)
  return dequantize(format === 'i8' ? quantizeI8(values, out, inner) : quantizeI4(values, out, inner), out, inner)
}
