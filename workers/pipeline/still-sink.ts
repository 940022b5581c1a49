// One frame in, a saved picture out: a still is a clip of one frame, and a PNG.
import { AppError } from '../../src/shared/errors'
import { RECIPE_KEYWORD } from '../../src/shared/recipe'
import { withPngText } from '../../src/shared/png-text'
import { makePng, makePoster } from '../media/write-image'
import { openClipFile } from '../storage/clip-file'
import { unlockClip } from '../storage/clips'
import type { ClipSink } from './clip-sink'
import { RGBA_FORMAT } from './frame-format'

/** Opens a file for one picture of this size in pixels. */
export async function openStillSink({ width, height, fps }: { width: number; height: number; fps: number }): Promise<ClipSink> {
  const file = await openClipFile(`${crypto.randomUUID()}.png`)
  let picture: { png: Uint8Array; poster: Blob } | undefined
  return {
    format: RGBA_FORMAT,
    async add(rgba) {
      if (picture) throw new AppError('internal', 'A still has one frame; another one came.', { expected: 1, found: 2 })
      const png = new Uint8Array(await (await makePng(rgba, width, height)).arrayBuffer())
      picture = { png, poster: await makePoster(rgba, width, height) }
    },
    async finish(frames, recipe) {
      if (!picture || frames !== 1) throw new AppError('internal', `A still has one frame; ${frames} were expected.`, { expected: 1, found: frames })
      const { png, poster } = picture
      const whole = recipe ? withPngText(png, RECIPE_KEYWORD, JSON.stringify(recipe)) : png
      file.write(whole, 0)
      return { ...(await file.finish()), poster, bytes: whole.length, codec: 'png', durationSeconds: 1 / fps }
    },
    async abort() {
      await file.abort()
      unlockClip(file.name)
    },
  }
}
