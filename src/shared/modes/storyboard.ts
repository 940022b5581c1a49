import * as v from 'valibot'
import { capabilityReason, missingCapabilities } from '../capabilities'
import { isMiddle } from '../crop'
import { listUpTo, MOST, textUpTo } from '../file-bounds'
import type { ModelManifest } from '../model'
import { JOINS, LONGEST_SECONDS, type Shot } from '../request'
import { framesOf, readStoryboard, writeStoryboard } from '../storyboard'
import {
  conditionInput,
  conditionOf,
  GIVEN_FRAMES,
  mediaSlot,
  secondsText,
  slotProblem,
  typedSeconds,
  type InputProblem,
  type MediaInput,
  type Mode,
  type ProblemContext,
} from './mode'

/** Shots of a request. */
export const MOST_CARDS = 60
/** Length of a new card. */
const CARD_SECONDS = 2

const CardSchema = v.object({
  key: v.string(),
  prompt: textUpTo(MOST.promptCharacters),
  seconds: typedSeconds,
  join: v.picklist(JOINS),
  beginning: v.optional(mediaSlot, null),
})
const Inputs = v.object({ sameSeed: v.boolean(), cards: listUpTo(CardSchema, MOST_CARDS) })
const FLAGS = { storyboard: { kind: 'file', what: 'a JSON file' } } as const

/** A shot as the form has it; `beginning`: the image or clip that it begins with. */
export type Card = v.InferOutput<typeof CardSchema>
/** See {@link storyboard}. */
export type StoryboardInputs = v.InferOutput<typeof Inputs>

/** Shots one after the other. */
export const storyboard: Mode<'storyboard', StoryboardInputs, typeof FLAGS> = {
  id: 'storyboard',
  label: 'Storyboard',
  description: 'Shots one after the other, each with a prompt and a length of its own. The prompt above applies to all of them.',
  needs: [],
  schema: Inputs,
  empty: () => ({ sameSeed: false, cards: [newCard('cut'), newCard('cut')] }),
  toRequest: ({ sameSeed, cards }, { fps, model }) => ({ shots: cards.map((card, index) => shotOf(card, index, fps, model.latent.scaleTime)), sameSeed }),
  fromRequest: ({ shots, sameSeed = false, fps }) => shots && { sameSeed, cards: shots.map((shot) => cardOf(shot, fps)) },
  problems({ cards }, context) {
    const problems = cards.flatMap((card, index) => cardProblem(card, index, context))
    const seconds = boardSeconds(cards, context.fps, context.model)
    if (cards.length === 0) problems.push({ at: 'all', text: 'Add a card.' })
    if (seconds > LONGEST_SECONDS) problems.push({ at: 'all', text: `All cards together are ${secondsText(seconds)}: at most ${LONGEST_SECONDS} s.` })
    return problems
  },
  form: { editor: 'storyboard' },
  flags: FLAGS,
  required: ['storyboard'],
  isChosen: ({ storyboard: file }) => file !== undefined,
  async fromFlags({ storyboard: file = '' }, files) {
    const { prompt, inputs, ignored } = await boardInputs(files.readJson(file), (name) => files.load(files.beside(file, name)))
    return { inputs, prompt, ignored }
  },
}

/** An empty card. */
export function newCard(join: Card['join']): Card {
  return { key: crypto.randomUUID(), prompt: '', seconds: CARD_SECONDS, join, beginning: null }
}

/** The length of a storyboard, in seconds. Pure. */
export function boardSeconds(cards: readonly Card[], fps: number, { latent }: ModelManifest): number {
  return cards.reduce((sum, { seconds }) => sum + framesOf(seconds ?? 0, fps, latent.scaleTime), 0) / fps
}

/**
 * The cards of a storyboard file.
 * @param data its parsed JSON
 * @param load the image or clip that the file names; null where it is not there
 * @returns `ignored`: what was not understood; `absent`: the media that were not there, by their cards
 * @throws AppError bad-request when nothing can be made of it
 */
