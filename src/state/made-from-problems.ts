// Why a clip cannot be made from what the form holds, in words, and where in the form that is.
import type { ModelManifest } from '../shared/model'
import { LONGEST_SECONDS } from '../shared/request'
import { framesOf } from '../shared/storyboard'
import type { Between, Card, Given, MadeFrom } from './made-from'
import { frameAt, type ClipLength } from './made-from-request'

/** One thing that keeps Generate off. */
export interface MadeFromProblem {
  /** the field that it stands beside: a slot's name, or the key of a row or card; `all` and `reading` beside none */
  at: string
  /** one sentence, complete by itself */
  text: string
  /** nothing is wrong with what is there: it is not there yet */
  missing?: boolean
  /** a length that would do, in frames */
  nearestFrames?: number
}

/** What the problems are looked for in. */
export interface MadeFromSituation extends ClipLength {
  made: MadeFrom
  /** the words of the whole clip */
  prompt: string
  model: ModelManifest
  /** whether what was given under this id is not here any more */
  isGone: (id: string) => boolean
}

/** All that is missing or wrong in the chosen mode, in the form's order; empty when a clip can be made. Pure. */
export function madeFromProblems(situation: MadeFromSituation): MadeFromProblem[] {
  const { made } = situation
  switch (made.mode) {
    case 'words':
      return []
    case 'picture':
      return slot(situation, 'picture', made.picture.picture, 'Choose a picture.')
    case 'keyframes':
      return keyframeProblems(situation)
    case 'extend':
      return slot(situation, 'clip', made.extend.clip, made.extend.backward ? 'Choose the clip that is led to.' : 'Choose the clip that goes on.')
    case 'fill':
    case 'blend': {
      const { before, after } = made[made.mode]
      const chosen = [...slot(situation, 'before', before, 'Choose the first clip.'), ...slot(situation, 'after', after, 'Choose the second clip.')]
      const unread = made.mode === 'blend' && (!before?.seconds || !after?.seconds)
      return chosen.length === 0 && unread ? [{ at: 'all', text: 'The clips are being read.' }] : chosen
    }
    case 'loop':
      return made.loop.clip ? slot(situation, 'clip', made.loop.clip, '') : []
    case 'remix':
      return [...slot(situation, 'clip', made.remix.clip, 'Choose the clip that is made anew.'), ...tooShort(situation, made.remix.clip)]
    case 'retime':
      return slot(situation, 'clip', made.retime.clip, 'Choose the clip that gets another length.')
    case 'storyboard':
      return storyboardProblems(situation)
  }
}

function slot({ isGone }: MadeFromSituation, at: string, given: Given | null, missing: string): MadeFromProblem[] {
  if (!given) return [{ at, text: missing, missing: true }]
  return isGone(given.id) ? [{ at, text: `${given.name ? `“${given.name}”` : 'What was chosen'} is not here any more: choose another.` }] : []
}

/** A remix takes as many frames of its clip as it makes. */
function tooShort({ frames, fps, model }: MadeFromSituation, clip: Given | null): MadeFromProblem[] {
  if (!clip?.seconds) return []
  const there = Math.max(1, frameAt(clip.seconds, fps))
  if (there >= frames) return []
  const { scaleTime } = model.latent
  const nearest = scaleTime * Math.floor((there - 1) / scaleTime) + 1
  const text = `The clip is ${inSeconds(there / fps)} long, and ${inSeconds(frames / fps)} are asked for.`
  return [{ at: 'all', text, ...(nearest > 1 && { nearestFrames: nearest }) }]
}

function keyframeProblems(situation: MadeFromSituation): MadeFromProblem[] {
  const { first, between, last } = situation.made.keyframes
  const gone = [['first', first], ['last', last]] as const
  const problems = gone.flatMap(([at, { picture }]) => (picture ? slot(situation, at, picture, '') : []))
  if (!first.picture && !last.picture && between.length === 0) problems.push({ at: 'all', text: 'Choose at least one picture.' })
  return [...problems, ...between.flatMap((row, index) => rowProblem(situation, row, index))]
}

