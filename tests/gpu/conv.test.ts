import { expect, test } from 'vitest'
import { withScope } from '../../workers/engine/scope'
import type { FloatDType } from '../../workers/engine/tensor'
import { conv, convVariant, uploadConv, uploadConvPieces, type ConvOptions, type ConvVariant, type ConvWeight } from '../../workers/ops/conv'
import { floatTypes, testGpu } from './open-gpu'
import { asHalf, randomValues, relativeError, siluReference } from './reference'

type Size4 = readonly [number, number, number, number]
type Options = Omit<ConvOptions, 'addTo' | 'dtype' | 'variant'>

/** Direct convolution, channels last, in double precision: [F', H', W', O] and its shape. */
function convReference(x: Float32Array, [F, H, W, C]: Size4, w: Float32Array, shape: readonly number[], bias: Float32Array | undefined, o: Options) {
  const [O = 0, I = 0, kt = 0, kh = 0, kw = 0] = shape.length === 4 ? [shape[0], shape[1], 1, shape[2], shape[3]] : shape
  const [st, sh, sw] = o.stride ?? [1, 1, 1]
  const before = o.time === 'valid' ? 0 : o.time === 'both' ? (kt - 1) >> 1 : kt - 1
  const after = o.time === 'both' ? (kt - 1) >> 1 : 0
  const [py, px] = [(kh - 1) >> 1, (kw - 1) >> 1]
  const frames = Math.floor((F + before + after - kt) / st) + 1
  const height = Math.floor((H + 2 * py - kh) / sh) + 1
  const width = Math.floor((W + 2 * px - kw) / sw) + 1
  const mirror = (i: number, n: number) => (i < 0 ? -i : i >= n ? 2 * (n - 1) - i : i)
  const y = new Float32Array(frames * height * width * O)
  let at = 0
  for (let f = 0; f < frames; f++)
    for (let r = 0; r < height; r++)
      for (let s = 0; s < width; s++)
        for (let out = 0; out < O; out++) {
          let sum = bias?.[out] ?? 0
          for (let t = 0; t < kt; t++)
            for (let a = 0; a < kh; a++)
              for (let b = 0; b < kw; b++) {
                const z = Math.min(F - 1, Math.max(0, f * st + t - before))
                let [iy, ix] = [r * sh + a - py, s * sw + b - px]
                if (o.padSpace === 'reflect') [iy, ix] = [mirror(iy, H), mirror(ix, W)]
                if (iy < 0 || iy >= H || ix < 0 || ix >= W) continue
                for (let c = 0; c < C; c++) {
                  const weight = w[(((out * I + c) * kt + t) * kh + a) * kw + b] as number
                  sum += weight * (x[((z * H + iy) * W + ix) * C + c] as number)
                }
              }
          y[at++] = o.activation === 'silu' ? siluReference(sum) : sum
        }
  return { y, shape: [frames, height, width, O] }
}

interface Case {
  name: string
  x: Size4
  w: readonly number[]
  bias?: boolean
  residual?: boolean
  options?: Options
  /** output channels in a binding */
  shardOuts?: number
  /** tested in every dtype and variant */
  varied?: boolean
}

const cases: Case[] = [
  { name: '2D 3×3, three channels to twelve', x: [2, 7, 9, 3], w: [12, 3, 3, 3], bias: true },
  { name: '2D 3×3, 48 to 48, silu and residual', x: [1, 6, 5, 48], w: [48, 48, 3, 3], bias: true, residual: true, options: { activation: 'silu' } },
  { name: '2D 3×3, odd channels both ways, residual', x: [1, 5, 4, 7], w: [5, 7, 3, 3], bias: true, residual: true, varied: true },
  { name: '2D 1×1, 20 to 76, more rows and channels than a workgroup', x: [1, 17, 19, 20], w: [76, 20, 1, 1], bias: true, varied: true },
  { name: '2D 3×3 reflect', x: [1, 5, 6, 8], w: [8, 8, 3, 3], options: { padSpace: 'reflect' } },
  { name: '2D 3×3 stride 2', x: [2, 7, 8, 4], w: [8, 4, 3, 3], bias: true, options: { stride: [1, 2, 2] } },
  { name: '3D (2,3,3) causal', x: [3, 4, 5, 16], w: [16, 16, 2, 3, 3], bias: true, varied: true },
  { name: '3D 3×3×3 causal', x: [4, 4, 3, 12], w: [20, 12, 3, 3, 3], bias: true, options: { time: 'causal' } },
  { name: '3D 3×3×3 non-causal, reflect', x: [3, 5, 4, 8], w: [12, 8, 3, 3, 3], bias: true, options: { time: 'both', padSpace: 'reflect' } },
  { name: '3D 3×3×3 causal, stride 2 each way', x: [5, 6, 7, 8], w: [8, 8, 3, 3, 3], bias: true, options: { stride: [2, 2, 2] } },
  { name: '3D 3×3×3 without padding in time', x: [4, 3, 4, 8], w: [8, 8, 3, 3, 3], bias: true, residual: true, options: { time: 'valid' } },
  {
    name: '3D 3×3×3, output channels in shards',
    x: [2, 5, 4, 8],
    w: [22, 8, 3, 3, 3],
    bias: true,
    residual: true,
    options: { time: 'both' },
    shardOuts: 8,
    varied: true,
  },
  {
    name: '2D 3×3, whole groups of output channels in shards, silu',
    x: [1, 5, 4, 6],
    w: [16, 6, 3, 3],
    bias: true,
    options: { activation: 'silu' },
    shardOuts: 8,
  },
  { name: '3D on one frame', x: [1, 3, 3, 4], w: [4, 4, 3, 3, 3], options: { time: 'both' } },
]

