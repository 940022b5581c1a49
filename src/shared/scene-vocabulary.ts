// The part of the world that one model knows, and what of it a prompt already says.
import type { ModelManifest } from './model'
import { promptTokens, readPrompt } from './prompt'
import { CAMERAS, COLOURS, LANDS, SKIES, SUBJECTS, WEATHERS, WORLD_STYLES } from './scene-words'

/** A number from 0 to below 1. */
export type Random = () => number

/** One of them; undefined of none. */
export function pick<T>(random: Random, choices: readonly T[]): T | undefined {
  return choices[Math.floor(random() * choices.length)]
}

/** "red balloon" → "a red balloon", "azure kite" → "an azure kite". */
export function withArticle(noun: string): string {
  return `${/^[aeiou]/i.test(noun) ? 'an' : 'a'} ${noun}`
}

/** Whether all words of a text are in the model's vocabulary, and it reads to the end. An open vocabulary knows every word. */
export function understands(model: ModelManifest, text: string): boolean {
  return readPrompt(text, model).every((word) => word.known && word.read)
}

/** Where `phrase` begins among `tokens`, or -1. */
export function findTokens(tokens: readonly string[], phrase: readonly string[]): number {
  return phrase.length === 0 ? -1 : tokens.findIndex((_, at) => phrase.every((word, index) => tokens[at + index] === word))
}

/** What can be said to this model; null where it names no world: then everything can. */
export function vocabularyOf(model: ModelManifest) {
  const named = new Set(model.knows.flatMap(({ phrases }) => phrases))
  if (model.text.words.length === 0 || named.size === 0) return null
  const says = (text: string) => understands(model, text)
  const world = {
    skies: SKIES.filter(({ name, when }) => named.has(name) && says(when)),
    lands: LANDS.filter(({ name, place }) => named.has(name) && says(place)),
    subjects: SUBJECTS.filter(({ name }) => named.has(name)).map((subject) => ({ ...subject, moves: subject.moves.filter((move) => named.has(move)) })),
    colours: COLOURS.filter((name) => named.has(name)),
    weathers: WEATHERS.filter((name) => named.has(name)),
    cameras: CAMERAS.filter(({ name, clause }) => named.has(name) && says(clause)),
    styles: WORLD_STYLES.filter((name) => named.has(name)),
  }
  return world.skies.length > 0 && world.lands.length > 0 && world.subjects.length > 0 && world.colours.length > 0 ? world : null
}

/** See {@link vocabularyOf}. */
export type SceneVocabulary = NonNullable<ReturnType<typeof vocabularyOf>>

/** Words that tell nothing of what a phrase is about. */
const SMALL_WORDS = new Set('a an the of in on at to and with as is it , - .'.split(' '))

/** Whether a prompt speaks of a theme of the model (by its title): in one of its phrases, or with a word that only this theme has. */
export function mentions(tokens: readonly string[], title: string, model: ModelManifest): boolean {
  const theme = model.knows.find((one) => one.title === title)
  if (!theme) return false
  const phrases = theme.phrases.map((phrase) => promptTokens(phrase))
  if (phrases.some((phrase) => findTokens(tokens, phrase) >= 0)) return true
  const elsewhere = new Set(model.knows.filter((one) => one !== theme).flatMap((one) => one.phrases.flatMap((phrase) => promptTokens(phrase).map(stemOf))))
  const own = new Set(phrases.flat().filter((word) => !SMALL_WORDS.has(word)).map(stemOf).filter((stem) => !elsewhere.has(stem)))
  return tokens.some((word) => own.has(stemOf(word)))
}

/** "rises", "rising" and "rise" are one word here, so are "flies" and "flying". */
function stemOf(word: string): string {
  return word.replace(/ies$/, 'y').replace(/(ing|es|s|e)$/, '')
}
