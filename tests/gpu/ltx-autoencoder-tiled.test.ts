import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { withScope, type Scope } from '../../workers/engine/scope'
import type { FloatDType, Tensor } from '../../workers/engine/tensor'
import { sliceFrames } from '../../workers/ops/frames'
import { framesToRgba } from '../../workers/ops/frames-to-rgba'
import { LtxAutoencoder, type AutoencoderPart } from '../../workers/models/ltx/autoencoder'
import { TiledLtxAutoencoder } from '../../workers/models/ltx/autoencoder-tiled'
import { latentRgbFactors } from '../../workers/models/ltx/latent-rgb-factors'
import { BT709 } from '../../workers/media/yuv'
import { i420Format } from '../../workers/pipeline/frame-format'
import { readPreview } from '../../workers/models/read-frames'
import { weightSource } from '../../workers/models/weight-source'
import { openSafetensors } from '../../workers/weights/safetensors'
import { openWeights, readCase } from '../parity/read-case'
import { floatTypes, testGpu } from './open-gpu'
import { randomValues, relativeError } from './reference'

const types = await floatTypes()
const folder = (name: string) => fileURLToPath(new URL(`../parity/${name}`, import.meta.url))
const { signal } = new AbortController()
const CHANNELS = 6
const TIMESTEP = 0.05

async function load(scope: Scope, name: string, part: AutoencoderPart, dtype: FloatDType = 'f32'): Promise<LtxAutoencoder> {
  return LtxAutoencoder.load(signal, scope, readCase(folder(name)).config, await openWeights(folder(name)), dtype, part)
}

function latent(scope: Scope, seed: number, [frames, height, width]: readonly [number, number, number]): Tensor {
  return scope.upload(randomValues(seed, frames * height * width * CHANNELS), [frames, height, width, CHANNELS], 'f32')
}

/** One value per parameter, of any requested size. */
const field = (parameter: string, height: number, width: number) => randomValues(parameter.length, height * width)

async function collect(groups: AsyncGenerator<Uint8ClampedArray>): Promise<{ bytes: Uint8Array; sizes: number[] }> {
  const all: Uint8ClampedArray[] = []
  for await (const group of groups) all.push(group)
  return { bytes: Uint8Array.from(all.flatMap((group) => [...group])), sizes: all.map(({ length }) => length) }
}

/** The whole clip at once, as bytes. */
async function wholeBytes(scope: Scope, whole: LtxAutoencoder, z: Tensor): Promise<Uint8Array> {
  const video = whole.decode(scope, z, { timestep: TIMESTEP, noise: field })
  return new Uint8Array(await scope.gpu.readBytes(framesToRgba(scope, video)))
}

const worst = (a: Uint8Array, b: Uint8Array) => a.reduce((most, value, index) => Math.max(most, Math.abs(value - (b[index] ?? NaN))), 0)
const mean = (a: Uint8Array, b: Uint8Array) => a.reduce((sum, value, index) => sum + Math.abs(value - (b[index] ?? NaN)), 0) / a.length

/** Without noise in the latents, so that the whole decoder's result is the reference. */
const PLAIN = { decode: { timestep: TIMESTEP, noiseScale: 0 } }

describe('decoding in time order', () => {
  test.each([
    ['ltx_autoencoder_095_decode', 1, 'both ways in time'],
    ['ltx_autoencoder_095_decode', 2, 'both ways in time'],
    ['ltx_autoencoder_095_decode', 7, 'both ways in time'],
    ['ltx_autoencoder_090_decode', 3, 'causal'],
    ['ltx_autoencoder_091_decode', 5, 'with noise inside'],
  ] as const)('%s: %i latent frames, %s, equal the whole clip’s frames', async (name, frames, _how) => {
    const gpu = await testGpu()
    await withScope(gpu, async (scope) => {
      const whole = await load(scope, name, 'decoder')
      const z = latent(scope, 31, [frames, 1, 2])
      const expected = await wholeBytes(scope, whole, z)
      const live = gpu.pool.liveBuffers
      const { bytes } = await collect(new TiledLtxAutoencoder(whole, PLAIN).decode(signal, scope, z, { field }))
      expect(bytes.length).toBe(expected.length)
      expect(worst(bytes, expected)).toBeLessThanOrEqual(1) // a value between two bytes may round either way
      expect(mean(bytes, expected)).toBeLessThan(0.01)
      expect(gpu.pool.liveBuffers).toBe(live)
    })
    expect(gpu.pool.liveBuffers).toBe(0)
  })
})

/** The receptive field of the small decoder and encoder: 8 latent pixels to each side. */
const SEES = 8

