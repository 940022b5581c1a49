// A job is a plan: pieces in the order in which they are shown, each a clip that exists or one run of the model. Every mode plans such
// pieces, and one loop runs them, whoever wrote them.
import * as v from 'valibot'
import { capabilityReason, GIVEN_FRAMES, missingCapabilities, type Capability } from './capabilities'
import { AppError } from './errors'
import type { ModelManifest } from './model'
import { ClipPartSchema, ConditionSchema, LONGEST_SECONDS, type ClipPart, type Condition, type GenerateRequest, type Shot } from './request'

const frames = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(100_000))

/** Frames that exist already: `dissolve` frames of them fade in over the end of the piece before. */
const MediaPieceSchema = v.object({ kind: v.literal('media'), part: ClipPartSchema, dissolve: frames })

/**
 * Frames that a chunk starts or ends with: of a clip, of what this plan has written so far (its last frames or its first), or the
 * beginning of the next chunk, which is therefore generated first.
 */
const ContextFramesSchema = v.object({
  at: v.picklist(['start', 'end']),
  frames: v.pipe(frames, v.minValue(1)),
  of: v.union([v.picklist(['last-shown', 'first-shown', 'next-chunk']), ClipPartSchema]),
})

/** One run of the model. */
const ChunkPieceSchema = v.object({
  kind: v.literal('chunk'),
  prompt: v.string(),
  seed: v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(0xffffffff)),
  /** k·T + 1, context frames included */
  frames: v.pipe(frames, v.minValue(1)),
  conditions: v.pipe(v.array(ConditionSchema), v.maxLength(64)),
  context: v.pipe(v.array(ContextFramesSchema), v.maxLength(2)),
  /** the clip that the run starts from, and the first of its frames; `stretchedTo`: frames that it is stretched or squeezed to */
  initVideo: v.optional(
    v.object({
      part: ClipPartSchema,
      fromFrame: frames,
      strength: v.pipe(v.number(), v.minValue(0), v.maxValue(1)),
      stretchedTo: v.optional(v.pipe(frames, v.minValue(1))),
    }),
  ),
  /** context frames at its beginning and end that other pieces write */
  skipFirst: frames,
  skipLast: frames,
  dissolve: frames,
  /** the shot of a storyboard that it belongs to */
  shot: v.optional(v.pipe(v.number(), v.integer(), v.minValue(0))),
})

/** See MediaPieceSchema. */
export type MediaPiece = v.InferOutput<typeof MediaPieceSchema>
/** See ContextFramesSchema. */
export type ContextFrames = v.InferOutput<typeof ContextFramesSchema>
/** See ChunkPieceSchema. */
export type ChunkPiece = v.InferOutput<typeof ChunkPieceSchema>
export type Piece = MediaPiece | ChunkPiece

const PlanSchema = v.pipe(v.array(v.variant('kind', [MediaPieceSchema, ChunkPieceSchema])), v.minLength(1), v.maxLength(1000))

/**
 * Checks a plan that somebody else wrote, such as an editor's timeline.
 * @throws AppError bad-request naming the piece, what was expected and what came
 */
