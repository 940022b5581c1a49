// A model that is too large for its GPU is refused before a byte of it is there.
import { expect, test } from 'vitest'
import { LtxTransformer } from '../../workers/models/ltx/transformer'
import type { WeightStream } from '../../workers/ops/weight-stream'
import { bytesOf, requireMemory } from '../../workers/models/gpu-memory-budget'
import { testGpu } from './open-gpu'

const never = () => Promise.reject(new Error('nothing is to be read'))
const anything: WeightStream = { has: () => true, isInt8: () => false, read: never, floats: never, rows: never }
const bytesIn4Bits = (config: object) => bytesOf(LtxTransformer.requests(config, anything, { precision: 'f16', linearFormat: 'i4' }))

/** A device with room for so many bytes. A stand-in, since no software adapter ever refuses. */
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

test('LTX-Video 13B on a GPU of 4 GB: the memory that it needs is named; 2B has room', async () => {
  const large = bytesIn4Bits({ num_layers: 48, attention_head_dim: 128, num_attention_heads: 32 })
  expect(large).toBeGreaterThan(6.5e9)
  await expect(requireMemory(smallDevice(4e9), large, 'LTX-Video, 48 blocks of width 4096')).rejects.toMatchObject({
    code: 'out-of-memory',
    message: expect.stringMatching(/^LTX-Video, 48 blocks of width 4096, needs [67]\.\d GB of GPU memory for its transformer alone, which this GPU cannot give/) as string,
    details: { bytes: large },
  })
  await expect(requireMemory(smallDevice(4e9), bytesIn4Bits({}), 'LTX-Video')).resolves.toBeUndefined()
})

test('a real device has room for a little', async () => {
  await expect(requireMemory((await testGpu()).device, 1_000_000, 'A small model')).resolves.toBeUndefined()
})
