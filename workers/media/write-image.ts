// Frames as image files.

/**
 * A poster for the library card: WebP, or PNG if the browser cannot encode WebP.
 * @param rgba RGBA u8 [height, width, 4]
 */
export function makePoster(rgba: Uint8ClampedArray<ArrayBuffer>, width: number, height: number): Promise<Blob> {
  // by the specification, an unsupported type falls back to PNG
  return canvasOf(rgba, width, height).convertToBlob({ type: 'image/webp', quality: 0.85 })
}

/**
 * A frame as PNG, lossless.
 * @param rgba RGBA u8 [height, width, 4]
 */
export function makePng(rgba: Uint8ClampedArray<ArrayBuffer>, width: number, height: number): Promise<Blob> {
  return canvasOf(rgba, width, height).convertToBlob({ type: 'image/png' })
}

function canvasOf(rgba: Uint8ClampedArray<ArrayBuffer>, width: number, height: number): OffscreenCanvas {
  const canvas = new OffscreenCanvas(width, height)
  const context = canvas.getContext('2d', { alpha: false })
  if (!context) throw new Error('Expected a 2D canvas in workers, which this browser does not have.')
  context.putImageData(new ImageData(rgba, width, height), 0, 0)
  return canvas
}
