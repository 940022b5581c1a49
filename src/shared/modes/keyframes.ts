import * as v from 'valibot'
import { listUpTo, MOST } from '../file-bounds'
import {
  conditionInput,
  conditionOf,
  frameAt,
  GIVEN_FRAMES,
  mediaSlot,
  partOf,
  secondsText,
  slotProblem,
  strength,
  typedSeconds,
  type InputProblem,
  type Mode,
  type ProblemContext,
} from './mode'

/** Keyframes between the first frame and the last. */
export const MOST_BETWEEN = 3

const FrameSchema = v.object({ image: mediaSlot, strength })
const KeyframeSchema = v.object({ key: v.string(), ...FrameSchema.entries, seconds: typedSeconds })
const Inputs = v.object({ first: FrameSchema, between: listUpTo(KeyframeSchema, MOST.conditions), last: FrameSchema })
/** The flags of modes that are given both ends. */
export const ENDS_FLAGS = {
  first: { kind: 'file', what: 'an image or video' },
  last: { kind: 'file', what: 'an image or video' },
  keyframe: { kind: 'list' },
  'condition-strength': { kind: 'number', min: 0, max: 1 },
} as const

/** An image at a time between the first frame and the last. */
export type Keyframe = v.InferOutput<typeof KeyframeSchema>
/** See {@link keyframes}. */
export type KeyframesInputs = v.InferOutput<typeof Inputs>

/** Images that the clip passes through. From the command line a clip can stand in place of the first or the last image. */
export const keyframes: Mode<'keyframes', KeyframesInputs, typeof ENDS_FLAGS> = {
  id: 'keyframes',
  label: 'Keyframes',
  description: 'Images that the clip passes through: the first frame, the last frame, and up to three at times between.',
  needs: GIVEN_FRAMES,
  schema: Inputs,
  empty: () => ({ first: { image: null, strength: 1 }, between: [], last: { image: null, strength: 1 } }),
  toRequest({ first, between, last }, { frames, fps }) {
    const rows = [{ ...first, atFrame: 0 }, ...between.map((row) => ({ ...row, atFrame: frameAt(row.seconds ?? 0, fps) })), { ...last, atFrame: frames - 1 }]
    return {
      conditions: rows.flatMap(({ image, atFrame, strength: kept }) => (image?.kind === 'image' ? [conditionOf(image, atFrame, kept)] : [])),
      ...(first.image && first.image.kind !== 'image' && { prefix: partOf(first.image) }),
      ...(last.image && last.image.kind !== 'image' && { suffix: partOf(last.image) }),
    }
  },
  fromRequest({ conditions = [], frames, fps }) {
    const images = conditions.filter(({ source }) => source.kind === 'image')
    // the first frame alone is image to video
    if (images.every(({ atFrame }) => atFrame === 0) && images.length < 2) return undefined
    const inputs = keyframes.empty()
    for (const condition of images) {
      const { atFrame } = condition
      const row = { image: conditionInput(condition), strength: condition.strength }
      if (atFrame === 0) inputs.first = row
      else if (atFrame === frames - 1) inputs.last = row
      else inputs.between.push({ ...row, key: crypto.randomUUID(), seconds: Number((atFrame / fps).toFixed(3)) })
    }
    return inputs
  },
  problems(inputs, context) {
    const { first, between, last } = inputs
    const ends = [
      ['first', first],
      ['last', last],
    ] as const
    const problems = ends.flatMap(([at, { image }]) => (image ? slotProblem(context, at, image, '') : []))
    if (!first.image && !last.image && between.length === 0) problems.push({ at: 'all', text: 'Choose at least one image.', missing: true })
    return [...problems, ...between.flatMap((row, index) => rowProblem(inputs, context, row, index))]
  },
  form: { editor: 'keyframes' },
  flags: ENDS_FLAGS,
  required: [],
  isChosen: ({ first, last, keyframe }, isImage) => keyframe !== undefined || [first, last].some((file) => file !== undefined && isImage(file)),
  async fromFlags({ first, last, keyframe = [], 'condition-strength': kept = 1 }, files) {
    const frame = async (file: string | undefined) => ({ image: file === undefined ? null : await files.load(file), strength: kept })
    const between: Keyframe[] = []
    const inputs = { first: await frame(first), between, last: { image: null, strength: kept } as KeyframesInputs['last'] }
    for (const entry of keyframe) {
      const at = entry.indexOf('=')
      between.push({ key: entry, seconds: Number(entry.slice(0, at)), ...(await frame(entry.slice(at + 1))) })
    }
    inputs.last = await frame(last)
    return { inputs }
  },
}

/** The name of an image between the first and the last. Pure. */
export function keyframeName(index: number): string {
  return `Keyframe ${index + 2}`
}

/** The first thing wrong with an image between the ends; those before it in the list come earlier. */
function rowProblem({ first, between, last }: KeyframesInputs, context: ProblemContext, row: Keyframe, index: number): InputProblem[] {
  const { frames, fps } = context
  const name = keyframeName(index)
  const problem = (text: string): InputProblem[] => [{ at: row.key, text }]
  const missing = slotProblem(context, row.key, row.image, `${name} has no image: choose one, or remove the keyframe.`)
  if (missing.length > 0) return missing
  if (row.seconds === null) return problem(`${name} needs a time in seconds.`)
  const frame = frameAt(row.seconds, fps)
  if (row.seconds < 0) return problem(`${name} is before the start: set a time from 0 s on.`)
  if (frame > frames - 1) return problem(`${name} is at ${secondsText(row.seconds)}, and the last frame is at ${secondsText((frames - 1) / fps)}.`)
  const former = between.slice(0, index).filter(({ seconds }) => seconds !== null)
  const same = former.findIndex(({ seconds }) => frameAt(seconds ?? 0, fps) === frame)
  if (same >= 0) return problem(`${name} is at the same time as ${keyframeName(same).toLowerCase()}.`)
  if (frame === 0 && first.image) return problem(`${name} is at the same time as the first frame.`)
  if (frame === frames - 1 && last.image) return problem(`${name} is at the same time as the last frame.`)
  const later = former.findIndex(({ seconds }) => frameAt(seconds ?? 0, fps) > frame)
  if (later >= 0) return problem(`${name} comes before ${keyframeName(later).toLowerCase()}: put them in order.`)
  return []
}
