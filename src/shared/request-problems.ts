// What of a request a model cannot make. Every request is checked here: in the form, on the command line, and where it enters a worker.
import { capabilityReason, GIVEN_FRAMES, type Capability } from './capabilities'
import { LARGEST_CLIP_BYTES, requestBytes } from './clip-memory'
import { AppError } from './errors'
import { parseFields } from './file-bounds'
import type { ModelManifest } from './model'
import { chunkFrames } from './plan'
import { GenerateRequestSchema, LONGEST_SECONDS, type GenerateRequest, type Shot } from './request'
import { canMakeSize, LARGEST_SIDE, nearestSide, sideStep, smallestSide } from './clip-sizes'
import { upgradeRequest } from './upgrade'

/** In the order in which problems are listed. */
const FIELDS = Object.keys(GenerateRequestSchema.entries)

/** One thing wrong with a request, with what would be allowed. */
export interface RequestProblem {
  field: keyof GenerateRequest
  expected: string
  got: string
  /** what the model lacks, as one sentence */
  reason?: string
  /** the nearest allowed value(s) to offer, if there are any */
  nearest?: Partial<GenerateRequest>
}

/** Everything of `request` that `model` cannot make; empty when it can run. What it was not trained on: requestWarnings. Pure. */
export function requestProblems(request: GenerateRequest, model: ModelManifest): RequestProblem[] {
  const lacking = capabilityProblems(request, model)
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
  problems.push(...conditionProblems(request, model))
  // one problem a field: what the model lacks says more than a range
  const all = [...lacking, ...problems.filter(({ field }) => !lacking.some((problem) => problem.field === field))]
  return all.toSorted((one, other) => FIELDS.indexOf(one.field) - FIELDS.indexOf(other.field))
}

/** Whether a model can continue frames that are there: without it a clip is one run of the model. */
export function canContinue({ capabilities }: Pick<ModelManifest, 'capabilities'>): boolean {
  return capabilities.frameEncoder && capabilities.perTokenTimesteps
}

/** The most frames of a clip at this rate. */
export function longestFrames(fps: number, model: ModelManifest): number {
  const longest = Math.floor(LONGEST_SECONDS * fps) + 1
  return canContinue(model) ? longest : Math.min(longest, chunkFrames(model))
}

/** A field of a request, what it needs of a model, and what would be allowed without. */
interface Need extends Omit<RequestProblem, 'reason'> {
  needs: readonly Capability[]
}

/** What the fields of a request need of a model, whatever mode they come from. Pure. */
export function requestNeeds(request: GenerateRequest, model: ModelManifest): Need[] {
  const { conditions = [], initVideo, prefix, suffix, loop, shots, frames, guidance, stg, negativePrompt } = request
  const longest = chunkFrames(model)
  const needs: Need[] = []
  if (conditions.length > 0) needs.push({ field: 'conditions', needs: GIVEN_FRAMES, expected: 'no images or clips', got: String(conditions.length) })
  if (initVideo) needs.push({ field: 'initVideo', needs: ['frameEncoder'], expected: 'no clip', got: initVideo.source.kind })
  if (prefix) needs.push({ field: 'prefix', needs: GIVEN_FRAMES, expected: 'no clip', got: prefix.source.kind })
  if (suffix) needs.push({ field: 'suffix', needs: GIVEN_FRAMES, expected: 'no clip', got: suffix.source.kind })
  if (loop) needs.push({ field: 'loop', needs: GIVEN_FRAMES, expected: 'false', got: 'true' })
  if (shots) {
    const index = shots.findIndex((shot, at) => (at > 0 && shot.join === 'continue') || (shot.conditions ?? []).length > 0 || shot.frames > longest)
    const expected = `shots of at most ${longest} frames that cut or dissolve and begin with no image or clip`
    if (index >= 0) needs.push({ field: 'shots', needs: GIVEN_FRAMES, expected, got: `another one as shot ${index + 1}` })
  } else if (frames > longest)
    needs.push({ field: 'frames', needs: GIVEN_FRAMES, expected: `at most ${longest}`, got: String(frames), nearest: { frames: longest } })
  if (guidance > 1) needs.push({ field: 'guidance', needs: ['guidance'], expected: '1', got: String(guidance), nearest: { guidance: 1 } })
  if (stg && stg.scale > 0) needs.push({ field: 'stg', needs: ['guidance'], expected: 'none', got: `scale ${stg.scale}` })
  // without guidance it has no effect
  if (negativePrompt && guidance > 1) needs.push({ field: 'negativePrompt', needs: ['negativePrompt'], expected: 'none', got: JSON.stringify(negativePrompt) })
  return needs
}

