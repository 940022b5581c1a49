import { describe, expect, test } from 'vitest'
import { withScope } from '../../workers/engine/scope'
import { patchify, unpatchify } from '../../workers/ops/patchify'
import { floatTypes, testGpu } from './open-gpu'
import { asHalf, randomValues } from './reference'

/** latent [F, H, W, C] → tokens, one patch after the other, channel by channel inside. */
function tokensReference(x: Float32Array, [F, H, W, C]: readonly [number, number, number, number], p: number, pt: number): number[] {
  const tokens: number[] = []
  for (let f = 0; f < F; f += pt)
    for (let h = 0; h < H; h += p)
      for (let w = 0; w < W; w += p)
        for (let c = 0; c < C; c++)
          for (let dt = 0; dt < pt; dt++)
            for (let dy = 0; dy < p; dy++) for (let dx = 0; dx < p; dx++) tokens.push(x[(((f + dt) * H + h + dy) * W + w + dx) * C + c] as number)
  return tokens
}

describe.each(await floatTypes())('patchify in %s', (dtype) => {
  test.each([
    { size: [3, 7, 3, 5] as const, patch: 1, patchTime: 1 },
    { size: [4, 6, 10, 3] as const, patch: 2, patchTime: 1 },
    { size: [6, 3, 9, 2] as const, patch: 3, patchTime: 2 },
  ])('patchifies and unpatchifies $size in patches of $patchTime×$patch×$patch', async ({ size, patch, patchTime }) => {
    const gpu = await testGpu()
    const [F, H, W, C] = size
    const values = asHalf(randomValues(11, C * F * H * W))
    await withScope(gpu, async (scope) => {
      const tokens = patchify(scope, scope.upload(values, size, dtype), { patch, patchTime })
      const inner = C * patchTime * patch * patch
      expect(tokens.shape).toEqual([(C * F * H * W) / inner, inner])
      expect([...(await gpu.read(tokens))]).toEqual(tokensReference(values, size, patch, patchTime))
      const back = unpatchify(scope, tokens, { patch, patchTime, frames: F, height: H, width: W })
      expect(back.shape).toEqual([...size])
      expect(await gpu.read(back)).toEqual(values)
    })
    expect(gpu.pool.liveBuffers).toBe(0)
  })
})

test('rejects sizes that are not whole patches', async () => {
  const gpu = await testGpu()
  await withScope(gpu, async (scope) => {
    expect(() => patchify(scope, scope.alloc([3, 5, 4, 2]), { patch: 2, patchTime: 1 })).toThrow(/1×2×2, got \[3, 5, 4, 2\]/)
    expect(() => unpatchify(scope, scope.alloc([4, 8]), { patch: 1, patchTime: 1, frames: 1, height: 2, width: 3 })).toThrow(/\[1, 2, 3, C\]/)
  })
})
