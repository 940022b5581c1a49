// The estimated time of a step against the measured time of a whole transformer on this adapter.
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { blockMs, fitBlockTimes } from '../../src/shared/time-estimate'
import { withScope } from '../../workers/engine/scope'
import { LtxTransformer } from '../../workers/models/ltx/transformer'
import { weightSource } from '../../workers/models/weight-source'
import { probeBlock } from '../../workers/models/ltx/block-probe'
import { openSafetensors } from '../../workers/weights/safetensors'
import { testGpu } from './open-gpu'

const { signal } = new AbortController()
const file = (name: string) => readFileSync(new URL(`../../public/models/starter/transformer/${name}`, import.meta.url))
const config = JSON.parse(file('config.json').toString()) as Record<string, unknown> & { num_layers: number; in_channels: number; caption_channels: number }
const OPTIONS = { precision: 'f32', linearFormat: 'i8' } as const
const TOKENS = 320 // 128 × 128 pixels, 17 frames

test('predicts a step of the starter within a factor of two from one block, and frees its memory', async () => {
  const gpu = await testGpu()
  const measured = await probeBlock(signal, gpu, config, OPTIONS)
  expect(gpu.pool.liveBuffers).toBe(0)
  expect(measured.length).toBeGreaterThan(0)
  const curve = fitBlockTimes({ measured, width: Number(config['num_attention_heads']) * Number(config['attention_head_dim']) })
  const estimated = blockMs(curve, TOKENS) * config.num_layers

  const took = await withScope(gpu, async (scope) => {
    const weights = weightSource(openSafetensors(new Uint8Array(file('diffusion_pytorch_model.safetensors'))))
    const transformer = LtxTransformer.load(scope, config, weights, OPTIONS)
    const text = transformer.prepareText(scope, scope.upload(new Float32Array(16 * config.caption_channels), [1, 16, config.caption_channels], 'f32'))
    const x = scope.upload(new Float32Array(TOKENS * config.in_channels), [1, TOKENS, config.in_channels], 'f32')
    const rope = transformer.prepareCoordinates(scope, new Float32Array(3 * TOKENS))
    const run = () => scope.within((inner) => void transformer.forward(inner, x, text, rope, Float32Array.of(500)))
    await gpu.compile(run)
    const times: number[] = []
    for (let i = 0; i < 6; i++) {
      await gpu.settle()
      const start = performance.now()
      run()
      await gpu.settle()
      times.push(performance.now() - start)
    }
    return times.slice(1).sort((a, b) => a - b)[2] as number
  })
  expect(estimated, `estimated ${estimated} ms, took ${took} ms; measured ${JSON.stringify(measured)}`).toBeGreaterThan(took / 2)
  expect(estimated, `estimated ${estimated} ms, took ${took} ms; measured ${JSON.stringify(measured)}`).toBeLessThan(took * 2)
})

test('rejects a config that is not a transformer’s, and stops when aborted', async () => {
  const gpu = await testGpu()
  await expect(probeBlock(signal, gpu, { ...config, attention_head_dim: 'wide' }, OPTIONS)).rejects.toMatchObject({ code: 'weights-corrupt' })
  await expect(probeBlock(AbortSignal.abort(), gpu, config, OPTIONS)).rejects.toMatchObject({ name: 'AbortError' })
  expect(gpu.pool.liveBuffers).toBe(0)
})
