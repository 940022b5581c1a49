import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  chunkCount,
  chunkLine,
  chunkRange,
  damageLine,
  headerLine,
  downloadedBytes,
  parseJournal,
  wholeLine,
  type JournalHeader,
} from '../../workers/storage/download-journal'

const header: JournalHeader = { schemaVersion: 1, url: 'https://mirror.example/x', bytes: 250, etag: '"1"', chunkBytes: 100 }
const hash = (digit: number) => digit.toString(16).repeat(64).slice(0, 64)

describe('download journal', () => {
  test('lists the chunks on the disk, their hashes and the verified hash of the file', () => {
    const text = headerLine(header) + chunkLine(0, hash(1)) + chunkLine(2, hash(2)) + chunkLine(1, hash(3)) + wholeLine(hash(4))
    const journal = parseJournal(text)!
    expect(journal.header).toEqual(header)
    expect([...journal.present].sort()).toEqual([0, 1, 2])
    expect(journal.hashes.get(2)).toBe(hash(2))
    expect(journal.whole).toBe(hash(4))
    expect(journal.validBytes).toBe(text.length)
    expect(downloadedBytes(journal)).toBe(250)
  })

  test('a damaged chunk keeps its hash, and the file is no longer complete', () => {
    const journal = parseJournal(
      headerLine(header) + chunkLine(0, hash(1)) + chunkLine(1, hash(2)) + chunkLine(2, hash(3)) + wholeLine(hash(4)) + damageLine(1, hash(2)),
    )!
    expect([...journal.present].sort()).toEqual([0, 2])
    expect(journal.hashes.get(1)).toBe(hash(2))
    expect(journal.whole).toBeNull()
    expect(downloadedBytes(journal)).toBe(150)
  })

  test('cut off at any byte, it is read up to its last complete line', () => {
    const lines = [
      headerLine(header),
      chunkLine(0, hash(1)),
      chunkLine(1, hash(2)),
      damageLine(0, hash(1)),
      chunkLine(0, hash(1)),
      chunkLine(2, hash(3)),
      wholeLine(hash(4)),
    ]
    const text = lines.join('')
    for (let length = 0; length <= text.length; length++) {
      const journal = parseJournal(text.slice(0, length))
      let whole = 0
      while (whole < lines.length && lines.slice(0, whole + 1).join('').length <= length) whole++
      if (whole === 0) expect(journal).toBeUndefined()
      else expect(journal).toEqual(parseJournal(lines.slice(0, whole).join('')))
      if (journal) expect(journal.validBytes).toBe(lines.slice(0, whole).join('').length)
    }
  })

  test.each([
    ['nothing', ''],
    ['text that is not JSON', 'hello\n'],
    ['another schema version', headerLine(header).replace('"schemaVersion":1', '"schemaVersion":2')],
    ['a negative length', headerLine(header).replace('250', '-1')],
    ['chunks of zero bytes', headerLine(header).replace('"chunkBytes":100', '"chunkBytes":0')],
  ])('rejects a journal that begins with %s', (_, text) => {
    expect(parseJournal(text)).toBeUndefined()
  })

  test.each([
    ['a chunk beyond the end of the file', chunkLine(3, hash(1))],
    ['an invalid hash', chunkLine(0, 'abc')],
    ['the hash of the file before all chunks are present', wholeLine(hash(1))],
    ['invalid JSON', '{"chunk":\n'],
  ])('is read up to %s', (_, bad) => {
    const good = headerLine(header) + chunkLine(1, hash(2))
    const journal = parseJournal(good + bad + chunkLine(0, hash(1)))!
    expect([...journal.present]).toEqual([1])
    expect(journal.validBytes).toBe(good.length)
  })

  test('with any bytes changed, its chunks still fit the file', () => {
    const text = headerLine(header) + chunkLine(0, hash(1)) + chunkLine(2, hash(2))
    fc.assert(
      fc.property(fc.nat(text.length - 1), fc.string({ unit: 'binary', maxLength: 3 }), (at, replacement) => {
        const journal = parseJournal(text.slice(0, at) + replacement + text.slice(at + replacement.length))
        if (!journal) return
        for (const chunk of journal.present) expect(chunk).toBeLessThan(chunkCount(journal.header))
        expect(downloadedBytes(journal)).toBeLessThanOrEqual(journal.header.bytes)
      }),
      { numRuns: 500, seed: 7 },
    )
  })
})

test('chunks cover the file without gaps or overlaps', () => {
  for (const [bytes, chunkBytes, count] of [
    [250, 100, 3],
    [300, 100, 3],
    [1, 100, 1],
    [0, 100, 0],
  ] as const) {
    expect(chunkCount({ bytes, chunkBytes })).toBe(count)
    let at = 0
    for (let chunk = 0; chunk < count; chunk++) {
      const { start, end } = chunkRange({ bytes, chunkBytes }, chunk)
      expect(start).toBe(at)
      expect(end).toBeGreaterThan(start)
      at = end
    }
    expect(at).toBe(bytes)
  }
})
