// A frame as a picture file.

/**
 * A small still for the library card: WebP, or PNG where the browser writes no WebP.
 * @param rgba RGBA u8 [height, width, 4]
 */
export function makePoster(rgba: Uint8ClampedArray<ArrayBuffer>, width: number, height: number): Promise<Blob> {
  // an unknown type falls back to PNG by the specification
  return canvasOf(rgba, width, height).convertToBlob({ type: 'image/webp', quality: 0.85 })
}

/**
 * A frame as it is, as PNG.
 * @param rgba RGBA u8 [height, width, 4]
 */
export function makePng(rgba: Uint8ClampedArray<ArrayBuffer>, width: number, height: number): Promise<Blob> {
  return canvasOf(rgba, width, height).convertToBlob({ type: 'image/png' })
}

function canvasOf(rgba: Uint8ClampedArray<ArrayBuffer>, width: number, height: number): OffscreenCanvas {
  const canvas = new OffscreenCanvas(width, height)
  const context = canvas.getContext('2d', { alpha: false })
  if (!context) throw new Error('This browser has no 2D canvas in workers.')
  context.putImageData(new ImageData(rgba, width, height), 0, 0)
  return canvas
}
