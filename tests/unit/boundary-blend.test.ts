import fc from 'fast-check'
import { expect, test } from 'vitest'
import { BoundaryBlend } from '../../workers/pipeline/boundary-blend'

/** A frame of one gray pixel. */
const frame = (value: number) => Uint8ClampedArray.of(value, value, value, 255)

/** Blends the decoded brightnesses of a chunk. @returns the shown brightnesses */
function shown(decoded: readonly number[], chunk: { skipFirst: number; skipLast: number }, edges: { before?: number; after?: number }): number[] {
  const blend = new BoundaryBlend(
    { frames: decoded.length, ...chunk },
    { ...(edges.before !== undefined && { before: frame(edges.before) }), ...(edges.after !== undefined && { after: frame(edges.after) }) },
  )
  const out: number[] = []
  for (const value of decoded) {
    if (blend.done) break
    out.push(...blend.add(frame(value)).map(([gray]) => gray as number))
  }
  expect(blend.done).toBe(true)
  return out
}

test('shows new frames as decoded if the context frames are decoded exactly', () => {
  const size = fc.integer({ min: 0, max: 12 })
  fc.assert(
    fc.property(size, fc.integer({ min: 1, max: 30 }), size, fc.func(fc.integer({ min: 0, max: 255 })), (skipFirst, count, skipLast, gray) => {
      const decoded = Array.from({ length: skipFirst + count + skipLast }, (_, index) => gray(index))
      const edges = { ...(skipFirst > 0 && { before: decoded[skipFirst - 1] as number }), ...(skipLast > 0 && { after: decoded[skipFirst + count] as number }) }
      expect(shown(decoded, { skipFirst, skipLast }, edges)).toEqual(decoded.slice(skipFirst, skipFirst + count))
    }),
  )
})

test('subtracts the decoding error at a boundary from the nearest new frames, with decreasing weight', () => {
  const decoded = Array.from({ length: 40 }, () => 100)
  const after = shown(decoded, { skipFirst: 9, skipLast: 0 }, { before: 118 })
  expect(after.slice(0, 10)).toEqual([116, 114, 112, 110, 108, 106, 104, 102, 100, 100])
  expect(after).toHaveLength(31)
  const before = shown(decoded, { skipFirst: 0, skipLast: 9 }, { after: 82 })
  expect(before.slice(-10)).toEqual([100, 100, 98, 96, 94, 92, 90, 88, 86, 84])
  expect(before).toHaveLength(31)
})

test('interpolates between the errors of two boundaries that are close', () => {
  const between = shown(
    Array.from({ length: 21 }, () => 100),
    { skipFirst: 9, skipLast: 9 },
    { before: 109, after: 91 },
  )
  expect(between).toEqual([105, 100, 95]) // the errors +9 and −9, weighted 3:1, 1:1 and 1:3
})

test('holds back the last frames until the frame after them is known, then blends them as usual', () => {
  const decoded = Array.from({ length: 40 }, (_, index) => 100 + index)
  const chunk = { frames: decoded.length, skipFirst: 0, skipLast: 9 }
  const blend = new BoundaryBlend(chunk, { after: 'to-come' })
  const out: number[] = []
  for (const value of decoded) if (!blend.done) out.push(...blend.add(frame(value)).map(([gray]) => gray as number))
  expect(blend.done).toBe(true)
  expect(out).toHaveLength(31 - 8)
  out.push(...blend.meet(frame(82)).map(([gray]) => gray as number))
  expect(out).toEqual(shown(decoded, chunk, { after: 82 }))
  expect(blend.meet(frame(82)), 'only once').toEqual([])
})
