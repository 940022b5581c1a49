// Reads images and videos as the pipeline does, for tests in a real browser.
import { expose } from 'comlink'
import { registerErrorTransfer } from '../../../src/shared/error-transfer'
import { MIDDLE } from '../../../src/shared/request'
import { readImage } from '../../../workers/media/read-image'
import { openTimedReader } from '../../../workers/media/timed-clip-reader'
import { wholePart } from '../../../workers/media/whole-part'

registerErrorTransfer()

const { signal } = new AbortController()

const media = {
  /** RGBA u8 [height, width, 4] */
  async image(bytes: Uint8Array<ArrayBuffer>, name: string, type: string, width: number, height: number): Promise<number[]> {
    return [...(await readImage(new Blob([bytes], { type }), name, width, height, MIDDLE))]
  },

  /** the reader's facts of a video, and at most `most` of its frames at a rate, RGBA u8 [height, width, 4] each */
  async clip(bytes: Uint8Array<ArrayBuffer>, name: string, options: { width: number; height: number; fps: number; most: number }) {
    const reader = await openTimedReader(signal, new Blob([bytes]), name)
    const { seconds, width, height } = reader
    const frames: number[][] = []
    for await (const frame of reader.frames(signal, { ...options, crop: MIDDLE }, 0, options.most)) frames.push([...frame])
    reader.close()
    return { seconds, width, height, frames }
  },

  /** what of a video can be used */
  whole: (bytes: Uint8Array<ArrayBuffer>, name: string) => wholePart(signal, new Blob([bytes]), name),
}

export type MediaHarness = typeof media

expose(media)
