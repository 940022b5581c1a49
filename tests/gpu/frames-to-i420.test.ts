import { expect, test } from 'vitest'
import { withScope } from '../../workers/engine/scope'
import type { FloatDType } from '../../workers/engine/tensor'
import { BT601, BT709, i420Bytes, i420Weights, rgbaToI420, type Matrix } from '../../workers/media/yuv'
import { fitsI420, framesToI420 } from '../../workers/ops/frames-to-i420'
import { framesToRgba } from '../../workers/ops/frames-to-rgba'
import { floatTypes, testGpu } from './open-gpu'
import { asHalf, randomValues } from './reference'

// more cells than a workgroup and not a whole number of workgroups; one cell; a long row; a high column
const sizes = [
  [3, 22, 40],
  [1, 2, 8],
  [2, 2, 264],
  [1, 130, 8],
] as const

const kinds = [...(await floatTypes()).map((dtype) => [dtype, BT709] as const), ['f32', BT601] as const]
test.each<readonly [FloatDType, Matrix]>(kinds)('equals the planes of the RGBA frames in %s, to the bit', async (dtype, matrix) => {
  const gpu = await testGpu()
  await withScope(gpu, async (scope) => {
    for (const [seed, [frames, height, width]] of sizes.entries()) {
      const values = asHalf(randomValues(seed + 40, frames * height * width * 3, 0.8))
      const x = scope.upload(values, [frames, height, width, 3], dtype)
      const planes = new Uint8Array(await gpu.readBytes(framesToI420(scope, x, i420Weights(matrix))))
      const rgba = new Uint8ClampedArray(await gpu.readBytes(framesToRgba(scope, x)))
      const size = i420Bytes(width, height)
      expect(planes).toHaveLength(frames * size)
      for (let frame = 0; frame < frames; frame++) {
        const expected = new Uint8Array(size)
        rgbaToI420(rgba.subarray(frame * width * height * 4), width, height, matrix, expected)
        expect(planes.subarray(frame * size, (frame + 1) * size), `${width}×${height}, frame ${frame}`).toEqual(expected)
      }
    }
  })
  expect(gpu.pool.liveBuffers).toBe(0)
})

test('rejects sizes that are not whole cells', async () => {
  expect([fitsI420(8, 2), fitsI420(12, 2), fitsI420(8, 3)]).toEqual([true, false, false])
  const gpu = await testGpu()
  await withScope(gpu, async (scope) => {
    expect(() => framesToI420(scope, scope.alloc([1, 2, 12, 3]), i420Weights(BT709))).toThrow(/cells of 8×2 pixels, got \[1, 2, 12, 3\]/)
    expect(() => framesToI420(scope, scope.alloc([1, 2, 8, 4]), i420Weights(BT709))).toThrow(/expected \[F, H, W, 3\]/)
  })
})
