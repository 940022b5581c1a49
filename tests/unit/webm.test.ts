import { expect, test } from 'vitest'
import { startWebm } from '../../workers/media/webm'

const track = { codec: 'vp9', width: 64, height: 64, fps: 24 } as const

test('writes each chunk before the next one, and holds no frames', () => {
  let end = 0
  let added = 0
  const webm = startWebm(track, (bytes, position) => {
    end = Math.max(end, position + bytes.length)
  })
  const chunk = new Uint8Array(10_000)
  for (let i = 0; i < 5000; i++) {
    webm.add(chunk, i % 48 === 0 ? 'key' : 'delta', Math.round((i * 1e6) / 24))
    added += chunk.length
    expect(end).toBeGreaterThan(added) // the chunk is written completely
  }
  const length = webm.finish(5000 / 24)
  expect(length).toBe(end)
  // headers, block headers and cues are small
  expect(length - added).toBeLessThan(added / 500 + 10_000)
})

test('a failed write throws at once', () => {
  let failing = false
  const webm = startWebm(track, () => {
    if (failing) throw new Error('storage is full')
  })
  webm.add(new Uint8Array(100), 'key', 0)
  failing = true
  expect(() => webm.add(new Uint8Array(100), 'delta', 41_667)).toThrow('storage is full')
})
