import fc from 'fast-check'
import { expect, test } from 'vitest'
import { BT601, BT709, i420Bytes, i420ToRgba, rgbaToI420, type Matrix } from '../../workers/media/yuv'

/** A color as [Y, U, V]. */
function yuvOf(red: number, green: number, blue: number, matrix = BT709): number[] {
  const planes = new Uint8Array(i420Bytes(2, 2)).fill(99)
  rgbaToI420(
    Uint8ClampedArray.from({ length: 16 }, (_, i) => [red, green, blue, 0][i % 4]!),
    2,
    2,
    matrix,
    planes,
  )
  expect(planes.slice(0, 4)).toEqual(new Uint8Array(4).fill(planes[0]!))
  return [planes[0]!, planes[4]!, planes[5]!]
}

test('gives the values of the BT.709 color bars', () => {
  // Rec. ITU-R BT.709-6, 8 bits, 100 % bars
  expect(yuvOf(255, 255, 255)).toEqual([235, 128, 128])
  expect(yuvOf(0, 0, 0)).toEqual([16, 128, 128])
  expect(yuvOf(255, 0, 0)).toEqual([63, 102, 240])
  expect(yuvOf(0, 255, 0)).toEqual([173, 42, 26])
  expect(yuvOf(0, 0, 255)).toEqual([32, 240, 118])
  expect(yuvOf(255, 255, 0)).toEqual([219, 16, 138])
})

test('gives the values of the BT.601 color bars', () => {
  expect(yuvOf(255, 255, 255, BT601)).toEqual([235, 128, 128])
  expect(yuvOf(255, 0, 0, BT601)).toEqual([81, 90, 240])
  expect(yuvOf(0, 255, 0, BT601)).toEqual([145, 54, 34])
  expect(yuvOf(0, 0, 255, BT601)).toEqual([41, 240, 110])
})

test('gives each pixel its luma and each 2 × 2 block its mean chroma', () => {
  const width = 6
  const height = 4
  const rgba = new Uint8ClampedArray(width * height * 4)
  // one red pixel at (5, 2): luma there, chroma in cell (2, 1)
  rgba.set([255, 0, 0, 255], (2 * width + 5) * 4)
  const planes = new Uint8Array(i420Bytes(width, height))
  rgbaToI420(rgba, width, height, BT709, planes)
  const luma = Array.from({ length: 24 }, () => 16)
  luma[2 * width + 5] = 63
  const u = [128, 128, 128, 128, 128, 122]
  const v = [128, 128, 128, 128, 128, 156]
  expect([...planes]).toEqual([...luma, ...u, ...v])
})

test('integer weights differ from the formula by at most 0.51 steps', () => {
  const side = fc.integer({ min: 1, max: 9 }).map((half) => 2 * half)
  fc.assert(
    fc.property(side, side, fc.constantFrom(BT709, BT601), fc.infiniteStream(fc.nat(255)), (width, height, matrix, levels) => {
      const rgba = Uint8ClampedArray.from({ length: width * height * 4 }, () => levels.next().value as number)
      const planes = new Uint8Array(i420Bytes(width, height)).fill(99)
      rgbaToI420(rgba, width, height, matrix, planes)
      const exact = exactI420(rgba, width, height, matrix)
      // half a step of rounding, and at most 255 · 3 half 65536ths of the weights
      planes.forEach((byte, at) => expect(Math.abs(byte - exact[at]!), `byte ${at}`).toBeLessThan(0.51))
    }),
  )
})

test('converts 2 × 2 squares back within two levels', () => {
  fc.assert(
    fc.property(fc.constantFrom(BT709, BT601), fc.array(fc.tuple(fc.nat(255), fc.nat(255), fc.nat(255)), { minLength: 6, maxLength: 6 }), (matrix, squares) => {
      const rgba = Uint8ClampedArray.from({ length: 6 * 4 * 4 }, (_, at) => {
        const [x, y] = [Math.floor(at / 4) % 6, Math.floor(at / 24)]
        return at % 4 === 3 ? 255 : squares[(y >> 1) * 3 + (x >> 1)]![at % 4]!
      })
      const planes = new Uint8ClampedArray(i420Bytes(6, 4))
      rgbaToI420(rgba, 6, 4, matrix, planes)
      i420ToRgba(planes, 6, 4, matrix).forEach((level, at) => expect(Math.abs(level - rgba[at]!)).toBeLessThanOrEqual(2))
    }),
  )
})

/** The unrounded formula: Y = 16 + 219·y, U = 128 + 112·(b − y) / (1 − kb), V likewise, for colors from 0 to 1. */
function exactI420(rgba: Uint8ClampedArray, width: number, height: number, { red, blue }: Matrix): number[] {
  const at = (x: number, y: number) => [0, 1, 2].map((channel) => rgba[(y * width + x) * 4 + channel]! / 255)
  const lumaOf = ([r, g, b]: number[]) => red * r! + (1 - red - blue) * g! + blue * b!
  const luma: number[] = []
  const u: number[] = []
  const v: number[] = []
  for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) luma.push(16 + 219 * lumaOf(at(x, y)))
  for (let y = 0; y < height; y += 2) {
    for (let x = 0; x < width; x += 2) {
      const corners = [at(x, y), at(x + 1, y), at(x, y + 1), at(x + 1, y + 1)]
      const mean = [0, 1, 2].map((channel) => corners.reduce((sum, color) => sum + color[channel]! / 4, 0))
      u.push(128 + (112 * (mean[2]! - lumaOf(mean))) / (1 - blue))
      v.push(128 + (112 * (mean[0]! - lumaOf(mean))) / (1 - red))
    }
  }
  return [...luma, ...u, ...v]
}
