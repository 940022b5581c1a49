import { describe, expect, test } from 'vitest'
import { readFileSync } from 'node:fs'
import { withScope } from '../../workers/engine/scope'
import { LtxTransformer } from '../../workers/models/ltx/transformer'
import { weightSource } from '../../workers/models/weight-source'
import { modulationTables } from '../../workers/ops/modulation'
import { openSafetensors } from '../../workers/weights/safetensors'
import { testGpu } from './open-gpu'
import { randomValues } from './reference'

describe('modulationTables', () => {
  // distinct timesteps, layers of the model, values of a layer, first layer, number of layers
  test.each([
    [1, 6, 12, 0, 6],
    [3, 5, 53, 1, 3],
    [7, 2, 129, 1, 1],
  ])('adds %i timesteps to %i layers of %i values, from layer %i on, %i layers', async (times, layers, period, first, taken) => {
    const gpu = await testGpu()
    const [values, tables] = [randomValues(1, times * period), randomValues(2, layers * period)]
    await withScope(gpu, async (scope) => {
      const y = modulationTables(scope, scope.upload(values, [times, period], 'f32'), scope.upload(tables, [layers, period], 'f32'), first, taken)
      expect(y.shape).toEqual([times, taken, period])
      const wanted = Float32Array.from({ length: times * taken * period }, (_, i) => {
        const [time, at] = [Math.floor(i / (taken * period)), i % (taken * period)]
        return (values[time * period + (at % period)] as number) + (tables[first * period + at] as number)
      })
      expect(await gpu.read(y)).toEqual(wanted)
    })
    expect(gpu.pool.liveBuffers).toBe(0)
  })

  test('rejects wrong shapes and dtypes', async () => {
    const gpu = await testGpu()
    await withScope(gpu, async (scope) => {
      const values = scope.alloc([2, 12])
      expect(() => modulationTables(scope, values, scope.alloc([3, 11]))).toThrow('tables f32, got')
      expect(() => modulationTables(scope, values, scope.alloc([3, 12]), 2, 2)).toThrow('2 layers from 2 on')
      expect(() => modulationTables(scope, scope.alloc([2, 12], 'f16'), scope.alloc([3, 12]))).toThrow('got f16')
      await gpu.settle()
    })
  })
})

test('gives each token the same result when many distinct timesteps require the blocks to run in turns', async () => {
  const gpu = await testGpu()
  const file = (name: string) => readFileSync(new URL(`../../public/models/starter/transformer/${name}`, import.meta.url))
  const config = JSON.parse(file('config.json').toString()) as { num_layers: number; in_channels: number; caption_channels: number }
  const skipBlocks = Array.from({ length: config.num_layers }, (_, index) => index) // no token attends to another
  const tokens = 320 // 6 · 6 · 192 · 4 bytes each are more than 8 MiB
  await withScope(gpu, async (scope) => {
    const weights = weightSource(openSafetensors(new Uint8Array(file('diffusion_pytorch_model.safetensors'))))
    const transformer = LtxTransformer.load(scope, config, weights, { precision: 'f32', linearFormat: 'i8' })
    const text = transformer.prepareText(scope, scope.upload(randomValues(1, 3 * config.caption_channels), [1, 3, config.caption_channels], 'f32'))
    const x = randomValues(2, tokens * config.in_channels)
    const times = Float32Array.from({ length: tokens }, (_, index) => 3 * index)
    const forward = async (from: number, to: number) => {
      const part = scope.upload(x.slice(from * config.in_channels, to * config.in_channels), [1, to - from, config.in_channels], 'f32')
      const rope = transformer.prepareCoordinates(scope, new Float32Array(3 * (to - from)))
      return [...(await gpu.read(transformer.forward(scope, part, text, rope, times.slice(from, to), skipBlocks)))]
    }
    expect(await forward(0, tokens)).toEqual([...(await forward(0, tokens / 2)), ...(await forward(tokens / 2, tokens))])
  })
  expect(gpu.pool.liveBuffers).toBe(0)
})
