import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { withScope, type Scope } from '../../workers/engine/scope'
import { BT709 } from '../../workers/media/yuv'
import { KinoraAutoencoder } from '../../workers/models/starter/autoencoder'
import { readPreview } from '../../workers/models/read-frames'
import { i420Format } from '../../workers/pipeline/frame-format'
import { need, readCase, readWeights } from '../parity/read-case'
import { decodeKinora, encodeKinora } from '../parity/run-autoencoder'
import { floatTypes, testGpu } from './open-gpu'
import { randomValues, relativeError } from './reference'

const folder = (name: string) => fileURLToPath(new URL(`../parity/${name}`, import.meta.url))
const { signal } = new AbortController()
const decodeCase = folder('kinora_autoencoder_decode')
const types = await floatTypes()

describe.each([
  { run: decodeKinora, name: 'kinora_autoencoder_decode' },
  { run: encodeKinora, name: 'kinora_autoencoder_encode' },
])('$name', ({ run, name }) => {
  test.each(types)('agrees with PyTorch in %s', async (precision) => {
    const gpu = await testGpu()
    const parityCase = readCase(folder(name))
    const [[output, expected] = ['', { shape: [], values: new Float32Array() }]] = [...parityCase.outputs]
    const ours = await withScope(gpu, async (scope) => (await run(scope, parityCase, precision)).get(output))
    expect(ours?.shape).toEqual(expected.shape)
    expect(relativeError(ours?.values ?? [], expected.values)).toBeLessThan(precision === 'f16' ? 1e-2 : 1e-4)
    expect(gpu.pool.liveBuffers).toBe(0)
  })
})

function load(scope: Scope): KinoraAutoencoder {
  return KinoraAutoencoder.load(scope, readCase(decodeCase).config, readWeights(decodeCase), 'f32')
}

test('decodes groups of frames in time order that equal the whole clip, as RGBA and as I420', async () => {
  const gpu = await testGpu()
  await withScope(gpu, async (scope) => {
    const autoencoder = load(scope)
    const z = scope.upload(randomValues(21, 3 * 2 * 1 * 8, 0.5), [3, 2, 1, 8], 'f32')
    const video = autoencoder.decodeTensor(scope, z)
    expect(video.shape).toEqual([9, 32, 16, 3])
    const pixels = await gpu.read(video)
    const level = (v: number) => Math.floor((v + 1) * 127.5 + 0.5)
    const expected = Array.from({ length: pixels.length / 3 }, (_, i) => [...pixels.subarray(i * 3, i * 3 + 3)].map(level).concat(255)).flat()

    const live = gpu.pool.liveBuffers
    const groups: Uint8ClampedArray[] = []
    for await (const group of autoencoder.decode(signal, scope, z)) groups.push(group)
    expect(groups.map(({ length }) => length / (32 * 16 * 4))).toEqual([1, 4, 4])
    expect(groups.flatMap((group) => [...group])).toEqual(expected)

    const { ofRgba, onGpu } = i420Format(16, 32, BT709)
    const planes: number[] = []
    for await (const group of autoencoder.decode(signal, scope, z, {}, onGpu?.pixels)) planes.push(...group)
    const frames = Array.from({ length: 9 }, (_, frame) => Uint8ClampedArray.from(expected.slice(frame * 32 * 16 * 4, (frame + 1) * 32 * 16 * 4)))
    expect(planes).toEqual(frames.flatMap((frame) => [...ofRgba(frame)]))
    expect(gpu.pool.liveBuffers).toBe(live)
  })
})

test('decodes in memory that does not grow with the clip', async () => {
  const gpu = await testGpu()
  const peakOf = async (latentFrames: number) =>
    withScope(gpu, async (scope) => {
      const autoencoder = load(scope)
      const z = scope.upload(randomValues(22, latentFrames * 4 * 8, 0.5), [latentFrames, 2, 2, 8], 'f32')
      gpu.pool.resetPeak()
      const before = gpu.pool.liveBytes
      for await (const group of autoencoder.decode(signal, scope, z)) expect(group.length).toBeGreaterThan(0)
      return gpu.pool.peakBytes - before
    })
  // the coarsest level alone holds all latent frames: 16 features of f32 a latent pixel, a few times over
  expect((await peakOf(9)) - (await peakOf(3))).toBeLessThan(6 * 4 * 16 * 4 * 6)
})

