import fc from 'fast-check'
import * as v from 'valibot'
import { describe, expect, it } from 'vitest'
import { cropRectangle, draggedCrop, evenCropRectangle, zoomedCrop } from '../../src/shared/crop'
import { CropSchema, MIDDLE } from '../../src/shared/request'

const wide = { width: 400, height: 200 }
const square = { width: 100, height: 100 }

it('fills the frame from the center', () => {
  expect(cropRectangle(wide, square, MIDDLE)).toEqual({ left: 100, top: 0, width: 200, height: 200 })
  expect(cropRectangle(square, { width: 160, height: 90 }, MIDDLE)).toEqual({ left: 0, top: 21.875, width: 100, height: 56.25 })
})

it('moves from edge to edge', () => {
  expect(cropRectangle(wide, square, { x: 0, y: 0, zoom: 1 }).left).toBe(0)
  expect(cropRectangle(wide, square, { x: 1, y: 1, zoom: 1 })).toEqual({ left: 200, top: 0, width: 200, height: 200 })
  expect(cropRectangle(wide, square, { x: 1, y: 1, zoom: 4 })).toEqual({ left: 350, top: 150, width: 50, height: 50 })
})

it('is the whole image if the aspect ratios are equal', () => {
  expect(cropRectangle(wide, { width: 128, height: 64 }, MIDDLE)).toEqual({ left: 0, top: 0, ...wide })
})

describe('in whole, even pixels', () => {
  const size = (most: number) => fc.record({ width: fc.integer({ min: 1, max: most }), height: fc.integer({ min: 1, max: most }) })
  const crop = fc.record({
    x: fc.double({ min: 0, max: 1, noNaN: true }),
    y: fc.double({ min: 0, max: 1, noNaN: true }),
    zoom: fc.oneof(fc.constant(1), fc.double({ min: 1, max: 16, noNaN: true })),
  })

  it('is within every image, and nowhere 2 pixels from the exact rectangle', () => {
    fc.assert(
      fc.property(size(8192), size(4096), fc.oneof(fc.constant(MIDDLE), crop), (from, to, at) => {
        const even = evenCropRectangle(from, to, at)
        const exact = cropRectangle(from, to, at)
        for (const [start, side] of [
          ['left', 'width'],
          ['top', 'height'],
        ] as const) {
          const whole = from[side]
          expect(Number.isInteger(even[start]) && even[start] >= 0 && even[start] % 2 === 0, `${start} ${even[start]}`).toBe(true)
          expect(Number.isInteger(even[side]) && even[side] > 0 && (even[side] % 2 === 0 || whole === 1), `${side} ${even[side]}`).toBe(true)
          expect(even[start] + even[side]).toBeLessThanOrEqual(whole)
          // an exact side may be far below 2 pixels
          expect(Math.abs(even[start] - exact[start])).toBeLessThanOrEqual(3)
          expect(Math.abs(even[side] - exact[side])).toBeLessThanOrEqual(2)
        }
      }),
      { numRuns: 2000 },
    )
  })

  it('is the exact rectangle where that is whole and even', () => {
    expect(evenCropRectangle(wide, square, MIDDLE)).toEqual(cropRectangle(wide, square, MIDDLE))
    expect(evenCropRectangle(wide, { width: 128, height: 64 }, MIDDLE)).toEqual({ left: 0, top: 0, ...wide })
  })

  it('fits the usual sizes of videos and clips', () => {
    expect(evenCropRectangle({ width: 1280, height: 720 }, { width: 176, height: 96 }, MIDDLE)).toEqual({ left: 0, top: 10, width: 1280, height: 698 })
    expect(evenCropRectangle({ width: 1280, height: 720 }, { width: 96, height: 176 }, MIDDLE)).toEqual({ left: 444, top: 0, width: 392, height: 720 })
  })
})

describe('dragging and zooming', () => {
  const shape = { width: 160, height: 90 }
  const crop = fc.record({
    x: fc.double({ min: 0, max: 1, noNaN: true }),
    y: fc.double({ min: 0, max: 1, noNaN: true }),
    zoom: fc.double({ min: 1, max: 16, noNaN: true }),
  })

  it('follows the pointer', () => {
    const before = cropRectangle(wide, square, MIDDLE)
    const after = cropRectangle(wide, square, draggedCrop(MIDDLE, wide, square, 0.25, 0))
    // dragging right by a quarter of the frame moves the crop left by as much
    expect(after.left).toBeCloseTo(before.left - before.width / 4)
    expect(after.top).toBe(before.top)
  })

  it('stays on an axis without overhang, and at the edge', () => {
    expect(draggedCrop(MIDDLE, wide, square, 0, 3)).toEqual(MIDDLE)
    expect(draggedCrop(MIDDLE, wide, square, -99, 0)).toEqual({ ...MIDDLE, x: 1 })
  })

  it('returns to the center after opposite drags, and reaches the edge after ten', () => {
    const after = (steps: readonly number[]) => steps.reduce((at, step) => draggedCrop(at, wide, square, step, 0), MIDDLE)
    const [there, back] = [Array<number>(7).fill(0.05), Array<number>(7).fill(-0.05)]
    expect(after([...there, ...back])).toEqual(MIDDLE)
    expect(after(Array<number>(10).fill(0.05))).toEqual({ ...MIDDLE, x: 0 })
  })

  it('keeps the center of the frame when zooming', () => {
    const at = { x: 0.7, y: 0.4, zoom: 2 }
    const middle = ({ left, top, width, height }: ReturnType<typeof cropRectangle>) => [left + width / 2, top + height / 2]
    const [x, y] = middle(cropRectangle(wide, shape, at))
    const [nowX, nowY] = middle(cropRectangle(wide, shape, zoomedCrop(at, wide, shape, 3)))
    expect(nowX).toBeCloseTo(x!)
    expect(nowY).toBeCloseTo(y!)
  })

  it('never leaves the image', () => {
    fc.assert(
      fc.property(
        crop,
        fc.double({ min: -3, max: 3, noNaN: true }),
        fc.double({ min: -3, max: 3, noNaN: true }),
        fc.double({ min: 1, max: 16, noNaN: true }),
        (start, right, down, zoom) => {
          for (const moved of [draggedCrop(start, wide, shape, right, down), zoomedCrop(start, wide, shape, zoom)]) {
            expect(v.is(CropSchema, moved)).toBe(true)
            const { left, top, width, height } = cropRectangle(wide, shape, moved)
            expect(Math.min(left, top)).toBeGreaterThanOrEqual(-1e-6)
            expect(left + width).toBeLessThanOrEqual(wide.width + 1e-6)
            expect(top + height).toBeLessThanOrEqual(wide.height + 1e-6)
          }
        },
      ),
    )
  })
})
