import { expect, it } from 'vitest'
import { cropRectangle } from '../../src/shared/crop'
import { MIDDLE } from '../../src/shared/request'

const wide = { width: 400, height: 200 }
const square = { width: 100, height: 100 }

it('fills the shape from the middle', () => {
  expect(cropRectangle(wide, square, MIDDLE)).toEqual({ left: 100, top: 0, width: 200, height: 200 })
  expect(cropRectangle(square, { width: 160, height: 90 }, MIDDLE)).toEqual({ left: 0, top: 21.875, width: 100, height: 56.25 })
})

it('moves from edge to edge, and never beyond', () => {
  expect(cropRectangle(wide, square, { x: 0, y: 0, zoom: 1 }).left).toBe(0)
  expect(cropRectangle(wide, square, { x: 1, y: 1, zoom: 1 })).toEqual({ left: 200, top: 0, width: 200, height: 200 })
  expect(cropRectangle(wide, square, { x: 1, y: 1, zoom: 4 })).toEqual({ left: 350, top: 150, width: 50, height: 50 })
})

it('is the whole picture where the shapes are one', () => {
  expect(cropRectangle(wide, { width: 128, height: 64 }, MIDDLE)).toEqual({ left: 0, top: 0, ...wide })
})
