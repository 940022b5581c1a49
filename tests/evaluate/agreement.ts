// How closely the engine's frames agree with PyTorch's, made from the same weights and noise.
import { join } from 'node:path'
import sharp from 'sharp'
import { UsageError } from '../../scripts/generate-flags'
import type { Clip } from './clip'
import { promptKey, type EvaluationPrompt } from './prompts'
import type { Reference } from './reference'

/** Beyond this, the frames are as good as equal. */
const MOST_DB = 100

/** PSNR in dB of two lists of frames, RGBA u8 with the alpha left out, over all of them at once. */
export function psnrDb(first: readonly ArrayLike<number>[], second: readonly ArrayLike<number>[]): number {
  let squares = 0
  let count = 0
  first.forEach((frame, k) => {
    const other = second[k]
    if (other?.length !== frame.length) throw new Error(`psnrDb: expected frames of ${frame.length} bytes, got ${other?.length ?? 0}.`)
    for (let i = 0; i < frame.length; i++) {
      if (i % 4 === 3) continue
      squares += (frame[i]! - other[i]!) ** 2
      count++
    }
  })
  return squares === 0 ? MOST_DB : Math.min(MOST_DB, 10 * Math.log10((255 * 255 * count) / squares))
}

/** Compares a clip with the frames kept of its prompt; undefined when none are. @throws UsageError when they are not readable */
export async function agreementDb(folder: string, reference: Reference, prompt: EvaluationPrompt, clip: Clip): Promise<number | undefined> {
  const { frames, files } = reference.agreement
  const index = reference.prompts.findIndex((entry) => promptKey(entry) === promptKey(prompt))
  const file = files[index]
  if (file === undefined) return undefined
  const kept = await readFrames(join(folder, file), clip, frames.length)
  const ours = frames.map((frame) => {
    const rgba = clip.frames[frame]
    if (!rgba) throw new UsageError(`reference.json keeps frame ${frame}, and a clip has ${clip.frames.length}.`)
    return rgba
  })
  return psnrDb(ours, kept)
}

/** One picture of frames side by side → RGBA u8 [height, width, 4] each. */
async function readFrames(file: string, { width, height }: Clip, count: number): Promise<Uint8Array[]> {
  const { data, info } = await sharp(file)
    .ensureAlpha()
    .raw()
    .toBuffer({ resolveWithObject: true })
    .catch((error: unknown) => {
      throw new UsageError(`${file} cannot be read (${error instanceof Error ? error.message : String(error)}): training/evaluate.py makes it.`)
    })
  if (info.width !== width * count || info.height !== height) {
    throw new UsageError(`${file}: expected ${count} frames of ${width}×${height} side by side, got ${info.width}×${info.height}.`)
  }
  const stride = info.width * 4
  return Array.from({ length: count }, (_, k) => {
    const frame = new Uint8Array(width * height * 4)
    for (let y = 0; y < height; y++) frame.set(data.subarray(y * stride + k * width * 4, y * stride + (k + 1) * width * 4), y * width * 4)
    return frame
  })
}
