// A clip's length costs no memory of the GPU: after its first window each is made where the last one was.
import { expect, test } from 'vitest'
import { measureMemory } from '../bench/memory'
import { testGpu } from './open-gpu'

test('clips of two and of four windows take the memory that one takes, and none of it stays', async () => {
  const gpu = await testGpu()
  const measured = await measureMemory(gpu, 'f32', [1, 2, 4])
  const [first, ...more] = measured.map(({ peakGpuBytes }) => peakGpuBytes)
  const told = JSON.stringify(measured)
  expect(measured.map(({ chunks }) => chunks)).toEqual([1, 2, 4])
  expect(measured[2]?.frames, told).toBeGreaterThan(3 * (measured[0]?.frames ?? Infinity))
  expect(first, told).toBeGreaterThan(1e6)
  for (const peak of more) {
    // a window after the first looks at what is known of the one before
    expect(peak / (first ?? 0), told).toBeLessThan(1.15)
    expect(peak, told).toBe(more[0])
  }
  expect(gpu.pool.liveBuffers).toBe(0)
})
