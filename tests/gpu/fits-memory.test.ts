import { expect, test } from 'vitest'
import { fitsInMemory } from '../../workers/engine/fits-memory'
import { testGpu } from './open-gpu'

test('what there is fits, and is given back: asking often takes nothing', async () => {
  const { device } = await testGpu()
  for (let time = 0; time < 40; time++) expect(await fitsInMemory(device, 300_000_001), `time ${time + 1}`).toBe(true)
  expect(await fitsInMemory(device, 0)).toBe(true)
})

/**
 * A device with room for so many bytes. A stand-in, since no software adapter ever refuses: their memory is the host's, which
 * is promised without limit as long as nothing is written to it.
 */
function smallDevice(budgetBytes: number): { device: GPUDevice; held: () => number; asked: number[] } {
  let held = 0
  let refused = false
  const asked: number[] = []
  const device = {
    pushErrorScope: () => (refused = false),
    popErrorScope: () => Promise.resolve(refused ? { message: 'out of memory' } : null),
    createBuffer: ({ size }: GPUBufferDescriptor) => {
      asked.push(size)
      refused = held + size > budgetBytes
      const taken = refused ? 0 : size
      held += taken
      return { destroy: () => (held -= taken) }
    },
  }
  return { device: device as unknown as GPUDevice, held: () => held, asked }
}

test('the first piece that is refused ends it, and everything is given back', async () => {
  const { device, held, asked } = smallDevice(1_000_000_000)
  expect(await fitsInMemory(device, 1_500_000_000)).toBe(false)
  expect(asked).toEqual([2 ** 28, 2 ** 28, 2 ** 28, 2 ** 28])
  expect(held()).toBe(0)
  expect(await fitsInMemory(device, 999_999_998)).toBe(true)
  expect(asked.slice(4)).toEqual([2 ** 28, 2 ** 28, 2 ** 28, 999_999_998 - 3 * 2 ** 28 + 2])
  expect(held()).toBe(0)
})
