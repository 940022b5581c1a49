// A storyboard file: what a person writes or exports, as the shots of a request.
import * as v from 'valibot'
import { AppError } from './errors'
import type { ModelManifest } from './model'
import { CropSchema, JOINS, type Crop, type Shot } from './request'

/** The newest version that is understood. */
export const STORYBOARD_VERSION = 1

const ShotEntry = v.object({
  prompt: v.optional(v.string(), ''),
  seconds: v.pipe(v.number(), v.minValue(0.1), v.maxValue(60)),
  /** one that a newer version has is a cut here */
  join: v.optional(v.fallback(v.picklist(JOINS), 'cut'), 'cut'),
  /** file name of a picture that it begins with */
  image: v.optional(v.string()),
  /** or of a clip that it begins with and goes on from */
  clip: v.optional(v.string()),
  /** what of it is shown: its middle where nothing is said */
  crop: v.optional(CropSchema),
})

const StoryboardSchema = v.object({
  version: v.optional(v.number(), STORYBOARD_VERSION),
  /** what all shots share: subject, style */
  prompt: v.optional(v.string(), ''),
  sameSeed: v.optional(v.boolean()),
  shots: v.pipe(v.array(ShotEntry), v.minLength(1), v.maxLength(60)),
})

/** A storyboard as its file has it. */
export interface StoryboardFile {
  prompt: string
  sameSeed?: boolean | undefined
  shots: { prompt: string; seconds: number; join: Shot['join']; image?: string | undefined; clip?: string | undefined; crop?: Crop | undefined }[]
}

/** A storyboard that was read. */
export interface Storyboard {
  prompt: string
  sameSeed?: boolean
  shots: (Omit<Shot, 'conditions'> & { image?: string; clip?: string; crop?: Crop })[]
  /** what was not understood, for the person to know */
  ignored: string[]
}

/**
 * Reads a storyboard. Unknown fields, joins and a newer version are listed and left out.
 * @returns its entries, and what was not understood: `music`, `shots.1.mood`
 * @throws AppError bad-request naming the field when nothing can be made of it
 */
export function readStoryboard(data: unknown): StoryboardFile & { ignored: string[] } {
  const parsed = v.safeParse(StoryboardSchema, data)
  if (!parsed.success) {
    const issue = parsed.issues[0]
    const field = v.getDotPath(issue) ?? 'storyboard'
    throw new AppError('bad-request', `The storyboard does not fit: ${field}: expected ${issue.expected ?? 'another value'}, got ${issue.received}.`, { field })
  }
  const { version, prompt, sameSeed, shots } = parsed.output
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

/**
 * readStoryboard as the shots of a request.
 * @param fps pictures per second of the clip
 */
export function parseStoryboard(data: unknown, { latent }: ModelManifest, fps: number): Storyboard {
  const { prompt, sameSeed, shots, ignored } = readStoryboard(data)
  return {
    prompt,
    ...(sameSeed !== undefined && { sameSeed }),
    shots: shots.map(({ seconds, image, clip, crop, ...shot }) => ({
      ...shot,
      frames: framesOf(seconds, fps, latent.scaleTime),
      ...(image !== undefined && { image }),
      ...(clip !== undefined && { clip }),
      ...(crop && { crop }),
    })),
    ignored,
  }
}

/** A storyboard as the text of a file that readStoryboard reads. Pictures are named in it, not contained. Pure. */
export function writeStoryboard(board: StoryboardFile): string {
  return `${JSON.stringify({ version: STORYBOARD_VERSION, ...board }, null, 2)}\n`
}

/** The nearest k·T + 1 frames to a length, at least T + 1. @param scaleTime T */
export function framesOf(seconds: number, fps: number, scaleTime: number): number {
  return scaleTime * Math.max(1, Math.round((seconds * fps) / scaleTime)) + 1
}

function unknownFields(data: Record<string, unknown>, known: Record<string, unknown>): string[] {
  return Object.keys(data).filter((field) => !(field in known))
}