/** The first thing wrong with a picture between; those before it in the list are earlier ones. */
function rowProblem(situation: MadeFromSituation, row: Between, index: number): MadeFromProblem[] {
  const { made, frames, fps } = situation
  const { first, between, last } = made.keyframes
  const name = pictureName(index)
  const say = (text: string): MadeFromProblem[] => [{ at: row.key, text }]
  const missing = slot(situation, row.key, row.picture, `${name} is missing: choose it, or remove its row.`)
  if (missing.length > 0) return missing
  if (row.seconds === null) return say(`${name} needs a time in seconds.`)
  const frame = frameAt(row.seconds, fps)
  if (row.seconds < 0) return say(`${name} stands before the beginning: give it a time from 0 s on.`)
  if (frame > frames - 1) return say(`${name} stands at ${inSeconds(row.seconds)}, and the last frame is at ${inSeconds((frames - 1) / fps)}.`)
  const former = between.slice(0, index).filter(({ seconds }) => seconds !== null)
  const same = former.findIndex(({ seconds }) => frameAt(seconds ?? 0, fps) === frame)
  if (same >= 0) return say(`${name} is at the same time as ${pictureName(same).toLowerCase()}.`)
  if (frame === 0 && first.picture) return say(`${name} is at the same time as the first one.`)
  if (frame === frames - 1 && last.picture) return say(`${name} is at the same time as the last one.`)
  const later = former.findIndex(({ seconds }) => frameAt(seconds ?? 0, fps) > frame)
  if (later >= 0) return say(`${name} comes before ${pictureName(later).toLowerCase()}: put them in order.`)
  return []
}

/** What a picture between the first and the last is called. Pure. */
export function pictureName(index: number): string {
  return `Picture ${index + 2}`
}

function storyboardProblems(situation: MadeFromSituation): MadeFromProblem[] {
  const { cards } = situation.made.storyboard
  const problems = cards.flatMap((card, index) => cardProblem(situation, card, `Card ${index + 1}`))
  const seconds = boardSeconds(cards, situation.fps, situation.model)
  if (cards.length === 0) problems.push({ at: 'all', text: 'Add a card.' })
  if (seconds > LONGEST_SECONDS) problems.push({ at: 'all', text: `All cards together are ${inSeconds(seconds)}: at most ${LONGEST_SECONDS} s.` })
  return problems
}

function cardProblem(situation: MadeFromSituation, { key, prompt, seconds, beginning }: Card, name: string): MadeFromProblem[] {
  const { model, fps } = situation
  const shortest = Math.min(...model.frames.allowed)
  if (beginning) {
    const gone = slot(situation, key, beginning, '')
    if (gone.length > 0) return gone
  }
  if (prompt.trim() === '' && situation.prompt === '') return [{ at: key, text: `${name} has no words, and there are none that all cards share.`, missing: true }]
  if (seconds === null || seconds <= 0) return [{ at: key, text: `${name} needs a length in seconds.` }]
  if (seconds > LONGEST_SECONDS) return [{ at: key, text: `${name} is longer than ${LONGEST_SECONDS} s.` }]
  if (framesOf(seconds, fps, model.latent.scaleTime) < shortest) {
    return [{ at: key, text: `${name} is shorter than ${inSeconds((shortest - 1) / fps)}, the least that this model makes.` }]
  }
  return []
}

/** The length of a storyboard, in seconds. Pure. */
export function boardSeconds(cards: readonly Card[], fps: number, { latent }: ModelManifest): number {
  return cards.reduce((sum, { seconds }) => sum + framesOf(seconds ?? 0, fps, latent.scaleTime), 0) / fps
}

function inSeconds(seconds: number): string {
  return `${Number(seconds.toFixed(2))} s`
}
