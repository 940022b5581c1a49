// One request type for every mode: validated where it enters a worker.
import * as v from 'valibot'
import { LARGEST_CLIP_BYTES, requestBytes } from './clip-memory'
import { AppError } from './errors'
import type { ModelManifest } from './model'
import { canMakeSize, LARGEST_SIDE, nearestSide, sideStep, smallestSide } from './clip-sizes'

const wholeNumber = v.pipe(v.number(), v.integer())

const fraction = v.pipe(v.number(), v.minValue(0), v.maxValue(1))
const seconds = v.pipe(v.number(), v.minValue(0))

/** A clip of the library by its record's id, or a picture or video of the user's own by the SHA-256 of its file. */
export const MediaRefSchema = v.object({ kind: v.picklist(['image', 'video', 'clip']), id: v.pipe(v.string(), v.minLength(1)) })

/** See {@link MediaRefSchema}. */
export type MediaRef = v.InferOutput<typeof MediaRefSchema>

/** What of a picture fills the clip's shape: its centre as fractions of what it can move by, and how many times it is enlarged beyond filling. */
export const CropSchema = v.object({ x: fraction, y: fraction, zoom: v.pipe(v.number(), v.minValue(1), v.maxValue(16)) })

/** See {@link CropSchema}. */
export type Crop = v.InferOutput<typeof CropSchema>

/** The middle, as large as fills. */
export const MIDDLE: Crop = { x: 0.5, y: 0.5, zoom: 1 }

/** A part of a clip, sampled at the rate of the clip that is made: all of it where nothing else is said. */
export const ClipPartSchema = v.object({ source: MediaRefSchema, fromSeconds: v.optional(seconds), toSeconds: v.optional(seconds), crop: v.optional(CropSchema) })

/** See {@link ClipPartSchema}. */
export type ClipPart = v.InferOutput<typeof ClipPartSchema>

/** A picture or a clip that the new clip is made around. */
export const ConditionSchema = v.object({
  source: MediaRefSchema,
  /** frame of the new clip at which it stands or begins; a clip's is a multiple of T, and may be negative: it began before */
  atFrame: wholeNumber,
  /** 0 … 1: how much of it is kept; 1 is all */
  strength: fraction,
  crop: v.optional(CropSchema),
  /** of a clip: where in it what is known begins, and how many frames of the new clip's rate it is; all that fits by default */
  fromSeconds: v.optional(seconds),
  frames: v.optional(v.pipe(wholeNumber, v.minValue(1))),
})

/** See {@link ConditionSchema}. */
export type Condition = v.InferOutput<typeof ConditionSchema>

/** How a shot begins: going on from the last frames of the one before it, on its own, or faded into. */
export const JOINS = ['continue', 'cut', 'dissolve'] as const

/** One shot of a storyboard. */
export const ShotSchema = v.object({
  /** what happens in it; the request's prompt, what all shots share, follows */
  prompt: v.string(),
  /** k·T + 1; the first of a shot that goes on is the last one of the shot before it */
  frames: v.pipe(wholeNumber, v.minValue(1)),
  join: v.picklist(JOINS),
  conditions: v.optional(v.array(ConditionSchema)),
})

/** See {@link ShotSchema}. */
export type Shot = v.InferOutput<typeof ShotSchema>

