import { expect, test } from 'vitest'
import { withScope } from '../../workers/engine/scope'
import { cropFrames, joinFrames, placeFrames, sliceFrames } from '../../workers/ops/frames'
import { testGpu } from './open-gpu'

/** [F, H, W, C] of 0, 1, 2 … */
const count = (shape: readonly number[]) => Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, index) => index)

test('joins, slices and places runs of frames', async () => {
  const gpu = await testGpu()
  await withScope(gpu, async (scope) => {
    const x = scope.upload(count([3, 1, 2, 1]), [3, 1, 2, 1], 'f32')
    const joined = joinFrames(scope, [{ of: x, from: 0, count: 1 }, { of: x, from: 0, count: 1 }, { of: x }, { of: x, from: 2 }])
    expect(joined.shape).toEqual([6, 1, 2, 1])
    expect([...(await gpu.read(joined))]).toEqual([0, 1, 0, 1, 0, 1, 2, 3, 4, 5, 4, 5])
    expect([...(await gpu.read(sliceFrames(scope, joined, 3, 2)))]).toEqual([2, 3, 4, 5])
    placeFrames(scope, x, 1, sliceFrames(scope, x, 0, 1))
    expect([...(await gpu.read(x))]).toEqual([0, 1, 0, 1, 4, 5])

    expect(() => joinFrames(scope, [])).toThrow(/expected at least one run/)
    expect(() => joinFrames(scope, [{ of: x, from: 2, count: 2 }])).toThrow(/got 2 to 4/)
    expect(() => joinFrames(scope, [{ of: x }, { of: scope.alloc([1, 2, 2, 1]) }])).toThrow(/got 0 to 1 of \[1, 2, 2, 1\]/)
    expect(() => joinFrames(scope, [{ of: x }, { of: scope.alloc([1, 1, 2, 1], 'f16') }])).toThrow(/f16/)
  })
  expect(gpu.pool.liveBuffers).toBe(0)
})

test('crops every frame', async () => {
  const gpu = await testGpu()
  await withScope(gpu, async (scope) => {
    const x = scope.upload(count([2, 3, 4, 2]), [2, 3, 4, 2], 'f32')
    const part = cropFrames(scope, x, { y: 1, x: 2, height: 2, width: 1 })
    expect(part.shape).toEqual([2, 2, 1, 2])
    expect([...(await gpu.read(part))]).toEqual([12, 13, 20, 21, 36, 37, 44, 45])
    expect(() => cropFrames(scope, x, { y: 2, x: 0, height: 2, width: 1 })).toThrow(/expected a crop/)
    expect(() => cropFrames(scope, scope.alloc([1, 1, 2, 2], 'f16'), { y: 0, x: 0, height: 1, width: 1 })).toThrow(/f16/)
  })
})
