// One request type for every mode: validated where it enters a worker.
import * as v from 'valibot'
import { AppError } from './errors'
import type { ModelManifest } from './model'

const wholeNumber = v.pipe(v.number(), v.integer())

/** A picture in the app's storage, or a clip of the library. */
const SourceSchema = v.object({ kind: v.picklist(['image', 'clip']), id: v.pipe(v.string(), v.minLength(1)) })

/** A picture or a clip that the new clip is made around. */
export const ConditionSchema = v.object({
  source: SourceSchema,
  /** frame of the new clip at which it stands or begins; a clip's is a multiple of T, and may be negative: it began before */
  atFrame: wholeNumber,
  /** 0 … 1: how much of it is kept; 1 is all */
  strength: v.pipe(v.number(), v.minValue(0), v.maxValue(1)),
})

/** See {@link ConditionSchema}. */
export type Condition = v.InferOutput<typeof ConditionSchema>

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
  /** spatio-temporal guidance: its scale, and the transformer blocks that the weakened model skips the self-attention of */
  stg: v.optional(v.object({ scale: v.pipe(v.number(), v.minValue(0)), skipBlocks: v.array(v.pipe(wholeNumber, v.minValue(0))) })),
  /** u32 */
  seed: v.pipe(wholeNumber, v.minValue(0), v.maxValue(0xffffffff)),
  /** nothing or empty: from words alone */
  conditions: v.optional(v.array(ConditionSchema)),
})

/** What to make. */
export type GenerateRequest = v.InferOutput<typeof GenerateRequestSchema>

/** One thing wrong with a request, with what would be allowed. */
export interface RequestProblem {
  field: keyof GenerateRequest
  expected: string
  got: string
  /** the nearest allowed value(s) to offer, if there are any */
  nearest?: Partial<GenerateRequest>
}

/** All the ways `request` is outside what `model` allows; empty when it can run. Pure. */
export function requestProblems(request: GenerateRequest, model: ModelManifest): RequestProblem[] {
  const problems: RequestProblem[] = []
  const size = model.sizes.find((s) => s.width === request.width && s.height === request.height)
  if (!size && !onGrid(request, model.grid?.side)) {
    const nearest = nearestSize(request.width, request.height, model.sizes)
    problems.push({
      field: 'width',
      expected: `one of ${model.sizes.map((s) => `${s.width}×${s.height}`).join(', ')}`,
      got: `${request.width}×${request.height}`,
      nearest: { width: nearest.width, height: nearest.height },
    })
  }
  const { group } = model.grid ?? {}
  if (!model.frames.allowed.includes(request.frames) && !(group && request.frames % group === 1)) {
    const nearest = nearestNumber(request.frames, model.frames.allowed)
    problems.push({ field: 'frames', expected: `one of ${model.frames.allowed.join(', ')}`, got: String(request.frames), nearest: { frames: nearest } })
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

function onGrid({ width, height }: GenerateRequest, side: number | undefined): boolean {
  return side !== undefined && width % side === 0 && height % side === 0
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

function nearestNumber(value: number, allowed: readonly number[]): number {
  return allowed.reduce((best, candidate) => (Math.abs(candidate - value) < Math.abs(best - value) ? candidate : best))
}

/** Nearest in shape first (log aspect), then in area. */
function nearestSize<S extends { width: number; height: number }>(width: number, height: number, sizes: readonly S[]): S {
  const distance = (s: S) => 4 * Math.abs(Math.log((s.width / s.height) * (height / width))) + Math.abs(Math.log((s.width * s.height) / (width * height)))
  return sizes.reduce((best, candidate) => (distance(candidate) < distance(best) ? candidate : best))
}
