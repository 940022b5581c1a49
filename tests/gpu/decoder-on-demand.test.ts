// A decoder that is on the GPU only while it decodes, read from a single-file checkpoint.
import { expect, test, vi } from 'vitest'
import { withScope } from '../../workers/engine/scope'
import { LtxAutoencoder } from '../../workers/models/ltx/autoencoder'
import { TiledLtxAutoencoder } from '../../workers/models/ltx/autoencoder-tiled'
import { DecoderOnDemand } from '../../workers/models/ltx/decoder-on-demand'
import { openLtxCheckpoint } from '../../workers/models/ltx/cached-models'
import { gaussianNoise } from '../../workers/pipeline/noise'
import { blobSource } from '../../workers/weights/byte-source'
import { TensorReader } from '../../workers/weights/tensor-reader'
import type { TensorTable } from '../../workers/weights/tensor-table'
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

const openTiny = () => openLtxCheckpoint(signal, blobSource('tiny.safetensors', new Blob([tinyLtx()])))

test('decodes like a loaded decoder, also in place of the transformer, and frees all GPU memory', async () => {
  const gpu = await testGpu()
  const { config, table } = await openTiny()
  const noise = { latents: gaussianNoise(2, COUNT) }
  const freeOthers = vi.fn()
  const decoder = await DecoderOnDemand.open(signal, config.autoencoder, table, 'f32', PRESET, freeOthers)

  await withScope(gpu, async (scope) => {
    const z = scope.upload(gaussianNoise(1, COUNT), SHAPE, 'f32')
    const before = gpu.pool.liveBuffers
    const made = await frames(decoder.decode(signal, scope, z, noise))
    expect(gpu.pool.liveBuffers).toBe(before)
    expect(freeOthers).not.toHaveBeenCalled()
    expect(made).toHaveLength(9 * 64 * 64 * 4)
    expect(new Set(made).size, 'an image, not one color').toBeGreaterThan(50)

    const whole = new TiledLtxAutoencoder(await LtxAutoencoder.load(signal, scope, config.autoencoder, new TensorReader(table), 'f32', 'decoder'))
    expect(decoder.config).toEqual(whole.config)
    expect(await frames(whole.decode(signal, scope, z, noise))).toEqual(made)

    // software adapters never refuse memory: a mock does
    const refuse = vi.spyOn(gpu.device, 'popErrorScope').mockResolvedValueOnce({ message: 'out of memory' })
    expect(await frames(decoder.decode(signal, scope, z, noise))).toEqual(made)
    expect(freeOthers).toHaveBeenCalledTimes(1)
    refuse.mockRestore()

    const left = decoder.decode(signal, scope, z, noise)
    const live = gpu.pool.liveBuffers
    await left.next()
    await left.return(undefined)
    expect(gpu.pool.liveBuffers, 'ended midway').toBe(live)
  })
})

test('stops reading at the current tensor when a clip is cancelled, and frees all GPU memory', async () => {
  const gpu = await testGpu()
  const { config, table } = await openTiny()
  const controller = new AbortController()
  const read: string[] = []
  const watched: TensorTable = {
    ...table,
    rows(requested, name, first, count) {
      if (name.includes('decoder.') && read.push(name) === 9) controller.abort()
      return table.rows(requested, name, first, count)
    },
  }
  const decoder = await DecoderOnDemand.open(signal, config.autoencoder, watched, 'f32', PRESET, () => undefined)
  expect(read, 'no read of the decoder before a clip').toEqual([])
  await withScope(gpu, async (scope) => {
    const z = scope.upload(gaussianNoise(1, COUNT), SHAPE, 'f32')
    const before = gpu.pool.liveBuffers
    await expect(decoder.decode(controller.signal, scope, z).next()).rejects.toMatchObject({ name: 'AbortError' })
    expect(read).toHaveLength(9)
    expect(gpu.pool.liveBuffers).toBe(before)
  })
})
