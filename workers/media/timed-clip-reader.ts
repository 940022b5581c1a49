// A clip reader that answers in time: a damaged file can keep a demuxer or a decoder waiting without end.
import { AppError, cutText } from '../../src/shared/errors'
import { openClipReader, type ClipReader } from './read-clip'

/** Milliseconds for a file's headers, which are read in some; a video on a slow disk takes longer. */
const OPEN_MS = 10_000
/** Milliseconds for the next frame: the first of a long group of pictures in 4K takes a second or two. */
const FRAME_MS = 20_000

/**
 * Opens a video file, as openClipReader does.
 * @param usableSeconds of it that can be used: see wholePart
 * @throws AppError unreadable-media, also when the file or one of its frames does not answer in time; AbortError
 */
export async function openTimedReader(signal: AbortSignal, file: Blob, name: string, usableSeconds = Infinity): Promise<ClipReader> {
  const opening = openClipReader(signal, file, name, usableSeconds)
  const reader = await inTime(opening, OPEN_MS, name, 'its headers').catch((error: unknown) => {
    // one that opens after all is not used
    opening.then((late) => late.close()).catch(() => undefined)
    throw error
  })
  return {
    ...reader,
    async *frames(reading, options, first, count) {
      const frames = reader.frames(reading, options, first, count)
      try {
        for (;;) {
          const next = await inTime(frames.next(), FRAME_MS, name, 'a frame')
          if (next.done) return
          yield next.value
        }
      } catch (error) {
        if (error instanceof AppError || reading.aborted) throw error
        throw damaged(name, error instanceof Error ? error.message : String(error))
      } finally {
        // not awaited: it ends when what hangs does
        frames.return(undefined).catch(() => undefined)
      }
    },
  }
}

/** The value of a promise. @throws AppError unreadable-media when it takes longer */
export async function inTime<T>(value: Promise<T>, ms: number, name: string, what: string): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<never>((_, fail) => {
    timer = setTimeout(() => fail(damaged(name, `${what} did not come within ${ms / 1000} s`)), ms)
  })
  try {
    return await Promise.race([value, late])
  } finally {
    clearTimeout(timer)
  }
}

function damaged(name: string, found: string): AppError {
  const file = cutText(name)
  return new AppError('unreadable-media', `${file} is damaged or cut off: expected frames that this browser can decode, got: ${cutText(found)}.`, {
    file,
    found,
  })
}