describe('decoding in tiles', () => {
  test('equals the whole image with an overlap larger than the receptive field', async () => {
    const gpu = await testGpu()
    await withScope(gpu, async (scope) => {
      const whole = await load(scope, 'ltx_autoencoder_095_decode', 'decoder')
      const z = latent(scope, 41, [2, 1, 60])
      const expected = await wholeBytes(scope, whole, z)
      const tiled = new TiledLtxAutoencoder(whole, { ...PLAIN, tiling: { overlap: 2 * SEES + 2, margin: SEES, area: 40 } })
      expect(tiled.planDecode({ height: 1, width: 60 }).tiles).toHaveLength(2)
      const { bytes } = await collect(tiled.decode(signal, scope, z))
      expect(worst(bytes, expected)).toBeLessThanOrEqual(1)
      expect(mean(bytes, expected)).toBeLessThan(0.01)
    })
    expect(gpu.pool.liveBuffers).toBe(0)
  })

  test('equals diffusers’ tiled_decode with the same tiles', async () => {
    const gpu = await testGpu()
    const fixture = weightSource(openSafetensors(new Uint8Array(readFileSync(new URL('fixtures/ltx-tiled-decode.safetensors', import.meta.url)))))
    const [z, frames] = [fixture.get('z'), fixture.get('frames')]
    await withScope(gpu, async (scope) => {
      const whole = await load(scope, 'ltx_autoencoder_095_decode', 'decoder')
      const input = scope.upload(z.values, z.shape, 'f32')
      const expected = new Uint8Array(await gpu.readBytes(framesToRgba(scope, scope.upload(frames.values, frames.shape, 'f32'))))
      const { bytes } = await collect(new TiledLtxAutoencoder(whole, { ...PLAIN, tiling: { overlap: 1, margin: 0, area: 3 } }).decode(signal, scope, input))
      expect(bytes.length).toBe(expected.length)
      expect(worst(bytes, expected)).toBeLessThanOrEqual(1)
      expect(mean(bytes, expected)).toBeLessThan(0.01)
      expect(worst(await wholeBytes(scope, whole, input), expected)).toBeGreaterThan(20) // the whole image differs
    })
  })

  test('decodes frames of several tiles as I420, too', async () => {
    const gpu = await testGpu()
    await withScope(gpu, async (scope) => {
      const whole = await load(scope, 'ltx_autoencoder_095_decode', 'decoder')
      const z = latent(scope, 43, [2, 3, 4])
      const tiled = new TiledLtxAutoencoder(whole, { ...PLAIN, tiling: { overlap: 1, margin: 0, area: 9 } })
      expect(tiled.planDecode({ height: 3, width: 4 }).tiles.length).toBeGreaterThan(1)
      const { ofRgba, onGpu } = i420Format(64, 48, BT709)
      const { bytes, sizes } = await collect(tiled.decode(signal, scope, z, {}, onGpu?.pixels))
      expect(sizes).toEqual(Array(5).fill(onGpu?.bytes))
      const rgba = await collect(tiled.decode(signal, scope, z))
      const frames = Array.from({ length: 5 }, (_, frame) => Uint8ClampedArray.from(rgba.bytes.subarray(frame * 64 * 48 * 4, (frame + 1) * 64 * 48 * 4)))
      expect(bytes).toEqual(Uint8Array.from(frames.flatMap((frame) => [...ofRgba(frame)])))
    })
    expect(gpu.pool.liveBuffers).toBe(0)
  })

  test('differs little with smaller tiles, and less with more overlap', async () => {
    const gpu = await testGpu()
    await withScope(gpu, async (scope) => {
      const whole = await load(scope, 'ltx_autoencoder_095_decode', 'decoder')
      const [height, width] = [10, 10]
      const z = latent(scope, 42, [2, height, width])
      const expected = await wholeBytes(scope, whole, z)
      const errorOf = async (overlap: number, margin: number, area: number) => {
        const tiled = new TiledLtxAutoencoder(whole, { ...PLAIN, tiling: { overlap, margin, area } })
        expect(tiled.planDecode({ height, width }).tiles).toHaveLength(4)
        const { bytes, sizes } = await collect(tiled.decode(signal, scope, z))
        expect(sizes).toEqual(Array(5).fill(height * 16 * width * 16 * 4)) // one frame at a time
        return mean(bytes, expected)
      }
      const [narrow, wide] = [await errorOf(1, 0, 36), await errorOf(3, 1, 49)]
      expect(narrow).toBeLessThan(20) // of 255: random weights depend more on distant positions than a trained network
      expect(wide).toBeLessThan(0.6 * narrow)
    })
    expect(gpu.pool.liveBuffers).toBe(0)
  })
})