const TOLERANCE: Record<FloatDType, number> = { f32: 1e-5, f16: 2e-3 }

async function expectAgreement({ x, w, bias, residual, options = {}, shardOuts }: Case, dtype: FloatDType, variant?: ConvVariant): Promise<void> {
  const gpu = await testGpu()
  const round = (values: Float32Array<ArrayBuffer>) => (dtype === 'f16' ? asHalf(values) : values)
  const count = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1)
  const input = round(randomValues(1, count(x)))
  const weight = round(randomValues(2, count(w), 1 / Math.sqrt(count(w.slice(1)))))
  const biases = bias ? randomValues(3, w[0] ?? 0) : undefined
  const expected = convReference(input, x, weight, w, biases, options)
  const added = residual ? randomValues(4, expected.y.length) : undefined
  await withScope(gpu, async (scope) => {
    const addTo = added && scope.upload(added, expected.shape, 'f32') // the residual stream is f32
    const uploaded = uploadConv(scope, weight, w, biases, dtype, shardOuts && shardOuts * count(w.slice(1)))
    expect(uploaded.shards.length).toBe(shardOuts ? Math.ceil((w[0] ?? 0) / shardOuts) : 1)
    const y = conv(scope, scope.upload(input, x, dtype), uploaded, {
      ...options,
      ...(addTo && { addTo }),
      ...(variant && { variant }),
    })
    expect(y.shape).toEqual(expected.shape)
    expect(y.dtype).toBe(dtype)
    expect(
      relativeError(
        await gpu.read(y),
        expected.y.map((v, i) => v + (added?.[i] ?? 0)),
      ),
    ).toBeLessThan(TOLERANCE[dtype])
  })
  expect(gpu.pool.liveBuffers).toBe(0)
}

test.each(cases)('conv in f32: $name', async (one) => expectAgreement(one, 'f32'))

// all dtypes and variants share the code of the borders; loads, stores and tiles differ
const varied = cases.filter(({ varied }) => varied)
const halves = (await floatTypes()).includes('f16')
test.runIf(halves).each(varied)('conv in f16: $name', async (one) => expectAgreement(one, 'f16'))
test.each(varied)('conv in tiles: $name', async (one) => expectAgreement(one, 'f32', 'tile'))
test.each(varied.slice(-2))('conv without subgroups: $name', async (one) => expectAgreement(one, 'f32', 'direct'))

test('selects the variant by adapter', () => {
  const facts = { name: 'some adapter', f16: true, subgroups: true, dot4: true, software: false, workgroupBytes: 16384 }
  expect(convVariant(facts, 64)).toBe('tile')
  expect(convVariant(facts, 12)).toBe('direct')
  expect(convVariant({ ...facts, software: true }, 64)).toBe('direct-subgroups')
  expect(convVariant({ ...facts, software: true, subgroups: false }, 64)).toBe('direct')
})

test.runIf(halves)('adds f16 activations to an f32 stream', async () => {
  const gpu = await testGpu()
  const input = asHalf(randomValues(1, 2 * 4 * 4 * 8))
  const weight = asHalf(randomValues(2, 8 * 8 * 9, 0.1))
  const expected = convReference(input, [2, 4, 4, 8], weight, [8, 8, 3, 3], undefined, {})
  await withScope(gpu, async (scope) => {
    const y = conv(scope, scope.upload(input, [2, 4, 4, 8], 'f16'), uploadConv(scope, weight, [8, 8, 3, 3], undefined, 'f16'), { dtype: 'f32' })
    expect(relativeError(await gpu.read(y), expected.y)).toBeLessThan(1e-5)
  })
})