export async function boardInputs(
  data: unknown,
  load: (name: string) => Promise<MediaInput | null>,
): Promise<{ prompt: string; inputs: StoryboardInputs; ignored: string[]; absent: { card: number; kind: 'image' | 'clip'; name: string }[] }> {
  const { prompt, sameSeed = false, shots, ignored } = readStoryboard(data)
  const cards: Card[] = []
  const absent: { card: number; kind: 'image' | 'clip'; name: string }[] = []
  for (const [index, { image, clip, crop, ...shot }] of shots.entries()) {
    const name = image ?? clip
    const media = name === undefined ? null : await load(name)
    if (name !== undefined && !media) absent.push({ card: index, kind: image === undefined ? 'clip' : 'image', name })
    cards.push({ ...newCard(shot.join), ...shot, beginning: media && { ...media, ...(crop && image !== undefined && { crop }) } })
  }
  return { prompt, inputs: { sameSeed, cards }, ignored, absent }
}

/** The text of a storyboard file; images and clips are named in it, not contained. Pure. */
export function boardText(prompt: string, { sameSeed, cards }: StoryboardInputs): string {
  const shots = cards.map(({ prompt: own, seconds, join, beginning }) => ({
    prompt: own,
    seconds: seconds ?? 0,
    join,
    ...(beginning && { [beginning.kind === 'image' ? 'image' : 'clip']: beginning.name }),
    ...(beginning?.crop && !isMiddle(beginning.crop) && { crop: beginning.crop }),
  }))
  return writeStoryboard({ prompt, sameSeed, shots })
}

/** A card without a length becomes the shortest shot: its problem says that the length is missing. */
function shotOf({ prompt, seconds, join, beginning }: Card, index: number, fps: number, scaleTime: number): Shot {
  return {
    prompt: prompt.trim(),
    frames: framesOf(seconds ?? 0, fps, scaleTime),
    join: index === 0 ? 'cut' : join,
    ...(beginning && { conditions: [conditionOf(beginning, 0, 1)] }),
  }
}

function cardOf({ prompt, frames, join, conditions: [first] = [] }: Shot, fps: number): Card {
  return { key: crypto.randomUUID(), prompt, seconds: Number(((frames - 1) / fps).toFixed(2)), join, beginning: first ? conditionInput(first) : null }
}

/** What a model lacks for given frames, as a sentence: its shots can only cut or dissolve, and begin with nothing given. Pure. */
export function givenFramesReason({ name, capabilities }: ModelManifest): string | undefined {
  const [missing] = missingCapabilities(GIVEN_FRAMES, capabilities)
  return missing && capabilityReason(name, missing)
}

function cardProblem({ key, prompt, seconds, join, beginning }: Card, index: number, context: ProblemContext): InputProblem[] {
  const { model, fps } = context
  const name = `Card ${index + 1}`
  const shortest = Math.min(...model.frames.allowed)
  if (beginning) {
    const gone = slotProblem(context, key, beginning, '')
    if (gone.length > 0) return gone
  }
  const reason = givenFramesReason(model)
  if (reason && beginning) return [{ at: key, text: `${name} begins with an image or clip: ${reason}` }]
  if (reason && join === 'continue' && index > 0) return [{ at: key, text: `${name} continues the card before it: ${reason}` }]
  if (prompt.trim() === '' && context.prompt === '') return [{ at: key, text: `${name} has no prompt, and there is none for all cards.`, missing: true }]
  if (seconds === null || seconds <= 0) return [{ at: key, text: `${name} needs a length in seconds.` }]
  if (seconds > LONGEST_SECONDS) return [{ at: key, text: `${name} is longer than ${LONGEST_SECONDS} s.` }]
  if (framesOf(seconds, fps, model.latent.scaleTime) < shortest) {
    return [{ at: key, text: `${name} is shorter than ${secondsText((shortest - 1) / fps)}, the shortest length of this model.` }]
  }
  return []
}
