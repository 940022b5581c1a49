// The scene vocabulary of a model, and the parts of it that a prompt covers.
import type { ModelManifest } from './model'
import { promptTokens, readPrompt } from './prompt'
import { CAMERAS, COLORS, LANDS, SKIES, SUBJECTS, WEATHERS, STYLES } from './scene-words'

/** Random numbers in [0, 1). */
export type Random = () => number

/** A random element; undefined if there are none. */
export function pick<T>(random: Random, choices: readonly T[]): T | undefined {
  return choices[Math.floor(random() * choices.length)]
}

/** "red balloon" → "a red balloon", "azure kite" → "an azure kite". */
export function withArticle(noun: string): string {
  return `${/^[aeiou]/i.test(noun) ? 'an' : 'a'} ${noun}`
}

/** Whether all words of a text are in the model's vocabulary and within its maximum length. An open vocabulary contains every word. */
export function understands(model: ModelManifest, text: string): boolean {
  return readPrompt(text, model).every((word) => word.known && word.read)
}

/** Index of `phrase` in `tokens`, or -1. */
export function findTokens(tokens: readonly string[], phrase: readonly string[]): number {
  return phrase.length === 0 ? -1 : tokens.findIndex((_, at) => phrase.every((word, index) => tokens[at + index] === word))
}

/** The scene vocabulary of a model; null if its vocabulary is open or lists no scenes. */
export function vocabularyOf(model: ModelManifest) {
  const named = new Set(model.knows.flatMap(({ phrases }) => phrases))
  if (model.text.words.length === 0 || named.size === 0) return null
  const covers = (text: string) => understands(model, text)
  const vocabulary = {
    skies: SKIES.filter(({ name, when }) => named.has(name) && covers(when)),
    lands: LANDS.filter(({ name, place }) => named.has(name) && covers(place)),
    subjects: SUBJECTS.filter(({ name }) => named.has(name)).map((subject) => ({ ...subject, moves: subject.moves.filter((move) => named.has(move)) })),
    colors: COLORS.filter((name) => named.has(name)),
    weathers: WEATHERS.filter((name) => named.has(name)),
    cameras: CAMERAS.filter(({ name, clause }) => named.has(name) && covers(clause)),
    styles: STYLES.filter((name) => named.has(name)),
  }
  return vocabulary.skies.length > 0 && vocabulary.lands.length > 0 && vocabulary.subjects.length > 0 && vocabulary.colors.length > 0 ? vocabulary : null
}

/** See {@link vocabularyOf}. */
export type SceneVocabulary = NonNullable<ReturnType<typeof vocabularyOf>>

/** Words that do not identify the theme of a phrase. */
const STOP_WORDS = new Set('a an the of in on at to and with as is it , - .'.split(' '))

/** Whether a prompt covers a theme of the model: with one of its phrases, or with a word that no other theme has. @param title of the theme */
export function mentions(tokens: readonly string[], title: string, model: ModelManifest): boolean {
  const theme = model.knows.find((one) => one.title === title)
  if (!theme) return false
  const phrases = theme.phrases.map((phrase) => promptTokens(phrase))
  if (phrases.some((phrase) => findTokens(tokens, phrase) >= 0)) return true
  const elsewhere = new Set(model.knows.filter((one) => one !== theme).flatMap((one) => one.phrases.flatMap((phrase) => promptTokens(phrase).map(stemOf))))
  const own = new Set(
    phrases
      .flat()
      .filter((word) => !STOP_WORDS.has(word))
      .map(stemOf)
      .filter((stem) => !elsewhere.has(stem)),
  )
  return tokens.some((word) => own.has(stemOf(word)))
}

/** Removes common endings: "rises", "rising" and "rise" have one stem, and so do "flies" and "flying". */
function stemOf(word: string): string {
  return word.replace(/ies$/, 'y').replace(/(ing|es|s|e)$/, '')
}
