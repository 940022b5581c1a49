// RGBA → I420 in limited range: the one kind of video that every player shows in the right colours.
// Browsers convert each in their own way, and full range is where players disagree.

/** How red, green and blue make luma, and the names of that for the encoder and the file. */
export interface Matrix {
  red: number
  blue: number
  colourSpace: VideoColorSpaceInit
}

export const BT709: Matrix = { red: 0.2126, blue: 0.0722, colourSpace: { matrix: 'bt709', primaries: 'bt709', transfer: 'bt709', fullRange: false } }
/** VP8 is BT.601 by its specification, and decoders do not ask the file. */
export const BT601: Matrix = { red: 0.299, blue: 0.114, colourSpace: { matrix: 'smpte170m', primaries: 'smpte170m', transfer: 'smpte170m', fullRange: false } }

/** Bytes of an I420 picture with even sides: Y [H, W], then U and V [H/2, W/2]. */
export function i420Bytes(width: number, height: number): number {
  return (width * height * 3) / 2
}

/**
 * Converts a picture; colour is averaged over 2 × 2 pixels, alpha is not read.
 * @param rgba RGBA u8 [height, width, 4], even sides
 * @param i420 u8 [i420Bytes(width, height)], overwritten
 */
export function rgbaToI420(rgba: Uint8ClampedArray, width: number, height: number, matrix: Matrix, i420: Uint8Array): void {
  const { red, blue } = matrix
  const green = 1 - red - blue
  // 8-bit full range → luma 16…235, chroma 16…240
  const lumaScale = 219 / 255
  const uScale = 224 / 255 / (2 * (1 - blue)) / 4
  const vScale = 224 / 255 / (2 * (1 - red)) / 4
  const uAt = width * height
  const vAt = uAt + uAt / 4
  const row = width * 4
  let chroma = 0
  for (let y = 0; y < height; y += 2) {
    for (let x = 0; x < width; x += 2) {
      const at = y * row + x * 4
      let r = 0
      let g = 0
      let b = 0
      for (let corner = 0; corner < 4; corner++) {
        const dx = corner & 1
        const dy = corner >> 1
        const p = at + dy * row + dx * 4
        const pr = rgba[p]!
        const pg = rgba[p + 1]!
        const pb = rgba[p + 2]!
        i420[(y + dy) * width + x + dx] = 16.5 + lumaScale * (red * pr + green * pg + blue * pb) // storing cuts off: rounded by the half
        r += pr
        g += pg
        b += pb
      }
      const luma = red * r + green * g + blue * b
      i420[uAt + chroma] = 128.5 + uScale * (b - luma)
      i420[vAt + chroma] = 128.5 + vScale * (r - luma)
      chroma++
    }
  }
}
