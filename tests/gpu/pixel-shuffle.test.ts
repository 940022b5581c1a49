import { describe, expect, test } from 'vitest'
import { withScope } from '../../workers/engine/scope'
import { pixelShuffle, pixelUnshuffle, type ShuffleOrder } from '../../workers/ops/pixel-shuffle'
import { floatTypes, testGpu } from './open-gpu'
import { asHalf, randomValues, relativeError } from './reference'

/** x [F, H, W, C·t·p·p] → [F·t, H·p, W·p, C], a scatter, so that it shares no code with the kernel's gather. */
function shuffleReference(x: Float32Array, [F, H, W, C]: readonly number[], t: number, p: number, order: ShuffleOrder): Float32Array<ArrayBuffer> {
  const [frames = 0, height = 0, width = 0, channels = 0] = [F, H, W, C]
  const y = new Float32Array(x.length)
  let at = 0
  for (let f = 0; f < frames; f++)
    for (let h = 0; h < height; h++)
      for (let w = 0; w < width; w++)
        for (let c = 0; c < channels; c++)
          for (let dt = 0; dt < t; dt++)
            for (let outer = 0; outer < p; outer++)
              for (let inner = 0; inner < p; inner++) {
                const [dy, dx] = order === 'ctyx' ? [outer, inner] : [inner, outer]
                y[(((f * t + dt) * height * p + h * p + dy) * width * p + w * p + dx) * channels + c] = x[at++] as number
              }
  return y
}

describe.each(await floatTypes())('pixel shuffle in %s', (dtype) => {
  test.each([
    { time: 1, space: 2, order: 'ctyx' as const, size: [3, 5, 7, 6] },
    { time: 2, space: 2, order: 'ctyx' as const, size: [2, 3, 5, 3] },
    { time: 4, space: 4, order: 'ctyx' as const, size: [2, 3, 2, 3] },
    { time: 1, space: 4, order: 'ctxy' as const, size: [3, 3, 2, 3] },
    { time: 2, space: 1, order: 'ctyx' as const, size: [2, 3, 3, 5] },
  ])('t $time, p $space, $order: shuffles and unshuffles', async ({ time, space, order, size }) => {
    const gpu = await testGpu()
    const [F = 0, H = 0, W = 0, C = 0] = size
    const shape = [F, H, W, C * time * space * space]
    const values = asHalf(
      randomValues(
        5,
        shape.reduce((a, b) => a * b, 1),
      ),
    )
    const expected = shuffleReference(values, size, time, space, order)
    await withScope(gpu, async (scope) => {
      const x = scope.upload(values, shape, dtype)
      const y = pixelShuffle(scope, x, { time, space, order })
      expect(y.shape).toEqual([F * time, H * space, W * space, C])
      expect(await gpu.read(y)).toEqual(expected)
      const back = pixelUnshuffle(scope, y, { time, space, order })
      expect(back.shape).toEqual(shape)
      expect(await gpu.read(back)).toEqual(values)
    })
    expect(gpu.pool.liveBuffers).toBe(0)
  })

  test('drops frames, repeats channels and adds an addend', async () => {
    const gpu = await testGpu()
    const values = asHalf(randomValues(6, 2 * 3 * 2 * 16))
    const addend = randomValues(7, 3 * 6 * 4 * 6)
    const whole = shuffleReference(values, [2, 3, 2, 2], 2, 2, 'ctyx').subarray(6 * 4 * 2)
    const expected = addend.map((v, i) => v + (whole[Math.floor(i / 6) * 2 + ((i % 6) % 2)] as number))
    await withScope(gpu, async (scope) => {
      const addTo = scope.upload(addend, [3, 6, 4, 6], 'f32')
      const x = scope.upload(values, [2, 3, 2, 16], dtype)
      const y = pixelShuffle(scope, x, { time: 2, space: 2, dropFirst: 1, repeatChannels: 3, addTo })
      expect(y.shape).toEqual([3, 6, 4, 6])
      expect(relativeError(await gpu.read(y), expected)).toBeLessThan(dtype === 'f16' ? 1e-3 : 1e-7)
    })
  })

  test('repeats the first frame, averages channels and adds an addend', async () => {
    const gpu = await testGpu()
    const [F, H, W, C] = [3, 4, 2, 3] as const
    const values = asHalf(randomValues(8, F * H * W * C))
    const plane = H * W * C
    const padded = new Float32Array(4 * plane)
    padded.set(values.subarray(0, plane))
    padded.set(values, plane)
    const addend = randomValues(9, 2 * 2 * 1 * 6)
    await withScope(gpu, async (scope) => {
      // the means of four consecutive channels of the plain unshuffle
      const plain = await gpu.read(pixelUnshuffle(scope, scope.upload(padded, [4, H, W, C], 'f32'), { time: 2, space: 2 }))
      const expected = addend.map((v, i) => v + [0, 1, 2, 3].reduce((sum, m) => sum + (plain[i * 4 + m] as number), 0) / 4)
      const addTo = scope.upload(addend, [2, 2, 1, 6], 'f32')
      const y = pixelUnshuffle(scope, scope.upload(values, [F, H, W, C], dtype), { time: 2, space: 2, repeatFirst: 1, meanOf: 4, addTo, dtype: 'f32' })
      expect(y.shape).toEqual([2, 2, 1, 6])
      expect(relativeError(await gpu.read(y), expected)).toBeLessThan(1e-6)
    })
  })
})

test('rejects sizes that do not divide and names the expected ones', async () => {
  const gpu = await testGpu()
  await withScope(gpu, async (scope) => {
    expect(() => pixelShuffle(scope, scope.alloc([1, 2, 2, 6]), { space: 2 })).toThrow(/expected \[F, H, W, C·1·2·2\], got \[1, 2, 2, 6\]/)
    expect(() => pixelUnshuffle(scope, scope.alloc([1, 3, 2, 6]), { space: 2 })).toThrow(/H and W of 2/)
  })
})
