// What a generation mode is: the inputs that it takes beside the prompt, as data, and how they become fields of a request.
// The page's form and the command line are made from these; nothing outside this folder names a single mode.
import * as v from 'valibot'
import type { Capability } from '../capabilities'
import { isMiddle } from '../crop'
import { MOST, textUpTo } from '../file-bounds'
import type { ModelManifest } from '../model'
import { CropSchema, MediaRefSchema, type ClipPart, type Condition, type GenerateRequest, type MediaRef } from '../request'

/** An image, video or clip that a person has chosen. */
export const MediaInputSchema = v.object({
  ...MediaRefSchema.entries,
  /** of the file, or the prompt of a clip */
  name: textUpTo(MOST.promptCharacters),
  /** duration of a clip or video, once it is known */
  seconds: v.optional(v.number()),
  /** of an image: the part that is shown, where that is not its center */
  crop: v.optional(CropSchema),
})

/** See {@link MediaInputSchema}. */
export type MediaInput = v.InferOutput<typeof MediaInputSchema>

/** An input for media; null while it is empty. */
export const mediaSlot = v.nullable(MediaInputSchema)
/** 0 … 1 */
export const strength = v.pipe(v.number(), v.minValue(0), v.maxValue(1))
/** null while the field is empty */
export const typedSeconds = v.nullable(v.number())

/** Length in frames and rate in frames per second of the clip, and the model that makes it. */
export interface ModeContext {
  frames: number
  fps: number
  model: ModelManifest
}

/** What problems are looked for in. */
export interface ProblemContext extends ModeContext {
  /** of the whole clip, trimmed */
  prompt: string
  /** whether the media of this id does not exist any more */
  isGone: (id: string) => boolean
}

/** One thing that keeps a mode from making a clip. */
export interface InputProblem {
  /** the key of the input, row or card that it stands beside; `all` and `reading` beside none */
  at: string
  /** one complete sentence */
  text: string
  /** nothing is wrong: an input is still empty */
  missing?: boolean
  /** a length that would work, in frames */
  nearestFrames?: number
}

/** One input of a mode's form. `key` is the input's field. */
export type Field<Key extends string = string> =
  /** media; `cropper`: of an image, the crop is always shown */
  | { kind: 'clip' | 'image'; key: Key; label: string; hint?: string; cropper?: boolean }
  /** a number from `min` to 1; `presets`: named values; `when`: shown once this media input is filled */
  | {
      kind: 'strength'
      key: Key
      label: string
      hint: string
      min: number
      presets?: { label: string; values: readonly { value: number; label: string }[] }
      when?: Key
    }
  /** one of two */
  | { kind: 'choice'; key: Key; label: string; off: string; on: string }

/** A flag of the command line. `list`: may be repeated, each as SECONDS=FILE. */
export type Flag = { kind: 'file'; what: string } | { kind: 'number'; min: number; max: number } | { kind: 'switch' } | { kind: 'list' }

/** Flags by their names, without dashes. */
export type Flags = Readonly<Record<string, Flag>>

type FlagValue<F> = F extends { kind: 'file' }
  ? string
  : F extends { kind: 'number' }
    ? number
    : F extends { kind: 'switch' }
      ? boolean
      : F extends { kind: 'list' }
        ? readonly string[]
        : never

/** The values of a mode's flags; what was not given is undefined. */
export type FlagValues<F extends Flags> = { readonly [Name in keyof F]?: FlagValue<F[Name]> | undefined }

/** The files that flags name, as the command line reads them. */
export interface FlagFiles {
  isImage(path: string): boolean
  /** stores a file in the page */
  load(path: string): Promise<MediaInput>
  /** @throws where it is not JSON */
  readJson(path: string): unknown
  /** the path of a file that `name` gives relative to the folder of `path` */
  beside(path: string, name: string): string
}

/** One mode. Adding one: a module with such an object, and a line in index.ts. */
export interface Mode<Id extends string = string, Inputs extends object = Record<string, unknown>, F extends Flags = Flags> {
  id: Id
  /** its name in the page */
  label: string
  /** one or two sentences */
  description: string
  /** what a model must be able to do */
  needs: readonly Capability[]
  /** of its inputs, as a draft stores them */
  schema: v.GenericSchema<object, Inputs>
  empty(): Inputs
  /** what it adds to a request, as plain data; nothing of inputs that are missing. Pure. */
  toRequest(inputs: Inputs, context: ModeContext): Partial<GenerateRequest>
  /** the inputs of a request of this mode, undefined of other modes. Names and durations are not in a request. Pure but for keys. */
  fromRequest(request: GenerateRequest): Inputs | undefined
  /** everything that is missing or wrong, in the form's order. Pure. */
  problems(inputs: Inputs, context: ProblemContext): InputProblem[]
  /** the form, or the editor that shows it */
  form: readonly Field<keyof Inputs & string>[] | { editor: 'keyframes' | 'storyboard' }
  /** what its inputs come to, shown below the form */
  summary?(inputs: Inputs, context: ModeContext): string | undefined
  /** a clip or image alone can begin it: empty inputs with this one in the first */
  from?: { kind: 'clip' | 'image'; inputs(media: MediaInput): Inputs }
  flags: F
  /** flags that must be given */
  required: readonly (keyof F & string)[]
  /** whether these flags mean this mode where `--mode` is not given */
  isChosen(flags: FlagValues<F>, isImage: FlagFiles['isImage']): boolean
  /** length where `--seconds` is not given; the model's default otherwise */
  flagSeconds?(flags: FlagValues<F>): number | undefined
  /** the inputs that flags stand for; `prompt`: what a file adds before the prompt. @throws AppError bad-request */
  fromFlags(flags: FlagValues<F>, files: FlagFiles): Promise<{ inputs: Inputs; prompt?: string; ignored?: readonly string[] }>
}

export { GIVEN_FRAMES } from '../capabilities'

/** The problem of a media input that is empty (`missing` names what to do) or gone. */
export function slotProblem({ isGone }: Pick<ProblemContext, 'isGone'>, at: string, media: MediaInput | null, missing: string): InputProblem[] {
  if (!media) return [{ at, text: missing, missing: true }]
  return isGone(media.id) ? [{ at, text: `${media.name ? `“${media.name}”` : 'The chosen file'} no longer exists: choose another one.` }] : []
}

/** The frame that a time in seconds falls on. Pure. */
export function frameAt(seconds: number, fps: number): number {
  return Math.round(seconds * fps)
}

/** "2.13 s". */
export function secondsText(seconds: number): string {
  return `${Number(seconds.toFixed(2))} s`
}

/** An image or clip as a condition of the request. */
export function conditionOf(media: MediaInput, atFrame: number, kept: number): Condition {
  const { crop } = media
  return { source: refOf(media), atFrame, strength: kept, ...(crop && !isMiddle(crop) && { crop: { ...crop } }) }
}

/** A whole clip as a part of the request. */
export function partOf(media: MediaInput): ClipPart {
  return { source: refOf(media) }
}

/** What a request names of media. */
export function refOf({ kind, id }: MediaRef): MediaRef {
  return { kind, id }
}

/** The media that a request names, its name and duration still unknown. */
export function inputOf({ kind, id }: MediaRef): MediaInput {
  return { kind, id, name: '' }
}

/** The image or clip of a condition, with its crop. */
export function conditionInput({ source, crop }: Condition): MediaInput {
  return { ...inputOf(source), ...(crop && { crop }) }
}
