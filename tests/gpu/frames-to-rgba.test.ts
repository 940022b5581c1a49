import { expect, test } from 'vitest'
import { withScope } from '../../workers/engine/scope'
import { framesToRgba } from '../../workers/ops/frames-to-rgba'
import { floatTypes, testGpu } from './open-gpu'
import { asHalf, randomValues } from './reference'

test.each(await floatTypes())('clamps and rounds pixels in %s to nearest', async (dtype) => {
  const gpu = await testGpu()
  const values = asHalf(randomValues(13, 2 * 5 * 7 * 3, 0.8))
  values.set([-1, 1, 0, -1.5, 1.5, -0.5])
  await withScope(gpu, async (scope) => {
    const rgba = framesToRgba(scope, scope.upload(values, [2, 5, 7, 3], dtype))
    expect(rgba.shape).toEqual([2, 5, 7])
    const bytes = new Uint8Array(await gpu.readBytes(rgba))
    const level = (v: number) => Math.floor((Math.min(1, Math.max(-1, v)) + 1) * 127.5 + 0.5)
    const expected = Array.from({ length: 70 }, (_, i) => [...values.subarray(i * 3, i * 3 + 3)].map(level).concat(255)).flat()
    expect([...bytes]).toEqual(expected)
    expect([...bytes.subarray(0, 8)]).toEqual([0, 255, 128, 255, 0, 255, 64, 255])
  })
  expect(gpu.pool.liveBuffers).toBe(0)
})

test('rejects a tensor that is not an RGB clip', async () => {
  const gpu = await testGpu()
  await withScope(gpu, async (scope) => {
    expect(() => framesToRgba(scope, scope.alloc([1, 2, 2, 4]))).toThrow(/expected \[F, H, W, 3\], got \[1, 2, 2, 4\]/)
  })
})
