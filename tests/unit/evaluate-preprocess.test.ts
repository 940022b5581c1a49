import { expect, test } from 'vitest'
import { consistencyOf, frameSteps } from '../evaluate/consistency'
import { evenFrames, probeInput, PROBE_FRAMES, PROBE_SIDE } from '../evaluate/preprocess'

/** A clip with pixels from a function. */
function clipOf(width: number, height: number, frames: number, pixel: (frame: number, y: number, x: number) => readonly [number, number, number]) {
  return {
    width,
    height,
    frames: Array.from({ length: frames }, (_, frame) =>
      Uint8ClampedArray.from(Array.from({ length: width * height }, (_, i) => [...pixel(frame, Math.floor(i / width), i % width), 255]).flat()),
    ),
  }
}

const at = (input: Float32Array, channel: number, frame: number, y: number, x: number) =>
  input[((channel * PROBE_FRAMES + frame) * PROBE_SIDE + y) * PROBE_SIDE + x]

test('selects evenly spaced frames, with the first and the last', () => {
  expect(evenFrames(17, 9)).toEqual([0, 2, 4, 6, 8, 10, 12, 14, 16])
  expect(evenFrames(33, 9)).toEqual([0, 4, 8, 12, 16, 20, 24, 28, 32])
  expect(evenFrames(9, 9)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8])
  expect(evenFrames(5, 9)).toEqual([0, 1, 1, 2, 2, 3, 3, 4, 4]) // halves are rounded up
  expect(evenFrames(17, 1)).toEqual([0])
})

test('averages the pixels of each cell, channels first, 0 to 1', () => {
  const input = probeInput(clipOf(128, 128, 17, (frame, y, x) => [x, y, frame]))
  expect(input.length).toBe(3 * 9 * 64 * 64)
  expect(at(input, 0, 3, 5, 10)).toBeCloseTo(20.5 / 255, 6)
  expect(at(input, 1, 3, 5, 10)).toBeCloseTo(10.5 / 255, 6)
  expect(at(input, 2, 3, 5, 10)).toBeCloseTo(6 / 255, 6)
  expect(at(input, 2, 8, 63, 63)).toBeCloseTo(16 / 255, 6)
})

test('overlaps cells by their shared pixel if 64 does not divide a side', () => {
  const input = probeInput(clipOf(96, 72, 9, (_, y, x) => [x, y, 0]))
  expect(at(input, 0, 0, 0, 1)).toBeCloseTo((1 + 2) / 2 / 255, 6) // columns 1 … 2 of 96
  expect(at(input, 0, 0, 0, 2)).toBeCloseTo((3 + 4) / 2 / 255, 6)
  expect(at(input, 1, 0, 63, 0)).toBeCloseTo((70 + 71) / 2 / 255, 6) // rows 70 … 71 of 72
})

test('rejects a frame of another size', () => {
  const clip = clipOf(64, 64, 9, () => [0, 0, 0])
  expect(() => probeInput({ ...clip, width: 32 })).toThrow('expected frames of 32×64')
})

test('returns the mean step, its variation, and the relative first step', () => {
  const levels = [0, 30, 40, 50, 60]
  const clip = clipOf(4, 2, 5, (frame) => [levels[frame]!, levels[frame]!, levels[frame]!])
  expect(frameSteps(clip).map((step) => step * 255)).toEqual([30, 10, 10, 10].map((step) => expect.closeTo(step, 9) as number))
  const { step, variation, first } = consistencyOf(clip)
  expect(step * 255).toBeCloseTo(15, 9)
  expect(variation).toBeCloseTo(Math.sqrt(75) / 15, 9)
  expect(first).toBeCloseTo(3, 9)
  expect(consistencyOf(clipOf(4, 2, 3, () => [9, 9, 9]))).toEqual({ step: 0, variation: 0, first: 1 })
})
