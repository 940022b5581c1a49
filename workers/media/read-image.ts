// An image file as the pixels of one frame: upright, cropped to the clip's aspect ratio, in its size.
import { cropRectangle } from '../../src/shared/crop'
import { AppError } from '../../src/shared/errors'
import { kindOfFile } from '../../src/shared/media-kind'
import type { Crop } from '../../src/shared/request'
import type { ClipReader } from './read-clip'

/** Shows through where an image is transparent. */
const BACKGROUND = '#fff'
/** Larger reductions are done in steps of this factor: browsers interpolate between four neighbors only. */
const STEP = 2

/**
 * Decodes an image, or the first frame of an animated one; of an image that is cut short, what is there. The browser converts wide gamut and HDR to sRGB.
 * @returns RGBA u8 [height, width, 4], opaque
 * @throws AppError unreadable-media
 */
export async function readImage(file: Blob, name: string, width: number, height: number, crop: Crop): Promise<Uint8ClampedArray<ArrayBuffer>> {
  const image = await decode(file, name)
  try {
    const { left, top, width: wide, height: high } = cropRectangle(image, { width, height }, crop)
    let source: CanvasImageSource = image
    let [x, y, w, h] = [left, top, wide, high]
    while (w > STEP * width && h > STEP * height) {
      const half = canvasOf(Math.round(w / STEP), Math.round(h / STEP))
      half.drawImage(source, x, y, w, h, 0, 0, half.canvas.width, half.canvas.height)
      source = half.canvas
      ;[x, y, w, h] = [0, 0, half.canvas.width, half.canvas.height]
    }
    const context = canvasOf(width, height)
    context.fillStyle = BACKGROUND
    context.fillRect(0, 0, width, height)
    context.drawImage(source, x, y, w, h, 0, 0, width, height)
    return context.getImageData(0, 0, width, height).data as Uint8ClampedArray<ArrayBuffer>
  } finally {
    image.close()
  }
}

async function decode(file: Blob, name: string): Promise<ImageBitmap> {
  if (file.size === 0) throw new AppError('unreadable-media', `${name} is empty: expected an image.`, { file: name, found: 'no bytes' })
  try {
    return await createImageBitmap(file, { imageOrientation: 'from-image' })
  } catch {
    const kind = await kindOfFile(file)
    const partial = kind && (await decodePart(file, kind.type))
    if (partial) return partial
    const found = kind ? `a ${kind.name} file` : file.type || 'a file of unknown kind'
    throw new AppError('unreadable-media', `${name}: expected an image that this browser can decode (JPEG, PNG, WebP, AVIF or GIF), got ${found}.`, {
      file: name,
      found,
    })
  }
}

/** Longer than any image takes to decode. Milliseconds. */
const MAX_PART_MS = 10_000

/** What is there of an image that is cut short, as an <img> shows it; undefined where nothing is, or this browser cannot decode a part. */
async function decodePart(file: Blob, type: string): Promise<ImageBitmap | undefined> {
  if (typeof ImageDecoder === 'undefined' || !(await ImageDecoder.isTypeSupported(type))) return undefined
  const bytes = new Uint8Array(await file.arrayBuffer())
  // not closed: a decoder that knows that nothing follows refuses a part
  const data = new ReadableStream<Uint8Array<ArrayBuffer>>({ start: (controller) => controller.enqueue(bytes) })
  const decoder = new ImageDecoder({ data, type })
  try {
    // with too few bytes for a first row, it would wait for more
    const late = new Promise<undefined>((resolve) => setTimeout(resolve, MAX_PART_MS))
    const decoded = await Promise.race([decoder.decode({ completeFramesOnly: false }), late])
    if (!decoded) return undefined
    try {
      return await createImageBitmap(decoded.image)
    } finally {
      decoded.image.close()
    }
  } catch {
    return undefined
  } finally {
    decoder.close()
  }
}

function canvasOf(width: number, height: number): OffscreenCanvasRenderingContext2D {
  const context = new OffscreenCanvas(width, height).getContext('2d', { willReadFrequently: true })
  if (!context) throw new Error('Expected a 2D canvas in workers, which this browser does not have.')
  context.imageSmoothingQuality = 'high'
  return context
}

/** Opens an image as a clip of one frame, decoded when it is read. @throws AppError unreadable-media */
export async function openImageReader(file: Blob, name: string): Promise<ClipReader> {
  const image = await decode(file, name)
  const size = { width: image.width, height: image.height }
  image.close()
  return {
    seconds: 0,
    ...size,
    async *frames(signal, { width, height, crop }, first, count) {
      signal.throwIfAborted()
      if (first === 0 && count > 0) yield await readImage(file, name, width, height, crop)
    },
    close: () => undefined,
  }
}