/** The pool rounds sizes up by at most an eighth. */
const POOL_STEP = 1.125

describe('memory', () => {
  /** The largest buffer that `body` acquires, in bytes. */
  async function largestIn(body: () => Promise<void>): Promise<number> {
    const { pool } = await testGpu()
    const poison = pool.onAcquire
    let largest = 0
    pool.onAcquire = (buffer) => {
      largest = Math.max(largest, buffer.size)
      poison?.(buffer)
    }
    try {
      await body()
      return largest
    } finally {
      pool.onAcquire = poison
    }
  }

  test('does not grow with the clip', async () => {
    const gpu = await testGpu()
    await withScope(gpu, async (scope) => {
      const tiled = new TiledLtxAutoencoder(await load(scope, 'ltx_autoencoder_095_decode', 'decoder'))
      const peakOf = async (frames: number) => {
        const z = latent(scope, 61, [frames, 1, 2])
        gpu.pool.resetPeak()
        const before = gpu.pool.liveBytes
        const { bytes } = await collect(tiled.decode(signal, scope, z, { latents: randomValues(62, frames * 2 * CHANNELS) }))
        expect(bytes.length).toBe(((frames - 1) * 4 + 1) * 16 * 32 * 4)
        return gpu.pool.peakBytes - before
      }
      const short = await peakOf(9)
      expect(await peakOf(36)).toBeLessThanOrEqual(1.15 * short)
    })
    expect(gpu.pool.liveBuffers).toBe(0)
  })

  test.each([1, 3])('decodes %i frames at once into the same frames, with no tensor larger than planned', async (atOnce) => {
    const gpu = await testGpu()
    await withScope(gpu, async (scope) => {
      const decoder = await load(scope, 'ltx_autoencoder_095_decode', 'decoder')
      const tiled = new TiledLtxAutoencoder(decoder, { ...PLAIN, tiling: { frames: atOnce } })
      const z = latent(scope, 64, [5, 2, 2])
      const expected = await wholeBytes(scope, decoder, z)
      let decoded: Awaited<ReturnType<typeof collect>> | undefined
      const largest = await largestIn(async () => void (decoded = await collect(tiled.decode(signal, scope, z))))
      const bytes = decoded?.bytes ?? new Uint8Array()
      expect(worst(bytes, expected)).toBeLessThanOrEqual(1)
      expect(mean(bytes, expected)).toBeLessThan(0.01)
      expect(largest).toBeLessThanOrEqual(tiled.planDecode({ height: 2, width: 2 }).largestBytes * POOL_STEP)

      const encoder = await load(scope, 'ltx_autoencoder_095_encode', 'encoder')
      const encoding = new TiledLtxAutoencoder(encoder, { tiling: { frames: atOnce } })
      const video = scope.upload(randomValues(65, 13 * 32 * 32 * 3, 0.5), [13, 32, 32, 3], 'f32')
      const latents = encoder.encode(scope, video)
      const source = { frames: 13, height: 32, width: 32, read: (own: Scope, from: number, count: number) => sliceFrames(own, video, from, count) }
      let ours = latents
      const largestEncoding = await largestIn(async () => void (ours = await encoding.encode(new AbortController().signal, scope, source)))
      expect(relativeError(await gpu.read(ours.mean), await gpu.read(latents.mean))).toBeLessThan(1e-5)
      expect(largestEncoding).toBeLessThanOrEqual(encoding.planEncode({ height: 2, width: 2 }).largestBytes * POOL_STEP)
    })
    expect(gpu.pool.liveBuffers).toBe(0)
  })

  test('frees all memory when decoding ends early or fails', async () => {
    const gpu = await testGpu()
    await withScope(gpu, async (scope) => {
      const whole = await load(scope, 'ltx_autoencoder_095_decode', 'decoder')
      const z = latent(scope, 63, [9, 1, 4])
      const live = gpu.pool.liveBuffers
      const tiled = new TiledLtxAutoencoder(whole, { ...PLAIN, tiling: { overlap: 1, margin: 0, area: 3 } })
      for await (const group of tiled.decode(signal, scope, z)) {
        expect(group.length).toBe(16 * 64 * 4)
        break
      }
      expect(gpu.pool.liveBuffers).toBe(live)

      const conditioned = new TiledLtxAutoencoder(whole)
      await expect(conditioned.decode(signal, scope, z).next()).rejects.toThrow('expected 216 values, got none')
      await expect(conditioned.decode(signal, scope, z, { latents: new Float32Array(5) }).next()).rejects.toThrow('got 5')
      expect(gpu.pool.liveBuffers).toBe(live)

      const noisy = await load(scope, 'ltx_autoencoder_091_decode', 'decoder')
      const loaded = gpu.pool.liveBuffers
      await expect(new TiledLtxAutoencoder(noisy, PLAIN).decode(signal, scope, z).next()).rejects.toThrow('injects noise')
      expect(gpu.pool.liveBuffers).toBe(loaded)
      const encoderOnly = new TiledLtxAutoencoder(await load(scope, 'ltx_autoencoder_095_encode', 'encoder'), PLAIN)
      await expect(encoderOnly.decode(signal, scope, z).next()).rejects.toThrow('without its decoder')
    })
    expect(gpu.pool.liveBuffers).toBe(0)
  })

  test('frees all memory when encoding is cancelled, cannot read or does not fit', async () => {
    const gpu = await testGpu()
    await withScope(gpu, async (scope) => {
      const tiled = new TiledLtxAutoencoder(await load(scope, 'ltx_autoencoder_095_encode', 'encoder'))
      const live = gpu.pool.liveBuffers
      const controller = new AbortController()
      const source = {
        frames: 41,
        height: 16,
        width: 16,
        read(own: Scope, from: number, count: number) {
          if (from > 0) controller.abort()
          return own.upload(new Float32Array(count * 16 * 16 * 3), [count, 16, 16, 3], 'f32')
        },
      }
      await expect(tiled.encode(controller.signal, scope, source)).rejects.toThrow(/abort/i)
      expect(gpu.pool.liveBuffers).toBe(live)
      const { signal } = new AbortController()
      const broken = { ...source, read: () => Promise.reject(new Error('no such frame')) }
      await expect(tiled.encode(signal, scope, broken)).rejects.toThrow('no such frame')
      expect(gpu.pool.liveBuffers).toBe(live)
      for (const wrong of [{ frames: 4 }, { frames: 0 }, { height: 20 }, { width: 0 }]) {
        await expect(tiled.encode(signal, scope, { ...source, ...wrong })).rejects.toThrow(/expected 4·k \+ 1 frames and sides in multiples of 16/)
      }
    })
    expect(gpu.pool.liveBuffers).toBe(0)
  })
})