/** The schema of a request. Sizes in pixels, `frames` counts pictures, `fps` pictures per second. */
export const GenerateRequestSchema = v.object({
  /** model folder id, or an absolute URL of a model folder */
  model: v.pipe(v.string(), v.minLength(1)),
  prompt: v.string(),
  negativePrompt: v.optional(v.string()),
  width: v.pipe(wholeNumber, v.minValue(1)),
  height: v.pipe(wholeNumber, v.minValue(1)),
  /** k·T + 1, where T is the autoencoder's time compression */
  frames: v.pipe(wholeNumber, v.minValue(1)),
  fps: v.pipe(v.number(), v.minValue(1), v.maxValue(120)),
  steps: v.pipe(wholeNumber, v.minValue(1)),
  /** classifier-free guidance scale; 1 turns it off */
  guidance: v.pipe(v.number(), v.minValue(1)),
  /** how far a guided velocity is brought back to the spread of the prompt's own; 0 or nothing: not at all */
  guidanceRescale: v.optional(v.pipe(v.number(), v.minValue(0), v.maxValue(1))),
  /** spatio-temporal guidance: its scale, and the transformer blocks that the perturbed model skips the self-attention of */
  stg: v.optional(v.object({ scale: v.pipe(v.number(), v.minValue(0)), skipBlocks: v.array(v.pipe(wholeNumber, v.minValue(0))) })),
  /**
   * reuse between steps: how much (0 … 1, relative) what the transformer's first block adds may have changed for the other blocks to be
   * taken to add what they added before; 0 or nothing: they always run
   */
  cacheThreshold: v.optional(fraction),
  /** u32 */
  seed: v.pipe(wholeNumber, v.minValue(0), v.maxValue(0xffffffff)),
  /** nothing or empty: from words alone */
  conditions: v.optional(v.array(ConditionSchema)),
  /**
   * remix: begin at the noise level `strength` of this clip instead of from noise alone; with `stretch` its whole length is fitted to
   * the new frames, else as many are taken of it
   */
  start: v.optional(v.object({ ...ClipPartSchema.entries, strength: fraction, stretch: v.optional(v.boolean()) })),
  /** what the clip goes on from: it is shown first, and the first of the new frames is its last one */
  before: v.optional(ClipPartSchema),
  /** what the clip leads to: it is shown last, and the last of the new frames is its first one */
  after: v.optional(ClipPartSchema),
  /** lead back to the first frame shown, so that the clip can go round */
  loop: v.optional(v.boolean()),
  /** a storyboard: these shots one after the other instead of `frames` of one */
  shots: v.optional(v.pipe(v.array(ShotSchema), v.minLength(1), v.maxLength(60))),
  /** whether every shot is drawn from the same noise; else each from its own */
  sameSeed: v.optional(v.boolean()),
})

/** What to make. */
export type GenerateRequest = v.InferOutput<typeof GenerateRequestSchema>

/** The longest clip. */
export const LONGEST_SECONDS = 60

/** One thing wrong with a request, with what would be allowed. */
export interface RequestProblem {
  field: keyof GenerateRequest
  expected: string
  got: string
  /** the nearest allowed value(s) to offer, if there are any */
  nearest?: Partial<GenerateRequest>
}

/** All the ways `request` is outside what `model` can make; empty when it can run. What it can make and was not taught: requestWarnings. Pure. */
export function requestProblems(request: GenerateRequest, model: ModelManifest): RequestProblem[] {
  const problems = sizeProblems(request, model)
  if (request.shots) problems.push(...shotProblems(request.shots, request.fps, model))
  else if (!canMakeLength(request, model)) {
    const { scaleTime } = model.latent
    const expected = `one more than a multiple of ${scaleTime}, up to ${LONGEST_SECONDS} s`
    problems.push({ field: 'frames', expected, got: String(request.frames), nearest: { frames: nearestLength(request, model) } })
  }
  for (const field of ['steps', 'guidance'] as const) {
    const { min, max } = model[field]
    const value = request[field]
    if (value < min || value > max) {
      problems.push({ field, expected: `${min} to ${max}`, got: String(value), nearest: { [field]: Math.min(max, Math.max(min, value)) } })
    }
  }
  return [...problems, ...conditionProblems(request, model)]
}