export function parsePlan(data: unknown, request: GenerateRequest, model: ModelManifest): Piece[] {
  const refuse = (at: string, expected: string, got: unknown): never => {
    throw new AppError('bad-request', `plan: expected ${at} ${expected}, got ${String(got)}.`, { field: 'plan', expected, got: String(got) })
  }
  const parsed = v.safeParse(PlanSchema, data)
  if (!parsed.success) {
    const issue = parsed.issues[0]
    return refuse(v.getDotPath(issue) ?? 'pieces', `${issue.expected ?? issue.requirement ?? 'another value'}`, issue.received)
  }
  const plan = parsed.output
  const { scaleTime } = model.latent
  plan.forEach((piece, index) => {
    if (piece.kind === 'media') return
    const at = `piece ${index + 1}`
    const longest = chunkFrames(model)
    if ((piece.frames - 1) % scaleTime !== 0 || piece.frames > longest) refuse(at, `with ${scaleTime}·k + 1 frames, at most ${longest}`, piece.frames)
    if (shownFrames(piece) < 1) refuse(at, 'with at least one new frame', shownFrames(piece))
    if (piece.dissolve > shownFrames(piece)) refuse(at, `with a dissolve of at most ${shownFrames(piece)} frames`, piece.dissolve)
    for (const { frames: count, of } of piece.context) {
      if ((count - 1) % scaleTime !== 0 || count >= piece.frames) refuse(at, `with context of ${scaleTime}·k + 1 frames, fewer than its own`, count)
      if (of === 'next-chunk' && plan[index + 1]?.kind !== 'chunk')
        refuse(at, 'followed by a chunk, which its context is taken from', plan[index + 1]?.kind ?? 'nothing')
      if (of !== 'next-chunk' && typeof of === 'string' && index === 0) refuse(at, 'with context of a clip, because nothing is before it', of)
    }
    const missing = missingCapabilities(chunkNeeds(piece), model.capabilities)[0]
    if (missing) throw new AppError('bad-request', `${at}: ${capabilityReason(model.name, missing)}`, { field: 'plan', expected: missing })
  })
  const seconds = plan.reduce((sum, piece) => sum + (piece.kind === 'chunk' ? shownFrames(piece) : 0), 0) / request.fps
  if (seconds > LONGEST_SECONDS + 1) refuse('pieces', `of at most ${LONGEST_SECONDS} s together`, `${seconds.toFixed(1)} s`)
  return plan
}

/** What a chunk of a plan that somebody else wrote needs of a model; what the fields of a request need: requestNeeds in request-problems.ts. Pure. */
function chunkNeeds({ conditions, context, initVideo }: Pick<ChunkPiece, 'conditions' | 'context' | 'initVideo'>): readonly Capability[] {
  if (conditions.length > 0 || context.length > 0) return GIVEN_FRAMES
  return initVideo ? ['frameEncoder'] : []
}

/** Latent frames that a chunk shares with what it goes on from or leads to, beside the first one. */
const SHARED_LATENTS = 2
/** Of a dissolve: half a second, for a fade's length is one of time. */
const DISSOLVE_SECONDS = 0.5

/** Frames that a chunk shares with a clip before or behind it: fewer where two of them would leave nothing to be made between. */
export function overlapFrames(model: ModelManifest): number {
  const { scaleTime } = model.latent
  const own = (chunkFrames(model) - 1) / scaleTime
  return Math.min(SHARED_LATENTS, Math.floor((own - 1) / 2)) * scaleTime + 1
}

/** Frames kept of a clip's beginning and end, for pieces that go on from them: of one piece nothing does. */
export function retainedFrames(plan: readonly Piece[], model: ModelManifest): number {
  return plan.length > 1 ? overlapFrames(model) : 0
}

/** The most frames of one run: the longest clip that the model was taught. */
export function chunkFrames({ frames, latent }: ModelManifest): number {
  return Math.max(latent.scaleTime + 1, ...frames.allowed)
}

/** The plan of a request that fits its model. Pure. */
export function planOf(request: GenerateRequest, model: ModelManifest): Piece[] {
  if (request.shots) return storyboard(request, request.shots, model)
  const pieces: Piece[] = []
  if (request.prefix) pieces.push({ kind: 'media', part: request.prefix, dissolve: 0 })
  const end: ContextFrames['of'] | undefined = request.suffix ?? (request.loop ? 'first-shown' : undefined)
  if (end === 'first-shown' && !request.prefix) {
    // a new clip, and the way back to its beginning
    pieces.push(...chunks({ request, model, prompt: request.prompt, frames: request.frames, conditions: request.conditions ?? [], continues: false }))
    pieces.push(...chunks({ request, model, prompt: request.prompt, frames: returnFrames(model), conditions: [], continues: true, end, seedAt: pieces.length }))
  } else if (request.suffix && !request.prefix && !request.initVideo) {
    pieces.push(...chunksBackwards(request, model, request.suffix))
  } else {
    const continues = request.prefix !== undefined
    pieces.push(
      ...chunks({ request, model, prompt: request.prompt, frames: request.frames, conditions: request.conditions ?? [], continues, ...(end && { end }) }),
    )
  }
  if (request.suffix) pieces.push({ kind: 'media', part: request.suffix, dissolve: 0 })
  return pieces
}

