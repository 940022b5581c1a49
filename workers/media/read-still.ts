// A still of the library, read as a clip of one frame.
import type { ClipReader } from './read-clip'
import { readPicture } from './read-picture'

/** Opens a picture file, which is decoded again when its frame is asked for. */
export async function openStillReader(file: Blob, name: string): Promise<ClipReader> {
  const picture = await createImageBitmap(file)
  const size = { width: picture.width, height: picture.height }
  picture.close()
  return {
    seconds: 0,
    ...size,
    async *frames(signal, { width, height, crop }, first, count) {
      signal.throwIfAborted()
      if (first === 0 && count > 0) yield await readPicture(file, name, width, height, crop)
    },
    close: () => undefined,
  }
}
