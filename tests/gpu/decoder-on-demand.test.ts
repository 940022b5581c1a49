// A decoder that is on the GPU only while it decodes, from the bytes of a single-file checkpoint.
import { expect, test, vi } from 'vitest'
import { withScope } from '../../workers/engine/scope'
import { LtxAutoencoder } from '../../workers/models/ltx-autoencoder'
import { TiledLtxAutoencoder } from '../../workers/models/ltx-autoencoder-tiled'
import { DecoderOnDemand } from '../../workers/pipeline/decoder-on-demand'
import { openLtxCheckpoint } from '../../workers/pipeline/large-model'
import { gaussianNoise } from '../../workers/pipeline/noise'
import { BlobWeights } from '../../workers/weights/blob-weights'
import { blobSource } from '../../workers/weights/byte-source'
import { readSafetensorsHeader } from '../../workers/weights/tensor-table'
import { tinyLtx } from '../e2e/tiny-ltx'
import { testGpu } from './open-gpu'

const { signal } = new AbortController()
const SHAPE = [2, 2, 2, 128]
const COUNT = 2 * 2 * 2 * 128
const PRESET = { decodeTimestep: 0.05, decodeNoiseScale: 0.025 }

async function frames(groups: AsyncGenerator<Uint8ClampedArray>): Promise<number[]> {
  const all: number[] = []
  for await (const group of groups) all.push(...group)
  return all
}

test('decodes as the loaded one does, beside the transformer or, without room, in its place; nothing stays on the GPU', async () => {
  const gpu = await testGpu()
  const bytes = tinyLtx()
  const source = blobSource('tiny.safetensors', new Blob([bytes]))
  const { config } = await openLtxCheckpoint(signal, source)
  const weights = new BlobWeights(await readSafetensorsHeader(signal, source), (start, end) => bytes.slice(start, end), source.name)
  const noise = { latents: gaussianNoise(2, COUNT) }
  const freeOthers = vi.fn()
  const decoder = new DecoderOnDemand(config.autoencoder, weights, 1_000_000, 'f32', PRESET, freeOthers)

  await withScope(gpu, async (scope) => {
    const z = scope.upload(gaussianNoise(1, COUNT), SHAPE, 'f32')
    const before = gpu.pool.liveBuffers
    const made = await frames(decoder.decode(scope, z, noise))
    expect(gpu.pool.liveBuffers).toBe(before)
    expect(freeOthers).not.toHaveBeenCalled()
    expect(made).toHaveLength(9 * 64 * 64 * 4)
    expect(new Set(made).size, 'a picture, not one colour').toBeGreaterThan(50)

    const whole = new TiledLtxAutoencoder(LtxAutoencoder.load(scope, config.autoencoder, weights, 'f32', 'decoder'))
    expect(decoder.config).toEqual(whole.config)
    expect(await frames(whole.decode(scope, z, noise))).toEqual(made)

    // software adapters never refuse memory: one that does is stood in for
    const refuse = vi.spyOn(gpu.device, 'popErrorScope').mockResolvedValueOnce({ message: 'out of memory' })
    expect(await frames(decoder.decode(scope, z, noise))).toEqual(made)
    expect(freeOthers).toHaveBeenCalledTimes(1)
    refuse.mockRestore()

    const left = decoder.decode(scope, z, noise)
    const live = gpu.pool.liveBuffers
    await left.next()
    await left.return(undefined)
    expect(gpu.pool.liveBuffers, 'given up midway').toBe(live)
  })
})
