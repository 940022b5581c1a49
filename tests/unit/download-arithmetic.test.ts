// What a download says of itself before and while it runs: room, rate, time left, hash.
import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { AppError } from '../../src/shared/errors'
import { largestFit, requireMemory } from '../../workers/storage/free-space'
import { Sha256, sha256Hex } from '../../workers/weights/sha256'
import { secondsLeft, TransferRate } from '../../workers/weights/transfer-rate'

describe('room', () => {
  test('just enough is enough', () => {
    expect(() => requireMemory('A model', 6e9, 6e9)).not.toThrow()
    expect(() => requireMemory('A model', 0, 0)).not.toThrow()
  })

  test('too little is told with what is missing', () => {
    let error: unknown
    try {
      requireMemory('LTX', 6_340_744_492, 2e9)
    } catch (thrown) {
      error = thrown
    }
    expect(error).toBeInstanceOf(AppError)
    const { code, message, details } = error as AppError
    expect(code).toBe('storage-full')
    expect(details).toEqual({ neededBytes: 6_340_744_492, freeBytes: 2e9, missingBytes: 4_340_744_492 })
    expect(message).toContain('LTX needs 6.4 GB more')
    expect(message).toContain('4.4 GB are missing')
    expect(() => requireMemory('A model', 1001, 1000)).toThrow('1 bytes are missing')
  })

  test('is found by trying, in few tries and never too large', () => {
    for (const room of [0, 1, 65_535, 65_536, 1_000_000_007, 6e9 - 1, 6e9, 9e9]) {
      let tries = 0
      const found = largestFit(6e9, (bytes) => (tries++, bytes <= room), 65_536)
      expect(found).toBeLessThanOrEqual(Math.min(room, 6e9))
      expect(found).toBeGreaterThan(Math.min(room, 6e9) - 65_536 - 1)
      expect(tries).toBeLessThan(20)
    }
  })
})

describe('the rate', () => {
  test('is that of the last seconds', () => {
    const rate = new TransferRate()
    for (let ms = 0; ms <= 4000; ms += 10) rate.add(1000, ms) // 100 000 bytes a second
    expect(rate.bytesPerSecond(4000)).toBeGreaterThan(97_000)
    expect(rate.bytesPerSecond(4000)).toBeLessThan(103_000)
    for (let ms = 4010; ms <= 14_000; ms += 10) rate.add(10_000, ms)
    expect(rate.bytesPerSecond(14_000)).toBeGreaterThan(970_000)
    expect(rate.bytesPerSecond(14_000)).toBeLessThan(1_030_000)
  })

  test('is not told before it settled, nor when nothing comes any more', () => {
    const rate = new TransferRate()
    expect(rate.bytesPerSecond(0)).toBeNull()
    rate.add(1000, 0)
    rate.add(1000, 100)
    expect(rate.bytesPerSecond(200)).toBeNull()
    expect(rate.bytesPerSecond(1000)).toBe(1000)
    expect(rate.bytesPerSecond(20_000)).toBeNull()
  })

  test('gives the time left where there is one', () => {
    expect(secondsLeft(1000, 100)).toBe(10)
    expect(secondsLeft(0, null)).toBe(0)
    expect(secondsLeft(1000, null)).toBeNull()
    expect(secondsLeft(1000, 0)).toBeNull()
  })
})

test('a hash that grows is the hash of the whole', async () => {
  const bytes = new Uint8Array(100_003).map((_, i) => (i * 31 + (i >> 7)) & 255)
  const expected = createHash('sha256').update(bytes).digest('hex')
  const growing = new Sha256()
  for (let at = 0; at < bytes.length; at += 4099) growing.update(bytes.subarray(at, at + 4099))
  expect(growing.finish()).toBe(expected)
  expect(await sha256Hex(bytes)).toBe(expected)
  expect(new Sha256().finish()).toBe(createHash('sha256').digest('hex'))
})
