// Pictures and clips in memory, for plans that are run without a page.
import type { MediaFrames } from '../../workers/pipeline/media-frames'
import type { Clip } from './clip'

/** Clips by the id that requests name them by; a picture is the first frame of one. All have the size and rate of the clip that is made. */
export function memoryMedia(clips: ReadonlyMap<string, Clip>): MediaFrames {
  const find = (id: string): Clip => {
    const clip = clips.get(id)
    if (!clip) throw new Error(`No clip is called ${id}: there are ${[...clips.keys()].join(', ') || 'none'}.`)
    return clip
  }
  return {
    openPart(_signal, { source, fromSeconds = 0, toSeconds = Infinity }, { fps }, stretchedTo) {
      const whole = find(source.id).frames.slice(Math.round(fromSeconds * fps), toSeconds === Infinity ? undefined : Math.round(toSeconds * fps))
      const count = stretchedTo ?? whole.length
      // of a part that is stretched, the frame that is shown at each time
      const frames = Array.from({ length: count }, (_, index) => whole[Math.floor((index * whole.length) / count)] as Uint8ClampedArray)
      return Promise.resolve({
        count,
        async *read(signal, first, count) {
          for (const frame of frames.slice(first, first + count)) {
            signal.throwIfAborted()
            yield await Promise.resolve(frame.slice() as Uint8ClampedArray<ArrayBuffer>)
          }
        },
        close: () => undefined,
      })
    },
    imageFrame: (id) => Promise.resolve((find(id).frames[0] as Uint8ClampedArray<ArrayBuffer>).slice()),
  }
}
