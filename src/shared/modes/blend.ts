import type * as v from 'valibot'
import type { ClipPart, MediaRef } from '../request'
import { inbetween, pairProblems, PairInputs } from './inbetween'
import { GIVEN_FRAMES, inputOf, refOf, type Mode } from './mode'

/** Length of the new part where nothing else is set. */
export const BETWEEN_SECONDS = 1
/** What is generated anew of each clip: half of a shorter one. */
const OVERLAP_SECONDS = 1

/** A clip and its length. */
export interface TimedClip {
  source: MediaRef
  seconds: number
}

/** The first clip without its end, the second without its start; what is between them is generated. Pure. */
export function blendParts(first: TimedClip, last: TimedClip): { prefix: ClipPart; suffix: ClipPart } {
  const overlap = ({ seconds }: TimedClip) => Math.min(OVERLAP_SECONDS, seconds / 2)
  const prefix: ClipPart = { source: first.source, toSeconds: first.seconds - overlap(first) }
  return { prefix, suffix: { source: last.source, fromSeconds: overlap(last) } }
}

/** The lengths of the clips of blendParts; of a second clip longer than 2 s, as much as blendParts needs. Pure. */
function blendedSeconds({ prefix, suffix }: ReturnType<typeof blendParts>): { first: number; last: number } {
  const { toSeconds = 0 } = prefix
  const { fromSeconds = 0 } = suffix
  return { first: toSeconds < OVERLAP_SECONDS ? 2 * toSeconds : toSeconds + OVERLAP_SECONDS, last: 2 * fromSeconds }
}

/** Two clips, the end of one and the start of the other generated anew. */
export const blend: Mode<'blend', v.InferOutput<typeof PairInputs>, typeof inbetween.flags> = {
  id: 'blend',
  label: 'Blend',
  description: 'One clip turns into the other: the last second of the first and the first second of the second are generated anew.',
  needs: GIVEN_FRAMES,
  schema: PairInputs,
  empty: () => ({ first: null, last: null }),
  toRequest: ({ first, last }) =>
    first?.seconds && last?.seconds ? blendParts({ source: refOf(first), seconds: first.seconds }, { source: refOf(last), seconds: last.seconds }) : {},
  fromRequest({ prefix, suffix }) {
    if (prefix?.toSeconds === undefined || suffix?.fromSeconds === undefined) return undefined
    const { first, last } = blendedSeconds({ prefix, suffix })
    return { first: { ...inputOf(prefix.source), seconds: first }, last: { ...inputOf(suffix.source), seconds: last } }
  },
  problems(inputs, context) {
    const problems = pairProblems(inputs, context)
    const isRead = Boolean(inputs.first?.seconds && inputs.last?.seconds)
    return problems.length > 0 || isRead ? problems : [{ at: 'all', text: 'The clips are loading.', missing: true }]
  },
  form: inbetween.form,
  from: { kind: 'clip', inputs: (first) => ({ first, last: null }) },
  flags: inbetween.flags,
  required: ['first', 'last'],
  isChosen: () => false,
  flagSeconds: () => BETWEEN_SECONDS,
  fromFlags: inbetween.fromFlags.bind(inbetween),
}