function capabilityProblems(request: GenerateRequest, model: ModelManifest): RequestProblem[] {
  return requestNeeds(request, model).flatMap(({ needs, ...problem }) => {
    const missing = needs.find((need) => !model.capabilities[need])
    return missing ? [{ ...problem, reason: capabilityReason(model.name, missing) }] : []
  })
}

/** Sides of whole latent pixels, and a chunk that fits into the memory of a GPU. */
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
  return [
    { field: 'width', expected: `a clip that fits into the memory of a GPU (${gigabytes(LARGEST_CLIP_BYTES)})`, got: `${got} (${gigabytes(bytes)})`, nearest },
  ]
}

function gigabytes(bytes: number): string {
  return `${Math.round(bytes / 1e9)} GB`
}

/** Whole latent frames, up to a minute; clips longer than the model's longest are made in chunks; one frame is a still. */
function canMakeLength({ frames, fps, prefix, suffix, loop }: GenerateRequest, { latent }: ModelManifest): boolean {
  const joined = Boolean(prefix ?? suffix ?? loop)
  return (frames - 1) % latent.scaleTime === 0 && frames - 1 <= LONGEST_SECONDS * fps && (frames > 1 || !joined)
}

function nearestLength({ frames, fps }: GenerateRequest, { latent: { scaleTime } }: ModelManifest): number {
  const most = Math.floor((LONGEST_SECONDS * fps) / scaleTime)
  return scaleTime * Math.min(most, Math.max(1, Math.round((frames - 1) / scaleTime))) + 1
}

function shotProblems(shots: readonly Shot[], fps: number, { latent, frames: { allowed } }: ModelManifest): RequestProblem[] {
  const problems = shots.flatMap(({ frames }, index): RequestProblem[] => {
    const fits = (frames - 1) % latent.scaleTime === 0 && frames >= Math.min(...allowed)
    return fits
      ? []
      : [{ field: 'shots', expected: `${latent.scaleTime}·k + 1 frames, at least ${Math.min(...allowed)}, in shot ${index + 1}`, got: String(frames) }]
  })
  const seconds = shots.reduce((sum, { frames }) => sum + frames, 0) / fps
  if (seconds > LONGEST_SECONDS) problems.push({ field: 'shots', expected: `at most ${LONGEST_SECONDS} s in all`, got: `${seconds.toFixed(1)} s` })
  return problems
}

/** An image is inside the clip; a clip begins at a whole latent frame, before the end. */
function conditionProblems({ conditions = [], frames }: GenerateRequest, { latent }: ModelManifest): RequestProblem[] {
  return conditions.flatMap(({ source, atFrame }): RequestProblem[] => {
    const inside = atFrame < frames && (source.kind === 'clip' || atFrame >= 0)
    const whole = source.kind === 'image' || atFrame % latent.scaleTime === 0
    if (inside && whole) return []
    const expected =
      source.kind === 'image' ? `an image at frame 0 to ${frames - 1}` : `a clip that begins at a multiple of ${latent.scaleTime}, before frame ${frames}`
    return [{ field: 'conditions', expected, got: `frame ${atFrame}` }]
  })
}

/** Parses unknown data, of this version or an earlier one, as a request and checks it against the model. @throws AppError bad-request with expected and got */
export function parseRequest(data: unknown, model: ModelManifest): GenerateRequest {
  const request = parseFields(GenerateRequestSchema, upgradeRequest(data), ({ field, expected, got }) => {
    return new AppError('bad-request', `${field || 'request'}: expected ${expected}, got ${got}.`, { field: field || 'request', expected, got })
  })
  const problem = requestProblems(request, model)[0]
  if (problem) {
    throw new AppError('bad-request', `${problem.field}: expected ${problem.expected}, got ${problem.got}${problem.reason ? `: ${problem.reason}` : '.'}`, {
      field: problem.field,
      expected: problem.expected,
      got: problem.got,
    })
  }
  return request
}
