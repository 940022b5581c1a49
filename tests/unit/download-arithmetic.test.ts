// The arithmetic of downloads: free space, transfer rate, time left and incremental SHA-256.
import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { AppError } from '../../src/shared/errors'
import { largestFit, requireFreeSpace } from '../../workers/storage/free-space'
import { Sha256, sha256Hex } from '../../workers/weights/sha256'
import { secondsLeft, TransferRate } from '../../workers/weights/transfer-rate'

describe('free space', () => {
  test('accepts a download that fits exactly', () => {
    expect(() => requireFreeSpace('A model', 6e9, 6e9)).not.toThrow()
    expect(() => requireFreeSpace('A model', 0, 0)).not.toThrow()
  })

  test('rejects a larger download with the missing bytes', () => {
    let error: unknown
    try {
      requireFreeSpace('LTX', 6_340_744_492, 2e9)
    } catch (thrown) {
      error = thrown
    }
    expect(error).toBeInstanceOf(AppError)
    const { code, message, details } = error as AppError
    expect(code).toBe('storage-full')
    expect(details).toEqual({ neededBytes: 6_340_744_492, freeBytes: 2e9, missingBytes: 4_340_744_492 })
    expect(message).toContain('LTX needs 6.4 GB more')
    expect(message).toContain('4.4 GB are missing')
    expect(() => requireFreeSpace('A model', 1001, 1000)).toThrow('1 bytes are missing')
  })

  test('is measured within the precision, in fewer than 20 attempts and never too large', () => {
    for (const free of [0, 1, 65_535, 65_536, 1_000_000_007, 6e9 - 1, 6e9, 9e9]) {
      let attempts = 0
      const found = largestFit(6e9, (bytes) => (attempts++, bytes <= free), 65_536)
      expect(found).toBeLessThanOrEqual(Math.min(free, 6e9))
      expect(found).toBeGreaterThan(Math.min(free, 6e9) - 65_536 - 1)
      expect(attempts).toBeLessThan(20)
    }
  })
})

describe('transfer rate', () => {
  test('covers the last five seconds', () => {
    const rate = new TransferRate()
    for (let ms = 0; ms <= 4000; ms += 10) rate.add(1000, ms) // 100 000 bytes a second
    expect(rate.bytesPerSecond(4000)).toBeGreaterThan(97_000)
    expect(rate.bytesPerSecond(4000)).toBeLessThan(103_000)
    for (let ms = 4010; ms <= 14_000; ms += 10) rate.add(10_000, ms)
    expect(rate.bytesPerSecond(14_000)).toBeGreaterThan(970_000)
    expect(rate.bytesPerSecond(14_000)).toBeLessThan(1_030_000)
  })

  test('is null before half a second has passed and after the transfer has stopped', () => {
    const rate = new TransferRate()
    expect(rate.bytesPerSecond(0)).toBeNull()
    rate.add(1000, 0)
    rate.add(1000, 100)
    expect(rate.bytesPerSecond(200)).toBeNull()
    expect(rate.bytesPerSecond(1000)).toBe(1000)
    expect(rate.bytesPerSecond(20_000)).toBeNull()
  })

  test('gives the time left if it is known', () => {
    expect(secondsLeft(1000, 100)).toBe(10)
    expect(secondsLeft(0, null)).toBe(0)
    expect(secondsLeft(1000, null)).toBeNull()
    expect(secondsLeft(1000, 0)).toBeNull()
  })
})

test('an incremental SHA-256 equals the hash of the whole', async () => {
  const bytes = new Uint8Array(100_003).map((_, i) => (i * 31 + (i >> 7)) & 255)
  const expected = createHash('sha256').update(bytes).digest('hex')
  const incremental = new Sha256()
  for (let at = 0; at < bytes.length; at += 4099) incremental.update(bytes.subarray(at, at + 4099))
  expect(incremental.finish()).toBe(expected)
  expect(await sha256Hex(bytes)).toBe(expected)
  expect(new Sha256().finish()).toBe(createHash('sha256').digest('hex'))
})
