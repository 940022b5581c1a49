// One request type for every mode. What a model can make of it: request-problems.ts. What earlier versions stored: upgrade.ts.
import * as v from 'valibot'
import { listUpTo, MOST, numberIn, textUpTo, wholeIn } from './file-bounds'

const fraction = numberIn(0, 1)
const seconds = numberIn(0, MOST.seconds)
const frameCount = wholeIn(1, MOST.frames)
const prompt = textUpTo(MOST.promptCharacters)
const id = v.pipe(textUpTo(MOST.nameCharacters), v.minLength(1))

/** A clip of the library by its record's id, or an image or video of the user's own by the SHA-256 of its file. */
export const MediaRefSchema = v.object({ kind: v.picklist(['image', 'video', 'clip']), id })

/** See {@link MediaRefSchema}. */
export type MediaRef = v.InferOutput<typeof MediaRefSchema>

/** The part of an image that fills the frame: its center as fractions of the range that it can move in, and how many times it is enlarged beyond filling. */
export const CropSchema = v.object({ x: fraction, y: fraction, zoom: numberIn(1, 16) })

/** See {@link CropSchema}. */
export type Crop = v.InferOutput<typeof CropSchema>

/** The center, enlarged just enough to fill the frame. */
export const MIDDLE: Crop = { x: 0.5, y: 0.5, zoom: 1 }

/** A part of a clip, sampled at the new clip's rate: all of it by default. */
export const ClipPartSchema = v.object({
  source: MediaRefSchema,
  fromSeconds: v.optional(seconds),
  toSeconds: v.optional(seconds),
  crop: v.optional(CropSchema),
})

/** See {@link ClipPartSchema}. */
export type ClipPart = v.InferOutput<typeof ClipPartSchema>

/** An image or a clip that conditions the new clip. */
export const ConditionSchema = v.object({
  source: MediaRefSchema,
  /** frame of the new clip at which it is or begins; a clip's is a multiple of T, and may be negative: it began earlier */
  atFrame: wholeIn(-MOST.frames, MOST.frames),
  /** 0 … 1: how much of it is kept; 1 is all */
  strength: fraction,
  crop: v.optional(CropSchema),
  /** of a clip: where the part that is used begins, and its length in frames at the new clip's rate; all that fits by default */
  fromSeconds: v.optional(seconds),
  frames: v.optional(frameCount),
})

/** See {@link ConditionSchema}. */
export type Condition = v.InferOutput<typeof ConditionSchema>

/** How a shot begins: it continues the last frames of the shot before it, cuts, or dissolves. */
export const JOINS = ['continue', 'cut', 'dissolve'] as const

/** One shot of a storyboard. */
export const ShotSchema = v.object({
  /** its own prompt; the request's prompt, which all shots share, follows */
  prompt,
  /** k·T + 1; the first frame of a shot that continues is the last one of the shot before it */
  frames: frameCount,
  join: v.picklist(JOINS),
  conditions: v.optional(listUpTo(ConditionSchema, MOST.conditions)),
})

/** See {@link ShotSchema}. */
export type Shot = v.InferOutput<typeof ShotSchema>

/** The schema of a request. Sizes in pixels, `fps` in frames per second. */
export const GenerateRequestSchema = v.object({
  /** model folder id, or an absolute URL of a model folder */
  model: id,
  prompt,
  negativePrompt: v.optional(prompt),
  width: wholeIn(1, MOST.side),
  height: wholeIn(1, MOST.side),
  /** k·T + 1, where T is the autoencoder's time compression */
  frames: frameCount,
  fps: numberIn(1, 120),
  steps: wholeIn(1, MOST.steps),
  /** classifier-free guidance scale; 1 turns it off */
  guidance: numberIn(1, 1000),
  /** guidance rescale: how far the standard deviation of a guided velocity is brought back to that of the prompt's own; off by default */
  guidanceRescale: v.optional(fraction),
  /** spatio-temporal guidance: its scale, and the transformer blocks whose self-attention the perturbed model skips */
  stg: v.optional(v.object({ scale: numberIn(0, 1000), skipBlocks: listUpTo(wholeIn(0, MOST.layers), MOST.layers) })),
  /**
   * first-block cache: the relative L1 distance (0 … 1) of the first block's residual up to which the residual of the other blocks is
   * reused; 0 or nothing: all blocks always run
   */
  cacheThreshold: v.optional(fraction),
  /** u32 */
  seed: wholeIn(0, 0xffffffff),
  /** images and clips at their frames */
  conditions: v.optional(listUpTo(ConditionSchema, MOST.conditions)),
  /**
   * denoising starts from this clip at the noise level `strength` instead of from noise alone; with `stretch` its whole length is
   * fitted to the new frames, otherwise as many of its frames are used
   */
  initVideo: v.optional(v.object({ ...ClipPartSchema.entries, strength: fraction, stretch: v.optional(v.boolean()) })),
  /** the clip that is continued: shown first, and the first of the new frames is its last one */
  prefix: v.optional(ClipPartSchema),
  /** the clip that the new frames lead to: shown last, and the last of the new frames is its first one */
  suffix: v.optional(ClipPartSchema),
  /** the new frames lead back to the first frame shown */
  loop: v.optional(v.boolean()),
  /** a storyboard: these shots one after the other instead of `frames` of one */
  shots: v.optional(v.pipe(listUpTo(ShotSchema, 60), v.minLength(1))),
  /** every shot starts from the same noise; otherwise each from its own */
  sameSeed: v.optional(v.boolean()),
})

/** See {@link GenerateRequestSchema}. */
export type GenerateRequest = v.InferOutput<typeof GenerateRequestSchema>

/** The longest clip. */
export const LONGEST_SECONDS = 60
