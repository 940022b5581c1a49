import { expect, test } from 'vitest'
import { AppError } from '../../src/shared/errors'
import { withScope, type Scope } from '../../workers/engine/scope'
import { KinoraAutoencoder } from '../../workers/models/starter/autoencoder'
import type { FrameEncoder } from '../../workers/models/architecture'
import { encodeAtOnce } from '../../workers/models/starter/runtime'
import { encodeRgba } from '../../workers/pipeline/encode-frames'
import { readCase, readWeights } from '../parity/read-case'
import { testGpu } from './open-gpu'
import { randomSource, relativeError } from './reference'

const FOLDER = 'tests/parity/kinora_autoencoder_encode'
const { signal } = new AbortController()

function open(scope: Scope): { autoencoder: KinoraAutoencoder; encoder: FrameEncoder; patch: number } {
  const autoencoder = KinoraAutoencoder.load(scope, readCase(FOLDER).config, readWeights(FOLDER), 'f32')
  const { latents_mean: mean, latents_std: std, patch_size: patch, patch_size_t: scaleTime } = autoencoder.config
  const encode = encodeAtOnce((own, video) => autoencoder.encode(own, video))
  return { autoencoder, encoder: { encode, mean, std, scaleTime }, patch }
}

const pixels = (count: number) => {
  const next = randomSource(9)
  return Uint8ClampedArray.from({ length: count }, () => 256 * next())
}

test('encodes frames to normalized latents, and drops those beyond T·k + 1', async () => {
  const gpu = await testGpu()
  await withScope(gpu, async (scope) => {
    const { autoencoder, encoder, patch } = open(scope)
    const { latents_mean: mean, latents_std: std } = autoencoder.config
    const frames = encoder.scaleTime + 1
    const grid = { channels: mean.length, frames: 3, height: 1, width: 2 }
    const [width, height] = [2 * patch, patch]
    const rgba = pixels((frames + 1) * width * height * 4)
    const live = gpu.pool.liveBuffers
    const conditioning = await encodeRgba({ signal }, scope, encoder, grid, { rgba, width, height, atFrame: encoder.scaleTime, strength: 0.5 })
    expect(gpu.pool.liveBuffers).toBe(live)
    expect(conditioning).toMatchObject({ atFrame: encoder.scaleTime, strength: 0.5 })

    const rgb = Float32Array.from({ length: frames * width * height * 3 }, (_, i) => (rgba[Math.floor(i / 3) * 4 + (i % 3)] as number) / 127.5 - 1)
    const raw = await gpu.read(autoencoder.encode(scope, scope.upload(rgb, [frames, height, width, 3], 'f32')))
    const normalized = raw.map((value, i) => (value - (mean[i % mean.length] as number)) / (std[i % mean.length] as number))
    expect(conditioning.values.length).toBe(2 * 2 * mean.length)
    expect(relativeError(conditioning.values, normalized)).toBeLessThan(1e-5)
  })
  expect(gpu.pool.liveBuffers).toBe(0)
})

test('rejects frames of another size, stops when aborted, and frees all GPU memory', async () => {
  const gpu = await testGpu()
  await withScope(gpu, async (scope) => {
    const { encoder, patch } = open(scope)
    const grid = { channels: encoder.mean.length, frames: 3, height: 2, width: 2 }
    const conditioning = { rgba: pixels(patch * patch * 2 * 4), width: 2 * patch, height: patch, atFrame: 0, strength: 1 }
    const live = gpu.pool.liveBuffers
    await expect(encodeRgba({ signal }, scope, encoder, grid, conditioning)).rejects.toThrow(/expected frames whose latents are 2×2 .* got 1×2/)
    expect(gpu.pool.liveBuffers).toBe(live)
    await expect(encodeRgba({ signal }, scope, encoder, grid, { ...conditioning, height: patch + 1 })).rejects.toThrow(AppError)
    await expect(encodeRgba({ signal: AbortSignal.abort() }, scope, encoder, grid, conditioning)).rejects.toThrow(/abort/i)
  })
  expect(gpu.pool.liveBuffers).toBe(0)
})