describe('decoder conditioning', () => {
  test('mixes the given share of noise into the latents', async () => {
    const gpu = await testGpu()
    await withScope(gpu, async (scope) => {
      const whole = await load(scope, 'ltx_autoencoder_095_decode', 'decoder')
      const shape = [3, 1, 2] as const
      const noise = randomValues(72, 36)
      const mixed = randomValues(71, 36).map((value, index) => value * 0.75 + (noise[index] as number) * 0.25)
      const expected = await wholeBytes(scope, whole, scope.upload(mixed, [...shape, CHANNELS], 'f32'))
      const tiled = new TiledLtxAutoencoder(whole, { decode: { noiseScale: 0.25 } })
      const { bytes } = await collect(tiled.decode(signal, scope, latent(scope, 71, shape), { latents: noise }))
      expect(worst(bytes, expected)).toBeLessThanOrEqual(1)
      const other = await collect(tiled.decode(signal, scope, latent(scope, 71, shape), { latents: randomValues(73, 36) }))
      expect(worst(other.bytes, expected)).toBeGreaterThan(1)
    })
  })

  test.runIf(types.includes('f16'))('decodes f16 close to f32', async () => {
    const gpu = await testGpu()
    await withScope(gpu, async (scope) => {
      const name = 'ltx_autoencoder_095_decode'
      const z = latent(scope, 74, [4, 1, 2])
      const expected = await wholeBytes(scope, await load(scope, name, 'decoder'), z)
      const { bytes } = await collect(new TiledLtxAutoencoder(await load(scope, name, 'decoder', 'f16'), PLAIN).decode(signal, scope, z))
      expect(mean(bytes, expected)).toBeLessThan(1)
    })
  })

  test('keeps the noise inside the blocks in place across tiles', async () => {
    const gpu = await testGpu()
    await withScope(gpu, async (scope) => {
      const whole = await load(scope, 'ltx_autoencoder_091_decode', 'decoder')
      const z = latent(scope, 75, [2, 1, 44])
      const expected = await wholeBytes(scope, whole, z)
      const tiled = new TiledLtxAutoencoder(whole, { ...PLAIN, tiling: { overlap: 14, margin: 6, area: 30 } })
      expect(tiled.planDecode({ height: 1, width: 44 }).tiles).toHaveLength(2)
      const { bytes } = await collect(tiled.decode(signal, scope, z, { field }))
      expect(worst(bytes, expected)).toBeLessThanOrEqual(1)
    })
  })
})

