// The storyboard file, which a person writes or saves. Its shots as cards: modes/storyboard.ts.
import * as v from 'valibot'
import { cutText } from './errors'
import { listUpTo, misfitError, MOST, numberIn, parseFields, textUpTo } from './file-bounds'
import { CropSchema, JOINS, type Crop, type Shot } from './request'

/** The newest version that is understood. */
export const STORYBOARD_VERSION = 1

/** Most fields of one object that are named as not understood. */
const LONGEST_LIST = 50

const ShotEntry = v.object({
  prompt: v.optional(textUpTo(MOST.promptCharacters), ''),
  seconds: numberIn(0.1, 60),
  /** a join that only a newer version has becomes a cut */
  join: v.optional(v.fallback(v.picklist(JOINS), 'cut'), 'cut'),
  /** file name of an image that it begins with */
  image: v.optional(textUpTo(MOST.nameCharacters)),
  /** or of a clip that it begins with and continues */
  clip: v.optional(textUpTo(MOST.nameCharacters)),
  /** of the image: its center by default */
  crop: v.optional(CropSchema),
})

const StoryboardSchema = v.object({
  version: v.optional(v.number(), STORYBOARD_VERSION),
  /** what all shots share: subject, style */
  prompt: v.optional(textUpTo(MOST.promptCharacters), ''),
  sameSeed: v.optional(v.boolean()),
  shots: v.pipe(listUpTo(ShotEntry, 60), v.minLength(1)),
})

/** A storyboard as its file has it. */
export interface StoryboardFile {
  prompt: string
  sameSeed?: boolean | undefined
  shots: { prompt: string; seconds: number; join: Shot['join']; image?: string | undefined; clip?: string | undefined; crop?: Crop | undefined }[]
}

/**
 * Reads a storyboard. Unknown fields, joins and a newer version are listed and left out.
 * @returns its entries, and what was not understood: `music`, `shots.1.mood`
 * @throws AppError bad-request naming the field when nothing can be made of it
 */
export function readStoryboard(data: unknown): StoryboardFile & { ignored: string[] } {
  const { version, prompt, sameSeed, shots } = parseFields(StoryboardSchema, data, (misfit) =>
    misfitError('bad-request', 'storyboard', 'The storyboard does not fit', misfit),
  )
  const given = data as { shots: Record<string, unknown>[] }
  const ignored = [
    ...(version > STORYBOARD_VERSION ? [`version ${version} is newer than ${STORYBOARD_VERSION}, which is understood`] : []),
    ...unknownFields(data as Record<string, unknown>, StoryboardSchema.entries),
    ...given.shots.flatMap((shot, index) => [
      ...unknownFields(shot, ShotEntry.entries).map((field) => `shots.${index}.${field}`),
      ...(shot.image !== undefined && shot.clip !== undefined ? [`shots.${index}.clip`] : []), // it begins with one of them
      ...(shot.join === undefined || shot.join === shots[index]?.join ? [] : [`shots.${index}.join ${JSON.stringify(shot.join)}`]),
    ]),
  ]
  return { prompt, sameSeed, shots, ignored }
}

/** The text of a file that readStoryboard reads. Media are named in it, not contained. Pure. */
export function writeStoryboard(board: StoryboardFile): string {
  return `${JSON.stringify({ version: STORYBOARD_VERSION, ...board }, null, 2)}\n`
}

/** The nearest k·T + 1 frames to a length, at least T + 1. @param scaleTime T */
export function framesOf(seconds: number, fps: number, scaleTime: number): number {
  return scaleTime * Math.max(1, Math.round((seconds * fps) / scaleTime)) + 1
}

function unknownFields(data: Record<string, unknown>, known: Record<string, unknown>): string[] {
  return Object.keys(data)
    .filter((field) => !Object.hasOwn(known, field))
    .slice(0, LONGEST_LIST)
    .map((field) => cutText(field))
}
