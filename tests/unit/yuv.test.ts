import { expect, test } from 'vitest'
import { BT601, BT709, i420Bytes, rgbaToI420 } from '../../workers/media/yuv'

/** One colour as [Y, U, V]. */
function yuvOf(red: number, green: number, blue: number, matrix = BT709): number[] {
  const planes = new Uint8Array(i420Bytes(2, 2)).fill(99)
  rgbaToI420(Uint8ClampedArray.from({ length: 16 }, (_, i) => [red, green, blue, 0][i % 4]!), 2, 2, matrix, planes)
  expect(planes.slice(0, 4)).toEqual(new Uint8Array(4).fill(planes[0]!))
  return [planes[0]!, planes[4]!, planes[5]!]
}

test('colours have the values of the BT.709 colour bars', () => {
  // Rec. ITU-R BT.709-6, 8 bits, 100 % bars
  expect(yuvOf(255, 255, 255)).toEqual([235, 128, 128])
  expect(yuvOf(0, 0, 0)).toEqual([16, 128, 128])
  expect(yuvOf(255, 0, 0)).toEqual([63, 102, 240])
  expect(yuvOf(0, 255, 0)).toEqual([173, 42, 26])
  expect(yuvOf(0, 0, 255)).toEqual([32, 240, 118])
  expect(yuvOf(255, 255, 0)).toEqual([219, 16, 138])
})

test('the older matrix has the values of the BT.601 colour bars', () => {
  expect(yuvOf(255, 255, 255, BT601)).toEqual([235, 128, 128])
  expect(yuvOf(255, 0, 0, BT601)).toEqual([81, 90, 240])
  expect(yuvOf(0, 255, 0, BT601)).toEqual([145, 54, 34])
  expect(yuvOf(0, 0, 255, BT601)).toEqual([41, 240, 110])
})

test('each pixel keeps its luma, each 2 × 2 block its mean colour, in the right place', () => {
  const width = 6
  const height = 4
  const rgba = new Uint8ClampedArray(width * height * 4)
  // one red pixel at (5, 2): luma there, colour in chroma cell (2, 1)
  rgba.set([255, 0, 0, 255], (2 * width + 5) * 4)
  const planes = new Uint8Array(i420Bytes(width, height))
  rgbaToI420(rgba, width, height, BT709, planes)
  const luma = Array.from({ length: 24 }, () => 16)
  luma[2 * width + 5] = 63
  const u = [128, 128, 128, 128, 128, 122]
  const v = [128, 128, 128, 128, 128, 156]
  expect([...planes]).toEqual([...luma, ...u, ...v])
})
