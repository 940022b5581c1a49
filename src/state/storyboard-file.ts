// The cards of a storyboard from a file and into one.
import { isMiddle } from '../shared/crop'
import { AppError } from '../shared/errors'
import { readStoryboard, writeStoryboard } from '../shared/storyboard'
import { MOST_CARDS, newCard, type Card, type Given, type MadeFrom } from './made-from'

/** A storyboard's file, read. */
export interface ReadBoard {
  /** the words that all cards share */
  prompt: string
  storyboard: MadeFrom['storyboard']
  /** what was not understood, or not found, in words */
  left: string[]
}

/**
 * Reads a storyboard's file with the pictures and videos that were chosen together with it.
 * @param keep keeps one of them
 * @throws AppError bad-request when nothing can be made of it, unreadable-media of a picture
 */
export async function readBoard(files: readonly File[], keep: (file: File) => Promise<Given>): Promise<ReadBoard> {
  const board = files.find(({ name }) => name.toLowerCase().endsWith('.json'))
  if (!board) throw new AppError('bad-request', `Expected a storyboard’s .json file, got ${files.map(({ name }) => name).join(', ')}.`)
  const { prompt, sameSeed = false, shots, ignored } = readStoryboard(parsed(board.name, await board.text()))
  const left = ignored.map(inWords)
  const cards: Card[] = []
  for (const [index, { image, clip, crop, ...shot }] of shots.slice(0, MOST_CARDS).entries()) {
    const named = image ?? clip
    const file = named === undefined ? undefined : files.find(({ name }) => name === named.split(/[/\\]/).at(-1))
    if (named !== undefined && !file) left.push(`the ${image === undefined ? 'clip' : 'picture'} ${named} of card ${index + 1}: choose it there, or together with the file`)
    cards.push({ ...newCard(shot.join), ...shot, beginning: file ? { ...(await keep(file)), ...(crop && image !== undefined && { crop }) } : null })
  }
  return { prompt, storyboard: { sameSeed, cards }, left }
}

/** The text of a storyboard's file. Pure. */
export function boardText(prompt: string, { sameSeed, cards }: MadeFrom['storyboard']): string {
  const shots = cards.map(({ prompt: words, seconds, join, beginning }) => ({
    prompt: words,
    seconds: seconds ?? 0,
    join,
    ...(beginning && { [beginning.kind === 'image' ? 'image' : 'clip']: beginning.name }),
    ...(beginning?.crop && !isMiddle(beginning.crop) && { crop: beginning.crop }),
  }))
  return writeStoryboard({ prompt, sameSeed, shots })
}

/** `shots.1.mood` → "mood of card 2". */
function inWords(ignored: string): string {
  const [, index, field] = /^shots\.(\d+)\.(.+)$/.exec(ignored) ?? []
  return index === undefined || field === undefined ? ignored : `${field} of card ${Number(index) + 1}`
}

function parsed(name: string, text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch (error) {
    throw new AppError('bad-request', `${name} is no JSON: ${error instanceof Error ? error.message : String(error)}`)
  }
}
