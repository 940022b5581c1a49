import { expect, test } from 'vitest'
import { startWebm } from '../../workers/media/webm'

const track = { codec: 'vp9', width: 64, height: 64, fps: 24 } as const

test('bytes leave as they come: the writer keeps no frames', () => {
  let end = 0
  let given = 0
  const webm = startWebm(track, (bytes, position) => {
    end = Math.max(end, position + bytes.length)
  })
  const chunk = new Uint8Array(10_000)
  for (let i = 0; i < 5000; i++) {
    webm.add(chunk, i % 48 === 0 ? 'key' : 'delta', Math.round((i * 1e6) / 24))
    given += chunk.length
    expect(end).toBeGreaterThan(given) // all of this chunk is out, before the next one comes
  }
  const length = webm.finish(5000 / 24)
  expect(length).toBe(end)
  // headers, block heads and cues are small: what was written is what was given
  expect(length - given).toBeLessThan(given / 500 + 10_000)
})

test('a write that fails is told to the caller at once', () => {
  let failing = false
  const webm = startWebm(track, () => {
    if (failing) throw new Error('no more room')
  })
  webm.add(new Uint8Array(100), 'key', 0)
  failing = true
  expect(() => webm.add(new Uint8Array(100), 'delta', 41_667)).toThrow('no more room')
})
