import { expect, test } from 'vitest'
import { withScope, type Scope } from '../../workers/engine/scope'
import type { Tensor } from '../../workers/engine/tensor'
import { readFrames } from '../../workers/models/read-frames'
import { testGpu } from './open-gpu'

/** Groups of one word, the index of the group; records which were requested. */
function* numbered(scope: Scope, count: number, requested: number[]): Generator<Tensor | undefined, void, undefined> {
  for (let i = 0; i < count; i++) {
    requested.push(i)
    if (i % 3 === 2) yield undefined
    yield scope.upload(Uint32Array.of(i), [1], 'u32')
  }
}

test('returns groups in order, and requests exactly one group ahead', async () => {
  const gpu = await testGpu()
  await withScope(gpu, async (scope) => {
    const live = gpu.pool.liveBuffers
    const requested: number[] = []
    let index = 0
    for await (const bytes of readFrames(new AbortController().signal, scope, numbered(scope, 7, requested))) {
      expect(new Uint32Array(bytes.buffer)).toEqual(Uint32Array.of(index))
      expect(requested.length).toBe(Math.min(index + 2, 7))
      index++
    }
    expect(index).toBe(7)
    expect(gpu.pool.liveBuffers).toBe(live)
  })
})

test('frees all memory if reading ends early or is aborted', async () => {
  const gpu = await testGpu()
  await withScope(gpu, async (scope) => {
    const live = gpu.pool.liveBuffers
    for await (const bytes of readFrames(new AbortController().signal, scope, numbered(scope, 5, []))) {
      expect(bytes).toHaveLength(4)
      break
    }
    expect(gpu.pool.liveBuffers).toBe(live)
    const controller = new AbortController()
    const requested: number[] = []
    const reading = (async () => {
      for await (const bytes of readFrames(controller.signal, scope, numbered(scope, 5, requested))) if (bytes[0] === 1) controller.abort()
    })()
    await expect(reading).rejects.toMatchObject({ name: 'AbortError' })
    expect(requested).toEqual([0, 1, 2, 3])
    expect(gpu.pool.liveBuffers).toBe(live)
  })
})
