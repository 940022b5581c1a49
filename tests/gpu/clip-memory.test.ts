// GPU memory does not grow with the length of a clip: each chunk after the first reuses the memory of the one before.
import { expect, test } from 'vitest'
import { measureMemory } from '../bench/memory'
import { testGpu } from './open-gpu'

test('needs the memory of one chunk for two and for four, and frees all of it', async () => {
  const gpu = await testGpu()
  const measured = await measureMemory(gpu, 'f32', [1, 2, 4])
  const [first, ...more] = measured.map(({ peakGpuBytes }) => peakGpuBytes)
  const summary = JSON.stringify(measured)
  expect(measured.map(({ chunks }) => chunks)).toEqual([1, 2, 4])
  expect(measured[2]?.frames, summary).toBeGreaterThan(3 * (measured[0]?.frames ?? Infinity))
  expect(first, summary).toBeGreaterThan(1e6)
  for (const peak of more) {
    // a chunk after the first has context frames of the one before
    expect(peak / (first ?? 0), summary).toBeLessThan(1.15)
    expect(peak, summary).toBe(more[0])
  }
  expect(gpu.pool.liveBuffers).toBe(0)
})
