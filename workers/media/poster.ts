// A small still for the library card.

/**
 * One frame as WebP, or PNG where the browser writes no WebP.
 * @param rgba RGBA u8 [height, width, 4]
 */
export async function makePoster(rgba: Uint8ClampedArray<ArrayBuffer>, width: number, height: number): Promise<Blob> {
  const canvas = new OffscreenCanvas(width, height)
  const context = canvas.getContext('2d', { alpha: false })
  if (!context) throw new Error('This browser has no 2D canvas in workers.')
  context.putImageData(new ImageData(rgba, width, height), 0, 0)
  // an unknown type falls back to PNG by the specification
  return canvas.convertToBlob({ type: 'image/webp', quality: 0.85 })
}
