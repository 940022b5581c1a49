// A model that is too large for the GPU is rejected before any of it is read.
import { expect, test } from 'vitest'
import { LtxTransformer } from '../../workers/models/ltx/transformer'
import type { WeightStream } from '../../workers/ops/weight-stream'
import { bytesOf, requireMemory } from '../../workers/models/gpu-memory-budget'
import { testGpu } from './open-gpu'

const never = () => Promise.reject(new Error('Expected no read.'))
const anything: WeightStream = { has: () => true, isInt8: () => false, read: never, floats: never, rows: never }
const bytesIn4Bits = (config: object) => bytesOf(LtxTransformer.requests(config, anything, { precision: 'f16', linearFormat: 'i4' }))

/** A fake device with a memory budget: software adapters never refuse an allocation. */
function smallDevice(budgetBytes: number): GPUDevice {
  let held = 0
  let refused = false
  const device = {
    pushErrorScope: () => (refused = false),
    popErrorScope: () => Promise.resolve(refused ? { message: 'out of memory' } : null),
    createBuffer: ({ size }: GPUBufferDescriptor) => {
      refused = held + size > budgetBytes
      const taken = refused ? 0 : size
      held += taken
      return { destroy: () => (held -= taken) }
    },
  }
  return device as unknown as GPUDevice
}

test('rejects LTX-Video 13B on a GPU of 4 GB and names the required memory; accepts 2B', async () => {
  const large = bytesIn4Bits({ num_layers: 48, attention_head_dim: 128, num_attention_heads: 32 })
  expect(large).toBeGreaterThan(6.5e9)
  await expect(requireMemory(smallDevice(4e9), large, 'LTX-Video, 48 blocks of width 4096')).rejects.toMatchObject({
    code: 'out-of-memory',
    message: expect.stringMatching(
      /^LTX-Video, 48 blocks of width 4096, needs [67]\.\d GB of GPU memory for its transformer alone, which this GPU cannot give/,
    ) as string,
    details: { bytes: large },
  })
  await expect(requireMemory(smallDevice(4e9), bytesIn4Bits({}), 'LTX-Video')).resolves.toBeUndefined()
})

test('accepts a small model on the real device', async () => {
  await expect(requireMemory((await testGpu()).device, 1_000_000, 'A small model')).resolves.toBeUndefined()
})
