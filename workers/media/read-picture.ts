// A picture file as the pixels of one frame: upright, cropped to the clip's shape, in its size.
import { cropRectangle } from '../../src/shared/crop'
import { AppError } from '../../src/shared/errors'
import type { Crop } from '../../src/shared/request'

/** Pictures drawn over this are seen as on a page where they are transparent. */
const PAPER = '#fff'
/** More than this many times smaller is done in halves: browsers look at four neighbours only. */
const STEP = 2

/**
 * Decodes a picture: the first frame of an animated one, wide colours and brightness brought to sRGB by the browser.
 * @returns RGBA u8 [height, width, 4], opaque
 * @throws AppError unreadable-media
 */
export async function readPicture(file: Blob, name: string, width: number, height: number, crop: Crop): Promise<Uint8ClampedArray<ArrayBuffer>> {
  const picture = await decode(file, name)
  try {
    const { left, top, width: wide, height: high } = cropRectangle(picture, { width, height }, crop)
    let source: CanvasImageSource = picture
    let [x, y, w, h] = [left, top, wide, high]
    while (w > STEP * width && h > STEP * height) {
      const half = canvasOf(Math.round(w / STEP), Math.round(h / STEP))
      half.drawImage(source, x, y, w, h, 0, 0, half.canvas.width, half.canvas.height)
      source = half.canvas
      ;[x, y, w, h] = [0, 0, half.canvas.width, half.canvas.height]
    }
    const context = canvasOf(width, height)
    context.fillStyle = PAPER
    context.fillRect(0, 0, width, height)
    context.drawImage(source, x, y, w, h, 0, 0, width, height)
    return context.getImageData(0, 0, width, height).data as Uint8ClampedArray<ArrayBuffer>
  } finally {
    picture.close()
  }
}

async function decode(file: Blob, name: string): Promise<ImageBitmap> {
  if (file.size === 0) throw new AppError('unreadable-media', `${name} is empty: expected a picture.`, { file: name, found: 'no bytes' })
  try {
    return await createImageBitmap(file, { imageOrientation: 'from-image' })
  } catch {
    const found = file.type || 'a file of unknown kind'
    throw new AppError('unreadable-media', `${name} (${found}) is no picture that this browser reads: JPEG, PNG, WebP, AVIF and GIF work.`, { file: name, found })
  }
}

function canvasOf(width: number, height: number): OffscreenCanvasRenderingContext2D {
  const context = new OffscreenCanvas(width, height).getContext('2d', { willReadFrequently: true })
  if (!context) throw new Error('This browser has no 2D canvas in workers.')
  context.imageSmoothingQuality = 'high'
  return context
}
