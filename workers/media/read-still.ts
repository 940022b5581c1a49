// A still of the library, read as a clip of one frame.
import type { ClipReader } from './read-clip'
import { readPicture } from './read-picture'

/** A picture file, decoded when its frame is asked for. */
export function openStillReader(file: Blob, name: string): ClipReader {
  return {
    seconds: 0,
    async *frames(signal, { width, height, crop }, first, count) {
      signal.throwIfAborted()
      if (first === 0 && count > 0) yield await readPicture(file, name, width, height, crop)
    },
    close: () => undefined,
  }
}