/** Frames of the way back of a loop, its first and last known: what is left of a chunk beside what it shares. */
function returnFrames(model: ModelManifest): number {
  const { scaleTime } = model.latent
  return Math.max(scaleTime, chunkFrames(model) - 2 * (overlapFrames(model) - 1) - 1) + 1
}

interface Run {
  request: GenerateRequest
  model: ModelManifest
  prompt: string
  /** k·T + 1; where the run goes on from something, the first is shown already; where it leads to something, so is the last */
  frames: number
  conditions: readonly Condition[]
  continues: boolean
  end?: ContextFrames['of']
  /** of the first chunk, counted over the whole plan */
  seedAt?: number
}

/** A run of any length as chunks, each going on from the frames before it; the last leads to `end`. */
function chunks({ request, model, prompt, frames, conditions, continues, end, seedAt = 0 }: Run): ChunkPiece[] {
  const shared = overlapFrames(model)
  const longest = chunkFrames(model)
  const pieces: ChunkPiece[] = []
  // frames yet to be made, those shared with neighbours counted once: the first of a run that goes on, the last of one that leads to something
  let left = frames
  let done = 0
  for (let index = 0; left > 1 || index === 0; index++) {
    const begins = index > 0 || continues
    const before = begins ? shared : 1
    const room = longest - (before - 1)
    const last = left + (end ? shared - 1 : 0) <= room
    // what is left for the last chunk must hold more than the end alone
    const own = last ? left : Math.min(room, left - (end ? model.latent.scaleTime : 0))
    const total = own + (before - 1) + (last && end ? shared - 1 : 0)
    pieces.push({
      kind: 'chunk',
      prompt,
      seed: seedOf(request, seedAt + index),
      frames: total,
      conditions: conditionsIn(conditions, done - (before - 1), total),
      context: [
        ...(begins ? [{ at: 'start', frames: shared, of: 'last-shown' } as const] : []),
        ...(last && end ? [{ at: 'end', frames: shared, of: end } as const] : []),
      ],
      ...(request.initVideo && { initVideo: initVideoAt(request.initVideo, Math.max(0, done - (before - 1)), frames) }),
      skipFirst: begins ? shared : 0,
      skipLast: last && end ? shared : 0,
      dissolve: 0,
    })
    // the last frame of this chunk is the first of the next
    done += own - 1
    left -= own - 1
    if (last) break
  }
  return pieces
}

/** What leads to a clip and goes on from nothing: chunks made from that clip backwards, each to the beginning of the one behind it. */
function chunksBackwards(request: GenerateRequest, model: ModelManifest, end: ClipPart): ChunkPiece[] {
  const shared = overlapFrames(model)
  const pieces: ChunkPiece[] = []
  // the last frame is the clip's own first one
  for (let left = request.frames - 1, index = 0; left > 0; index++) {
    const shown = Math.min(chunkFrames(model) - shared, left)
    left -= shown
    pieces.unshift({
      kind: 'chunk',
      prompt: request.prompt,
      seed: seedOf(request, index),
      frames: shown + shared,
      conditions: conditionsIn(request.conditions ?? [], left, shown + shared),
      context: [{ at: 'end', frames: shared, of: index === 0 ? end : 'next-chunk' }],
      skipFirst: 0,
      skipLast: shared,
      dissolve: 0,
    })
  }
  return pieces
}

/** Whether a piece is made after the chunk behind it. */
export function leadsToNext(piece: Piece | undefined): boolean {
  return piece?.kind === 'chunk' && piece.context.some(({ of }) => of === 'next-chunk')
}