test('frees all memory when decoding ends early', async () => {
  const gpu = await testGpu()
  await withScope(gpu, async (scope) => {
    const autoencoder = load(scope)
    const z = scope.upload(randomValues(23, 3 * 8), [3, 1, 1, 8], 'f32')
    const live = gpu.pool.liveBuffers
    for await (const group of autoencoder.decode(signal, scope, z)) {
      expect(group.length).toBe(16 * 16 * 4)
      break
    }
    expect(gpu.pool.liveBuffers).toBe(live)
  })
})

test('previews the linear part, averaged over 4×4 pixels', async () => {
  const gpu = await testGpu()
  const parityCase = readCase(decodeCase)
  const weights = readWeights(decodeCase)
  const skip = weights.get('decoder.skip.weight').values
  const bias = weights.get('decoder.skip.bias').values
  const { shape, values } = need(parityCase, 'z')
  const [, channels = 0, frames = 0, height = 0, width = 0] = shape
  const zAt = (c: number, t: number, y: number, x: number) => values[((c * frames + t) * height + y) * width + x] as number
  /** color c of pixel (y, x) in frame f, counting the three dropped ones */
  const linear = (c: number, f: number, y: number, x: number) => {
    const row = ((c * 4 + (f % 4)) * 16 + (y % 16)) * 16 + (x % 16)
    let sum = bias[row] as number
    for (let k = 0; k < channels; k++) sum += (skip[row * channels + k] as number) * zAt(k, f >> 2, y >> 4, x >> 4)
    return sum
  }
  const expected: number[] = []
  for (let f = 3; f < frames * 4; f++)
    for (let y = 0; y < height * 4; y++)
      for (let x = 0; x < width * 4; x++) {
        for (let c = 0; c < 3; c++) {
          let sum = 0
          for (let i = 0; i < 16; i++) sum += linear(c, f, y * 4 + (i >> 2), x * 4 + (i & 3))
          expected.push(Math.min(255, Math.max(0, (sum / 16 + 1) * 127.5)))
        }
        expected.push(255)
      }
  await withScope(gpu, async (scope) => {
    const last = Float32Array.from(values, (_, i) => {
      const pixel = Math.floor(i / channels)
      return zAt(i % channels, Math.floor(pixel / (height * width)), Math.floor(pixel / width) % height, pixel % width)
    })
    const autoencoder = load(scope)
    const live = gpu.pool.liveBuffers
    const z = scope.upload(last, [frames, height, width, channels], 'f32')
    const preview = await readPreview(scope, autoencoder.preview(scope, z))
    expect(preview).toMatchObject({ frames: (frames - 1) * 4 + 1, height: height * 4, width: width * 4 })
    const worst = Math.max(...[...preview.rgba].map((byte, i) => Math.abs(byte - (expected[i] as number))))
    expect(preview.rgba.length).toBe(expected.length)
    expect(worst).toBeLessThan(0.51) // rounding
    expect(gpu.pool.liveBuffers).toBe(live + 1)
  })
})

test('names a config field or weight that does not fit', async () => {
  const gpu = await testGpu()
  const { config } = readCase(decodeCase)
  await withScope(gpu, async (scope) => {
    expect(() => KinoraAutoencoder.load(scope, { ...config, channels: [8, 12] }, readWeights(decodeCase), 'f32')).toThrow(/channels/)
    expect(() => KinoraAutoencoder.load(scope, { ...config, channels: [8, 12, 20] }, readWeights(decodeCase), 'f32')).toThrow(/encoder\.stages\.2/)
  })
  expect(gpu.pool.liveBuffers).toBe(0)
})
