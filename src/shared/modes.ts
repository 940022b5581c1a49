// What the modes have in common wherever they are asked for: the page's form and the command line.
import type { ClipPart, MediaRef } from './request'

/** Of a remix that changes what is seen and keeps where it is. */
export const REMIX_STRENGTH = 0.6
/** Of a clip made at another length or rate: what is seen stays, what moves is drawn anew. */
export const RETIME_STRENGTH = 0.35
/** Of the way from one clip to another, where nothing else is said. */
export const BETWEEN_SECONDS = 1
/** What a blend makes anew of each of its clips, half of a short one at most. */
const OVERLAP_SECONDS = 1

/** A clip and its length. */
export interface TimedSource {
  source: MediaRef
  seconds: number
}

/** Two clips that run into each other: the first without its end, the second without its beginning; what is between them is made. Pure. */
export function blendParts(first: TimedSource, last: TimedSource): { before: ClipPart; after: ClipPart } {
  const overlap = ({ seconds }: TimedSource) => Math.min(OVERLAP_SECONDS, seconds / 2)
  const before: ClipPart = { source: first.source, toSeconds: first.seconds - overlap(first) }
  return { before, after: { source: last.source, fromSeconds: overlap(last) } }
}

/** How long the clips of blendParts are, told from their parts; of a longer second one, as much as the blend has to know. Pure. */
export function blendedSeconds({ before, after }: ReturnType<typeof blendParts>): { first: number; last: number } {
  const { toSeconds = 0 } = before
  const { fromSeconds = 0 } = after
  return { first: toSeconds < OVERLAP_SECONDS ? 2 * toSeconds : toSeconds + OVERLAP_SECONDS, last: 2 * fromSeconds }
}