test.runIf(halves)('clamps f16 stores', async () => {
  const gpu = await testGpu()
  await withScope(gpu, async (scope) => {
    const x = scope.upload(new Float32Array(4).fill(60000), [1, 1, 1, 4], 'f16')
    const w = uploadConv(scope, new Float32Array([1, 1, 1, 1, -1, -1, -1, -1]), [2, 4, 1, 1], undefined, 'f16')
    expect([...(await gpu.read(conv(scope, x, w)))]).toEqual([65504, -65504])
  })
})

test('rejects too few frames without padding', async () => {
  const gpu = await testGpu()
  await withScope(gpu, async (scope) => {
    const weight = uploadConv(scope, new Float32Array(3 * 16), [4, 4, 3, 1, 1], undefined, 'f32')
    const x = scope.upload(new Float32Array(8), [2, 1, 1, 4], 'f32')
    expect(() => conv(scope, x, weight, { time: 'valid' })).toThrow(/at least 3 frames/)
  })
})

test('splits the work into short dispatches on a slow device, with the same result', async () => {
  const gpu = await testGpu()
  const [x, w] = [randomValues(1, 3 * 12 * 15 * 8), randomValues(2, 8 * 8 * 9, 0.1)]
  await withScope(gpu, async (scope) => {
    const input = scope.upload(x, [3, 12, 15, 8], 'f32')
    const weight = uploadConv(scope, w, [8, 8, 3, 3], undefined, 'f32')
    const whole = await gpu.read(conv(scope, input, weight))
    const rate = gpu.queue.rate
    gpu.queue.rate = 1
    const parts = conv(scope, input, weight)
    gpu.queue.rate = rate
    expect(await gpu.read(parts)).toEqual(whole)
  })
})

test('rejects wrong shapes and names the expected ones', async () => {
  const gpu = await testGpu()
  await withScope(gpu, async (scope) => {
    const weight = uploadConv(scope, new Float32Array(4), [1, 4, 1, 1], undefined, 'f32')
    expect(() => conv(scope, scope.alloc([1, 2, 2, 3]), weight)).toThrow(/expected x \[F, H, W, 4\], got \[1, 2, 2, 3\]/)
    expect(() => conv(scope, scope.alloc([1, 2, 2, 4]), weight, { addTo: scope.alloc([1, 2, 2, 4]) })).toThrow(/expected addTo \[1, 2, 2, 1\]/)
    expect(() => uploadConv(scope, new Float32Array(5), [1, 4, 1, 1], undefined, 'f32')).toThrow(/got \[1, 4, 1, 1\] and 5 values/)
  })
})

test('makes the same shards of weights in pieces of any size as of all weights at once', async () => {
  const gpu = await testGpu()
  const shape = [22, 6, 2, 1, 3]
  const perOut = 6 * 2 * 3
  const weight = randomValues(5, 22 * perOut)
  const bias = randomValues(6, 22)
  async function* inPieces(sizes: readonly number[]) {
    let first = 0
    for (const size of sizes) {
      yield { first, values: weight.slice(first * perOut, (first + size) * perOut) }
      first += size
    }
  }
  await withScope(gpu, async (scope) => {
    const bytes = async ({ shards, bias: biases }: ConvWeight) => {
      const all = []
      for (const { from, out, data } of shards) all.push({ from, out, values: [...(await gpu.read(data))] })
      return { all, biases: [...(await gpu.read(biases))] }
    }
    const expected = await bytes(uploadConv(scope, weight, shape, bias, 'f32', 8 * perOut))
    expect(expected.all.map(({ out }) => out)).toEqual([8, 8, 6])
    for (const sizes of [[1, 6, 9, 6], [22], [8, 8, 6], Array<number>(22).fill(1)]) {
      expect(await bytes(await uploadConvPieces(scope, inPieces(sizes), shape, bias, 'f32', 8 * perOut))).toEqual(expected)
    }
    await expect(uploadConvPieces(scope, inPieces([8, 8]), shape, bias, 'f32')).rejects.toThrow('expected 22 output channels, got 16')
    await expect(uploadConvPieces(scope, inPieces([8, 14]), [20, 6, 2, 1, 3], undefined, 'f32')).rejects.toThrow(
      'expected output channels from 8 to 20, got 8 to 22.',
    )
  })
  expect(gpu.pool.liveBuffers).toBe(0)
})