/** Sides of whole latent pixels, and a window that the memory of a GPU can hold. */
function sizeProblems(request: GenerateRequest, model: ModelManifest): RequestProblem[] {
  const { width, height } = request
  const got = `${width}×${height}`
  if (!canMakeSize({ width, height }, model)) {
    const expected = `sides that are multiples of ${sideStep(model)}, ${smallestSide(model)} to ${LARGEST_SIDE}`
    return [{ field: 'width', expected, got, nearest: { width: nearestSide(width, model), height: nearestSide(height, model) } }]
  }
  const bytes = requestBytes(request, model)
  if (bytes <= LARGEST_CLIP_BYTES) return []
  const smaller = Math.sqrt(LARGEST_CLIP_BYTES / bytes) * 0.95
  const nearest = { width: nearestSide(width * smaller, model), height: nearestSide(height * smaller, model) }
  return [{ field: 'width', expected: `a clip that the memory of a GPU can hold (${gigabytes(LARGEST_CLIP_BYTES)})`, got: `${got} (${gigabytes(bytes)})`, nearest }]
}

function gigabytes(bytes: number): string {
  return `${Math.round(bytes / 1e9)} GB`
}

/** Whole latent frames, up to a minute; beyond the longest that the model was taught a clip is made in windows that go on from each other; one frame is a still. */
function canMakeLength({ frames, fps, before, after, loop }: GenerateRequest, { latent }: ModelManifest): boolean {
  const joined = Boolean(before ?? after ?? loop)
  return (frames - 1) % latent.scaleTime === 0 && frames - 1 <= LONGEST_SECONDS * fps && (frames > 1 || !joined)
}

function nearestLength({ frames, fps }: GenerateRequest, { latent: { scaleTime } }: ModelManifest): number {
  const most = Math.floor((LONGEST_SECONDS * fps) / scaleTime)
  return scaleTime * Math.min(most, Math.max(1, Math.round((frames - 1) / scaleTime))) + 1
}

function shotProblems(shots: readonly Shot[], fps: number, { latent, frames: { allowed } }: ModelManifest): RequestProblem[] {
  const problems = shots.flatMap(({ frames }, index): RequestProblem[] => {
    const fits = (frames - 1) % latent.scaleTime === 0 && frames >= Math.min(...allowed)
    return fits ? [] : [{ field: 'shots', expected: `${latent.scaleTime}·k + 1 frames, at least ${Math.min(...allowed)}, in shot ${index + 1}`, got: String(frames) }]
  })
  const seconds = shots.reduce((sum, { frames }) => sum + frames, 0) / fps
  if (seconds > LONGEST_SECONDS) problems.push({ field: 'shots', expected: `at most ${LONGEST_SECONDS} s in all`, got: `${seconds.toFixed(1)} s` })
  return problems
}

/** A picture stands inside the clip; a clip begins on a whole latent, before the end. */
function conditionProblems({ conditions = [], frames }: GenerateRequest, { latent }: ModelManifest): RequestProblem[] {
  return conditions.flatMap(({ source, atFrame }): RequestProblem[] => {
    const inside = atFrame < frames && (source.kind === 'clip' || atFrame >= 0)
    const whole = source.kind === 'image' || atFrame % latent.scaleTime === 0
    if (inside && whole) return []
    const expected =
      source.kind === 'image' ? `a picture at frame 0 to ${frames - 1}` : `a clip that begins at a multiple of ${latent.scaleTime}, before frame ${frames}`
    return [{ field: 'conditions', expected, got: `frame ${atFrame}` }]
  })
}

/** Parses unknown data as a request and checks it against the model; throws AppError `bad-request` with expected and got. */
export function parseRequest(data: unknown, model: ModelManifest): GenerateRequest {
  const parsed = v.safeParse(GenerateRequestSchema, data)
  if (!parsed.success) {
    const issue = parsed.issues[0]
    const field = v.getDotPath(issue) ?? 'request'
    throw new AppError('bad-request', `${field}: expected ${issue.expected ?? issue.requirement ?? 'another value'}, got ${issue.received}.`, {
      field,
      expected: String(issue.expected ?? issue.requirement ?? ''),
      got: issue.received,
    })
  }
  const problem = requestProblems(parsed.output, model)[0]
  if (problem) {
    throw new AppError('bad-request', `${problem.field}: expected ${problem.expected}, got ${problem.got}.`, {
      field: problem.field,
      expected: problem.expected,
      got: problem.got,
    })
  }
  return parsed.output
}
