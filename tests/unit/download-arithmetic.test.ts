// What a download says of itself before and while it runs: room, rate, time left, hash.
import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { AppError } from '../../src/shared/errors'
import { requireSpace } from '../../workers/storage/free-space'
import { Sha256, sha256Hex } from '../../workers/weights/sha256'
import { secondsLeft, TransferRate } from '../../workers/weights/transfer-rate'

describe('room', () => {
  const space = (freeBytes: number) => ({ usedBytes: 1e9, quotaBytes: 1e9 + freeBytes, freeBytes })

  test('just enough is enough', () => {
    expect(() => requireSpace('A model', 6e9, space(6e9))).not.toThrow()
    expect(() => requireSpace('A model', 0, space(0))).not.toThrow()
  })

  test('one byte too few is told with what is missing', () => {
    let error: unknown
    try {
      requireSpace('LTX', 6_340_744_492, space(2e9))
    } catch (thrown) {
      error = thrown
    }
    expect(error).toBeInstanceOf(AppError)
    const { code, message, details } = error as AppError
    expect(code).toBe('storage-full')
    expect(details).toMatchObject({ neededBytes: 6_340_744_492, freeBytes: 2e9, missingBytes: 4_340_744_492 })
    expect(message).toContain('LTX needs 6.4 GB more')
    expect(message).toContain('4.4 GB are missing')
    expect(() => requireSpace('A model', 1001, space(1000))).toThrow('1 bytes are missing')
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
