import { expect, test } from 'vitest'
import { withScope, type Scope } from '../../workers/engine/scope'
import type { Tensor } from '../../workers/engine/tensor'
import { readFrames } from '../../workers/models/read-frames'
import { testGpu } from './open-gpu'

/** One word a group, the group's number; notes which were asked for. */
function* numbered(scope: Scope, count: number, asked: number[]): Generator<Tensor | undefined, void, undefined> {
  for (let i = 0; i < count; i++) {
    asked.push(i)
    if (i % 3 === 2) yield undefined
    yield scope.upload(Uint32Array.of(i), [1], 'u32')
  }
}

test('groups come in order, and each is handed out after the next one is on its way, and no other', async () => {
  const gpu = await testGpu()
  await withScope(gpu, async (scope) => {
    const live = gpu.pool.liveBuffers
    const asked: number[] = []
    let place = 0
    for await (const bytes of readFrames(new AbortController().signal, scope, numbered(scope, 7, asked))) {
      expect(new Uint32Array(bytes.buffer)).toEqual(Uint32Array.of(place))
      expect(asked.length).toBe(Math.min(place + 2, 7))
      place++
    }
    expect(place).toBe(7)
    expect(gpu.pool.liveBuffers).toBe(live)
  })
})

test('whoever leaves, or is stopped, leaves nothing behind', async () => {
  const gpu = await testGpu()
  await withScope(gpu, async (scope) => {
    const live = gpu.pool.liveBuffers
    for await (const bytes of readFrames(new AbortController().signal, scope, numbered(scope, 5, []))) {
      expect(bytes).toHaveLength(4)
      break
    }
    expect(gpu.pool.liveBuffers).toBe(live)
    const controller = new AbortController()
    const asked: number[] = []
    const reading = (async () => {
      for await (const bytes of readFrames(controller.signal, scope, numbered(scope, 5, asked))) if (bytes[0] === 1) controller.abort()
    })()
    await expect(reading).rejects.toMatchObject({ name: 'AbortError' })
    expect(asked).toEqual([0, 1, 2, 3])
    expect(gpu.pool.liveBuffers).toBe(live)
  })
})
