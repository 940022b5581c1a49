import fc from 'fast-check'
import { expect, test } from 'vitest'
import { BoundaryBlend } from '../../workers/pipeline/boundary-blend'

/** A frame of one grey pixel. */
const frame = (value: number) => Uint8ClampedArray.of(value, value, value, 255)

/** Decoded brightnesses through the seams of a window; what is shown of it. */
function shown(decoded: readonly number[], window: { skipFirst: number; skipLast: number }, edges: { before?: number; after?: number }): number[] {
  const seams = new BoundaryBlend(
    { frames: decoded.length, ...window },
    { ...(edges.before !== undefined && { before: frame(edges.before) }), ...(edges.after !== undefined && { after: frame(edges.after) }) },
  )
  const out: number[] = []
  for (const value of decoded) {
    if (seams.done) break
    out.push(...seams.add(frame(value)).map(([grey]) => grey as number))
  }
  expect(seams.done).toBe(true)
  return out
}

test('where the decoder gets known frames right, new ones are shown as they are decoded', () => {
  const size = fc.integer({ min: 0, max: 12 })
  fc.assert(
    fc.property(size, fc.integer({ min: 1, max: 30 }), size, fc.func(fc.integer({ min: 0, max: 255 })), (skipFirst, count, skipLast, grey) => {
      const decoded = Array.from({ length: skipFirst + count + skipLast }, (_, index) => grey(index))
      const edges = { ...(skipFirst > 0 && { before: decoded[skipFirst - 1] as number }), ...(skipLast > 0 && { after: decoded[skipFirst + count] as number }) }
      expect(shown(decoded, { skipFirst, skipLast }, edges)).toEqual(decoded.slice(skipFirst, skipFirst + count))
    }),
  )
})

test('an error of the decoder at a seam is taken off the new frames beside it, less and less', () => {
  const decoded = Array.from({ length: 40 }, () => 100)
  const after = shown(decoded, { skipFirst: 9, skipLast: 0 }, { before: 118 })
  expect(after.slice(0, 10)).toEqual([116, 114, 112, 110, 108, 106, 104, 102, 100, 100])
  expect(after).toHaveLength(31)
  const before = shown(decoded, { skipFirst: 0, skipLast: 9 }, { after: 82 })
  expect(before.slice(-10)).toEqual([100, 100, 98, 96, 94, 92, 90, 88, 86, 84])
  expect(before).toHaveLength(31)
})

test('between two known frames that are close, one error goes over into the other', () => {
  const between = shown(
    Array.from({ length: 21 }, () => 100),
    { skipFirst: 9, skipLast: 9 },
    { before: 109, after: 91 },
  )
  expect(between).toEqual([105, 100, 95]) // of +9 and −9: three quarters and one, half and half, one and three
})

test('an end that is to come holds its frames back until it is there, and they are then as if it had been', () => {
  const decoded = Array.from({ length: 40 }, (_, index) => 100 + index)
  const window = { frames: decoded.length, skipFirst: 0, skipLast: 9 }
  const seams = new BoundaryBlend(window, { after: 'to-come' })
  const out: number[] = []
  for (const value of decoded) if (!seams.done) out.push(...seams.add(frame(value)).map(([grey]) => grey as number))
  expect(seams.done).toBe(true)
  expect(out).toHaveLength(31 - 8)
  out.push(...seams.meet(frame(82)).map(([grey]) => grey as number))
  expect(out).toEqual(shown(decoded, window, { after: 82 }))
  expect(seams.meet(frame(82)), 'once').toEqual([])
})
