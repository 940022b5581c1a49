// The cards of a storyboard from a file of this disk.
import { AppError, cutText } from '../shared/errors'
import { MAX_FILE_BYTES, readJson, tooLarge } from '../shared/file-bounds'
import type { MediaInput } from '../shared/modes/mode'
import { boardInputs, type StoryboardInputs } from '../shared/modes/storyboard'

/** A storyboard file that was read. */
export interface ReadBoard {
  /** the prompt that all cards share */
  prompt: string
  storyboard: StoryboardInputs
  /** what was not understood, or not found, as text */
  left: string[]
}

/**
 * Reads a storyboard file with the images and videos that were chosen together with it.
 * @param store stores one of them
 * @throws AppError bad-request when nothing can be made of it, unreadable-media of an image or video
 */
export async function readBoard(files: readonly File[], store: (file: File) => Promise<MediaInput>): Promise<ReadBoard> {
  const board = files.find(({ name }) => name.toLowerCase().endsWith('.json'))
  if (!board) throw new AppError('bad-request', `Expected a storyboard’s .json file, got ${files.map(({ name }) => cutText(name)).join(', ')}.`)
  if (board.size > MAX_FILE_BYTES.recipe) throw tooLarge(board.name, board.size, MAX_FILE_BYTES.recipe, 'bad-request')
  const { prompt, inputs, ignored, absent } = await boardInputs(
    readJson(await board.text(), MAX_FILE_BYTES.recipe, board.name, 'bad-request'),
    async (path) => {
      const file = files.find(({ name }) => name === path.split(/[/\\]/).at(-1))
      return file ? store(file) : null
    },
  )
  const left = absent.map(({ card, kind, name }) => `the ${kind} ${name} of card ${card + 1}: choose it there, or together with the file`)
  return { prompt, storyboard: inputs, left: [...ignored.map(ignoredText), ...left] }
}

/** `shots.1.mood` → "mood of card 2". */
function ignoredText(ignored: string): string {
  const [, index, field] = /^shots\.(\d+)\.(.+)$/.exec(ignored) ?? []
  return index === undefined || field === undefined ? ignored : `${field} of card ${Number(index) + 1}`
}
