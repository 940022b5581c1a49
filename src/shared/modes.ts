// What the modes have in common wherever they are asked for: the page's form and the command line.
import type { ClipPart, GenerateRequest, Source } from './request'

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
  source: Source
  seconds: number
}

/** Two clips that run into each other: the first without its end, the second without its beginning; what is between them is made. Pure. */
export function blendParts(first: TimedSource, last: TimedSource): Pick<GenerateRequest, 'before' | 'after'> {
  const overlap = ({ seconds }: TimedSource) => Math.min(OVERLAP_SECONDS, seconds / 2)
  const before: ClipPart = { source: first.source, toSeconds: first.seconds - overlap(first) }
  return { before, after: { source: last.source, fromSeconds: overlap(last) } }
}