/** What a chunk takes of the clip that a run of `frames` starts from. */
function initVideoAt(
  { strength, stretch, ...part }: NonNullable<GenerateRequest['initVideo']>,
  fromFrame: number,
  frames: number,
): NonNullable<ChunkPiece['initVideo']> {
  return { part, fromFrame, strength, ...(stretch && { stretchedTo: frames }) }
}

/** Conditions that stand in a chunk, at their frames of it. */
function conditionsIn(conditions: readonly Condition[], first: number, frames: number): Condition[] {
  return conditions
    .filter(({ atFrame }) => atFrame - first < frames && (atFrame >= first || first <= 0))
    .map((condition) => ({ ...condition, atFrame: condition.atFrame - first }))
}

function storyboard(request: GenerateRequest, shots: readonly Shot[], model: ModelManifest): ChunkPiece[] {
  const pieces: ChunkPiece[] = []
  for (const [index, { prompt, frames, join, conditions = [] }] of shots.entries()) {
    const continues = index > 0 && join === 'continue'
    const words = [prompt, request.prompt].filter((part) => part.trim() !== '').join(', ')
    const shot = chunks({ request, model, prompt: words, frames, conditions, continues, seedAt: pieces.length })
    const [before, first] = [pieces.at(-1), shot[0]]
    if (join === 'dissolve' && before && first) {
      // one chunk fades into another: no longer than either of them
      first.dissolve = Math.min(Math.round(DISSOLVE_SECONDS * request.fps), shownFrames(before), shownFrames(first))
    }
    pieces.push(...shot.map((chunk) => ({ ...chunk, shot: index })))
  }
  return pieces
}

/**
 * The request of a clip that ends after the first `count` pieces of its plan, or where that is made backwards begins with the last
 * `count`: its own plan is those pieces. Pure.
 * @param count at least up to the first chunk, and less than up to the last one, in the order in which they are made
 */
export function truncatedRequest(request: GenerateRequest, plan: readonly Piece[], count: number): GenerateRequest {
  if (count >= plan.length) return request
  if (leadsToNext(plan[0])) return begunLater(request, plan.slice(-count))
  const made = plan.slice(0, count).filter((piece) => piece.kind === 'chunk')
  const frames = made.reduce((sum, chunk) => sum + shownFrames(chunk), 0)
  const { suffix: _suffix, loop: _loop, conditions, ...rest } = request
  const { shots } = request
  // the first frame of what goes on from a clip is that clip's last one
  const end = frames + (request.prefix ? 1 : 0)
  const kept = conditions?.filter(({ atFrame }) => atFrame < end)
  if (!shots) return { ...rest, frames: end, ...(kept && { conditions: kept }) }
  const last = made.at(-1)?.shot ?? 0
  const shown = made.filter(({ shot }) => shot === last).reduce((sum, chunk) => sum + shownFrames(chunk), 0)
  return {
    ...rest,
    shots: shots.slice(0, last + 1).map((shot, index) => (index < last ? shot : { ...shot, frames: shown + (index > 0 && shot.join === 'continue' ? 1 : 0) })),
  }
}

/** The same of a clip that is led to: what would have come before these pieces is left out. */
function begunLater({ conditions, ...request }: GenerateRequest, pieces: readonly Piece[]): GenerateRequest {
  const frames = 1 + pieces.reduce((sum, piece) => sum + (piece.kind === 'chunk' ? shownFrames(piece) : 0), 0)
  const first = request.frames - frames
  const kept = conditions?.filter(({ atFrame }) => atFrame >= first).map((condition) => ({ ...condition, atFrame: condition.atFrame - first }))
  return { ...request, frames, ...(kept && { conditions: kept }) }
}

/** Each chunk is drawn from noise of its own, so that a long clip does not repeat itself. */
function seedOf({ seed, sameSeed }: GenerateRequest, index: number): number {
  return sameSeed ? seed : (seed + index) >>> 0
}

/** Frames that a chunk shows. */
export function shownFrames({ frames, skipFirst, skipLast }: ChunkPiece): number {
  return frames - skipFirst - skipLast
}
