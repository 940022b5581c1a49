// When a video's frames are shown: its edit list in the times that mediabunny gives packets and samples.
import type { EditList } from './edit-list'

/** A part of the presentation: `seconds` from `at` on in the times of packets. */
export interface Span {
  at: number
  seconds: number
}

/** Nothing shorter is shown. */
const SHORTEST_SECONDS = 1e-6

/**
 * The parts of a track that are shown, one after the other; where nothing is shown, the frame that follows is, as players do. Pure.
 * @param start,end of the track in the times of packets, seconds
 */
export function timelineOf(list: EditList | undefined, start: number, end: number): Span[] {
  if (!list) return [{ at: start, seconds: end - start }]
  const { edits, tickSeconds } = list
  // mediabunny's time is 0 where the presentation begins, by the first edit that shows something
  const firstShown = edits.findIndex(({ mediaSeconds }) => mediaSeconds !== undefined)
  const first = edits[firstShown]?.mediaSeconds
  if (first === undefined) return [{ at: start, seconds: end - start }]
  const before = edits.slice(0, firstShown).reduce((sum, { seconds }) => sum + seconds, 0)
  const spans: Span[] = []
  for (const { seconds, mediaSeconds } of edits) {
    if (mediaSeconds === undefined) continue
    const at = Math.max(start, mediaSeconds - first + before)
    const most = end - at
    // lengths are counted in ticks: one that ends within a tick of the track's end ends with it
    const shown = seconds === 0 || seconds > most - 1.5 * tickSeconds ? most : seconds
    if (shown >= SHORTEST_SECONDS) spans.push({ at, seconds: shown })
  }
  return spans
}

/** Seconds of all spans. Pure. */
export function secondsOf(spans: readonly Span[]): number {
  return spans.reduce((sum, { seconds }) => sum + seconds, 0)
}

/** The time of packets that is shown at a time of the presentation; past its end, that of its end. Pure. */
export function packetTime(spans: readonly Span[], seconds: number): number {
  let left = seconds
  for (const [index, span] of spans.entries()) {
    if (left < span.seconds || index === spans.length - 1) return span.at + left
    left -= span.seconds
  }
  return left
}