test('previews the released latents by the published linear map, others by the first three channels', async () => {
  const gpu = await testGpu()
  await withScope(gpu, async (scope) => {
    const whole = await load(scope, 'ltx_autoencoder_095_decode', 'decoder')
    const tiled = new TiledLtxAutoencoder(whole)
    const live = gpu.pool.liveBuffers
    const values = randomValues(81, 2 * 1 * 3 * CHANNELS)
    const preview = await readPreview(scope, tiled.preview(scope, scope.upload(values, [2, 1, 3, CHANNELS], 'f32')))
    expect(preview).toMatchObject({ frames: 2, height: 1, width: 3 })
    const { latents_mean: means, latents_std: deviations } = tiled.config
    const expected = Array.from({ length: 6 }, (_, pixel) =>
      [0, 1, 2]
        .map((c) => {
          const white = ((values[pixel * CHANNELS + c] as number) - (means[c] as number)) / (deviations[c] as number)
          return Math.min(255, Math.max(0, (white + 1) * 127.5))
        })
        .concat(255),
    ).flat()
    expect(Math.max(...[...preview.rgba].map((byte, index) => Math.abs(byte - (expected[index] as number))))).toBeLessThan(0.51)
    expect(gpu.pool.liveBuffers).toBe(live + 1)
  })
  const { weight, bias } = latentRgbFactors({ latents_mean: Array(128).fill(0.5), latents_std: Array(128).fill(2) })
  const sum = weight.subarray(0, 128).reduce((total, value) => total + value, 0)
  expect(weight[22]).toBeCloseTo(-0.1269 / 2, 6)
  expect(weight[2 * 128 + 37]).toBeCloseTo(-0.2184 / 2, 6)
  expect(bias[0]).toBeCloseTo(-0.0571 - 0.5 * sum, 5)
})

describe('encoding', () => {
  test.each([
    ['ltx_autoencoder_095_encode', 13, 4, 16],
    ['ltx_autoencoder_095_encode', 1, 4, 16],
    ['ltx_autoencoder_090_encode', 9, 4, 16],
  ] as const)('%s: %i frames in time order equal the whole clip’s latents', async (name, frames, time, space) => {
    const gpu = await testGpu()
    await withScope(gpu, async (scope) => {
      const whole = await load(scope, name, 'encoder')
      const [height, width] = [space, 2 * space]
      const video = scope.upload(randomValues(51, frames * height * width * 3, 0.5), [frames, height, width, 3], 'f32')
      const expected = whole.encode(scope, video)
      const live = gpu.pool.liveBuffers
      const source = { frames, height, width, read: (own: Scope, from: number, count: number) => sliceFrames(own, video, from, count) }
      const { mean: means, logVariance } = await new TiledLtxAutoencoder(whole).encode(new AbortController().signal, scope, source)
      expect(means.shape).toEqual([(frames - 1) / time + 1, 1, 2, CHANNELS])
      expect(relativeError(await gpu.read(means), await gpu.read(expected.mean))).toBeLessThan(1e-5)
      expect(relativeError(await gpu.read(logVariance), await gpu.read(expected.logVariance))).toBeLessThan(1e-5)
      expect(gpu.pool.liveBuffers).toBe(live + 2)
    })
    expect(gpu.pool.liveBuffers).toBe(0)
  })

  test('equals the whole image in tiles with an overlap larger than the receptive field', async () => {
    const gpu = await testGpu()
    await withScope(gpu, async (scope) => {
      const whole = await load(scope, 'ltx_autoencoder_095_encode', 'encoder')
      const [frames, height, width] = [5, 16, 60 * 16]
      const video = scope.upload(randomValues(52, frames * height * width * 3, 0.5), [frames, height, width, 3], 'f32')
      const expected = whole.encode(scope, video)
      const source = { frames, height, width, read: (own: Scope, from: number, count: number) => sliceFrames(own, video, from, count) }
      const tiled = new TiledLtxAutoencoder(whole, { tiling: { overlap: 2 * SEES + 2, margin: SEES, area: 40 } })
      expect(tiled.planEncode({ height: 1, width: 60 }).tiles).toHaveLength(2)
      const ours = await tiled.encode(new AbortController().signal, scope, source)
      expect(relativeError(await gpu.read(ours.mean), await gpu.read(expected.mean))).toBeLessThan(1e-5)
      expect(relativeError(await gpu.read(ours.logVariance), await gpu.read(expected.logVariance))).toBeLessThan(1e-5)
    })
    expect(gpu.pool.liveBuffers).toBe(0)
  })
})
