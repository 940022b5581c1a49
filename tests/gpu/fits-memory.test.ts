import { expect, test } from 'vitest'
import { fitsInMemory } from '../../workers/engine/buffer-pool'
import { testGpu } from './open-gpu'

test('frees its probes: repeated calls use no memory', async () => {
  const { device } = await testGpu()
  for (let time = 0; time < 40; time++) expect(await fitsInMemory(device, 300_000_001), `time ${time + 1}`).toBe(true)
  expect(await fitsInMemory(device, 0)).toBe(true)
})

/**
 * A fake device with a memory budget: software adapters never refuse an allocation, because their memory is the host's, which
 * allocates it on the first write.
 */
function smallDevice(budgetBytes: number): { device: GPUDevice; held: () => number; requested: number[] } {
  let held = 0
  let refused = false
  const requested: number[] = []
  const device = {
    pushErrorScope: () => (refused = false),
    popErrorScope: () => Promise.resolve(refused ? { message: 'out of memory' } : null),
    createBuffer: ({ size }: GPUBufferDescriptor) => {
      requested.push(size)
      refused = held + size > budgetBytes
      const taken = refused ? 0 : size
      held += taken
      return { destroy: () => (held -= taken) }
    },
  }
  return { device: device as unknown as GPUDevice, held: () => held, requested }
}

test('stops at the first refused probe and frees all probes', async () => {
  const { device, held, requested } = smallDevice(1_000_000_000)
  expect(await fitsInMemory(device, 1_500_000_000)).toBe(false)
  expect(requested).toEqual([2 ** 28, 2 ** 28, 2 ** 28, 2 ** 28])
  expect(held()).toBe(0)
  expect(await fitsInMemory(device, 999_999_998)).toBe(true)
  expect(requested.slice(4)).toEqual([2 ** 28, 2 ** 28, 2 ** 28, 999_999_998 - 3 * 2 ** 28 + 2])
  expect(held()).toBe(0)
})
