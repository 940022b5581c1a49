// From the form's modes to a request, and back from the request of a clip that was made.
import { isMiddle } from '../shared/crop'
import type { ModelManifest } from '../shared/model'
import { blendedSeconds, blendParts } from '../shared/modes'
import type { ClipPart, Condition, GenerateRequest, Shot, MediaRef } from '../shared/request'
import { framesOf } from '../shared/storyboard'
import { fromWords, type Card, type Given, type MadeFrom } from './made-from'

/** Length and rate of the clip: pictures, and pictures per second. */
export interface ClipLength {
  frames: number
  fps: number
}

/** What a mode adds to a request, as plain data. Of what is missing nothing is added: madeFromProblems says what that is. Pure. */
export function madeFromRequest(made: MadeFrom, { frames, fps }: ClipLength, { latent }: ModelManifest): Partial<GenerateRequest> {
  switch (made.mode) {
    case 'words':
      return {}
    case 'picture': {
      const { picture, strength } = made.picture
      return picture ? { conditions: [condition(picture, 0, strength)] } : {}
    }
    case 'keyframes': {
      const { first, between, last } = made.keyframes
      const rows = [{ ...first, atFrame: 0 }, ...between.map((row) => ({ ...row, atFrame: frameAt(row.seconds ?? 0, fps) })), { ...last, atFrame: frames - 1 }]
      return { conditions: rows.flatMap(({ picture, atFrame, strength }) => (picture ? [condition(picture, atFrame, strength)] : [])) }
    }
    case 'extend':
      return made.extend.clip ? { [made.extend.backward ? 'after' : 'before']: part(made.extend.clip) } : {}
    case 'fill': {
      const { before, after } = made.fill
      return { ...(before && { before: part(before) }), ...(after && { after: part(after) }) }
    }
    case 'blend': {
      const { before, after } = made.blend
      return before?.seconds && after?.seconds
        ? blendParts({ source: sourceOf(before), seconds: before.seconds }, { source: sourceOf(after), seconds: after.seconds })
        : {}
    }
    case 'loop':
      return { ...(made.loop.clip && { before: part(made.loop.clip) }), loop: true }
    case 'remix':
      return made.remix.clip ? { start: { ...part(made.remix.clip), strength: made.remix.strength } } : {}
    case 'retime':
      return made.retime.clip ? { start: { ...part(made.retime.clip), strength: made.retime.strength, stretch: true } } : {}
    case 'storyboard':
      return { shots: made.storyboard.cards.map((card, index) => shot(card, index, fps, latent.scaleTime)), sameSeed: made.storyboard.sameSeed }
  }
}

/** The frame that a time in seconds falls on. Pure. */
export function frameAt(seconds: number, fps: number): number {
  return Math.round(seconds * fps)
}

/** The form of a request that was made before. Names and lengths of what it was made from are looked up where they are shown. Pure but for keys. */
export function madeFromOf(request: GenerateRequest): MadeFrom {
  const { conditions = [], before, after, loop, start, shots, sameSeed = false, fps, frames } = request
  const made = fromWords()
  const pictures = conditions.filter(({ source }) => source.kind === 'image')
  if (shots) return { ...made, mode: 'storyboard', storyboard: { sameSeed, cards: shots.map((each) => card(each, fps)) } }
  if (start) {
    const mode = start.stretch ? 'retime' : 'remix'
    return { ...made, mode, [mode]: { clip: given(start.source), strength: start.strength } }
  }
  if (loop) return { ...made, mode: 'loop', loop: { clip: before ? given(before.source) : null } }
  if (before && after) {
    if (before.toSeconds === undefined || after.fromSeconds === undefined) return { ...made, mode: 'fill', fill: { before: given(before.source), after: given(after.source) } }
    const { first, last } = blendedSeconds({ before, after })
    return { ...made, mode: 'blend', blend: { before: { ...given(before.source), seconds: first }, after: { ...given(after.source), seconds: last } } }
  }
  const extended = before ?? after
  if (extended) return { ...made, mode: 'extend', extend: { clip: given(extended.source), backward: after !== undefined } }
  const [only] = pictures
  if (!only) return made
  if (pictures.length === 1 && only.atFrame === 0) {
    return { ...made, mode: 'picture', picture: { picture: pictureOf(only), strength: only.strength } }
  }
  return { ...made, mode: 'keyframes', keyframes: keyframes(pictures, frames, fps) }
}

function keyframes(pictures: readonly Condition[], frames: number, fps: number): MadeFrom['keyframes'] {
  const rows = fromWords().keyframes
  for (const condition of pictures) {
    const { atFrame, strength } = condition
    const row = { picture: pictureOf(condition), strength }
    if (atFrame === 0) rows.first = row
    else if (atFrame === frames - 1) rows.last = row
    else rows.between.push({ ...row, key: crypto.randomUUID(), seconds: Number((atFrame / fps).toFixed(3)) })
  }
  return rows
}

/** Of a shot without a length as much as there must be: the card says that it has none. */
function shot({ prompt, seconds, join, beginning }: Card, index: number, fps: number, scaleTime: number): Shot {
  return {
    prompt: prompt.trim(),
    frames: framesOf(seconds ?? 0, fps, scaleTime),
    join: index === 0 ? 'cut' : join,
    ...(beginning && { conditions: [condition(beginning, 0, 1)] }),
  }
}

function card({ prompt, frames, join, conditions: [first] = [] }: Shot, fps: number): Card {
  return { key: crypto.randomUUID(), prompt, seconds: Number(((frames - 1) / fps).toFixed(2)), join, beginning: first ? pictureOf(first) : null }
}

function condition(picture: Given, atFrame: number, strength: number): Condition {
  const { crop } = picture
  return { source: sourceOf(picture), atFrame, strength, ...(crop && !isMiddle(crop) && { crop: { ...crop } }) }
}

function pictureOf({ source, crop }: Condition): Given {
  return { ...given(source), ...(crop && { crop }) }
}

function part(clip: Given): ClipPart {
  return { source: sourceOf(clip) }
}

function sourceOf({ kind, id }: Given): MediaRef {
  return { kind, id }
}

function given({ kind, id }: MediaRef): Given {
  return { kind, id, name: '' }
}
