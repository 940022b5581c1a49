// RGBA → I420 in limited range, the only format that all players show in the right colors: browsers' own conversions differ, and so do
// players on full range. frames_to_i420.wgsl does the same on the GPU.

/** The weights of red and blue in luma, and the color space for the encoder and the file. */
export interface Matrix {
  red: number
  blue: number
  colorSpace: VideoColorSpaceInit
}

export const BT709: Matrix = { red: 0.2126, blue: 0.0722, colorSpace: { matrix: 'bt709', primaries: 'bt709', transfer: 'bt709', fullRange: false } }
/** VP8 is BT.601 by its specification, and decoders ignore the file's color space. */
export const BT601: Matrix = { red: 0.299, blue: 0.114, colorSpace: { matrix: 'smpte170m', primaries: 'smpte170m', transfer: 'smpte170m', fullRange: false } }

/** Bytes of an I420 frame with even sides: Y [H, W], then U and V [H/2, W/2]. */
export function i420Bytes(width: number, height: number): number {
  return (width * height * 3) / 2
}

/** Weights and offsets are integers in 65536ths: fast, and the same bytes on every machine. */
const SHIFT = 16
const ONE = 2 ** SHIFT
/** Black level (chroma: zero) plus one half, so that the shift rounds to nearest. */
const LUMA_OFFSET = 16.5 * ONE
const CHROMA_OFFSET = 128.5 * ONE

/**
 * Converts a frame; chroma is averaged over 2 × 2 pixels, alpha is ignored.
 * @param rgba RGBA u8 [height, width, 4], even sides
 * @param i420 u8 [i420Bytes(width, height)], overwritten
 */
export function rgbaToI420(rgba: Uint8ClampedArray, width: number, height: number, matrix: Matrix, i420: Uint8ClampedArray | Uint8Array): void {
  const { yRed, yGreen, yBlue, uRed, uGreen, uBlue, vRed, vGreen, vBlue } = i420Weights(matrix)
  let u = width * height
  let v = u + u / 4
  for (let row = 0; row < height; row += 2) {
    // the four pixels of a chroma sample are unrolled: a loop takes twice as long
    for (let top = row * width; top < (row + 1) * width; top += 2) {
      const below = top + width
      const p = top * 4
      const q = below * 4
      const r0 = rgba[p]!
      const g0 = rgba[p + 1]!
      const b0 = rgba[p + 2]!
      const r1 = rgba[p + 4]!
      const g1 = rgba[p + 5]!
      const b1 = rgba[p + 6]!
      const r2 = rgba[q]!
      const g2 = rgba[q + 1]!
      const b2 = rgba[q + 2]!
      const r3 = rgba[q + 4]!
      const g3 = rgba[q + 5]!
      const b3 = rgba[q + 6]!
      i420[top] = (yRed * r0 + yGreen * g0 + yBlue * b0 + LUMA_OFFSET) >> SHIFT
      i420[top + 1] = (yRed * r1 + yGreen * g1 + yBlue * b1 + LUMA_OFFSET) >> SHIFT
      i420[below] = (yRed * r2 + yGreen * g2 + yBlue * b2 + LUMA_OFFSET) >> SHIFT
      i420[below + 1] = (yRed * r3 + yGreen * g3 + yBlue * b3 + LUMA_OFFSET) >> SHIFT
      const r = r0 + r1 + r2 + r3
      const g = g0 + g1 + g2 + g3
      const b = b0 + b1 + b2 + b3
      i420[u++] = (uRed * r + uGreen * g + uBlue * b + CHROMA_OFFSET) >> SHIFT
      i420[v++] = (vRed * r + vGreen * g + vBlue * b + CHROMA_OFFSET) >> SHIFT
    }
  }
}

/** Weights in 65536ths: of a pixel for luma, of the sum of four for chroma. Green takes the rounding remainder, so that gray stays gray. */
export function i420Weights({ red, blue }: Matrix) {
  // 8-bit full range → luma 16…235, chroma 16…240
  const luma = (219 / 255) * ONE
  const chroma = (224 / 255 / 2 / 4) * ONE
  const yRed = Math.round(luma * red)
  const yBlue = Math.round(luma * blue)
  const most = Math.round(chroma)
  const uRed = -Math.round((chroma * red) / (1 - blue))
  const vBlue = -Math.round((chroma * blue) / (1 - red))
  return {
    yRed,
    yGreen: Math.round(luma) - yRed - yBlue,
    yBlue,
    uRed,
    uGreen: -most - uRed,
    uBlue: most,
    vRed: most,
    vGreen: -most - vBlue,
    vBlue,
  }
}

/** Converts a frame back, for a poster of a clip: RGBA u8 [height, width, 4]; each chroma sample applies to its four pixels. */
export function i420ToRgba(i420: Uint8ClampedArray, width: number, height: number, { red, blue }: Matrix): Uint8ClampedArray<ArrayBuffer> {
  const green = 1 - red - blue
  const rgba = new Uint8ClampedArray(width * height * 4)
  const uAt = width * height
  const vAt = uAt + uAt / 4
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      const at = row * width + column
      const cell = (row >> 1) * (width / 2) + (column >> 1)
      const luma = ((i420[at]! - 16) * 255) / 219
      const r = luma + ((i420[vAt + cell]! - 128) * 255 * (1 - red)) / 112
      const b = luma + ((i420[uAt + cell]! - 128) * 255 * (1 - blue)) / 112
      rgba.set([r, (luma - red * r - blue * b) / green, b, 255], at * 4)
    }
  }
  return rgba
}
