// Prompt expansion: adds the aspects that a short prompt omits, and keeps its words in their order. Pure except for `random`.
import { findTokens, pick, mentions, understands, vocabularyOf, type SceneVocabulary, type Random } from './scene-vocabulary'
import type { ModelManifest } from './model'
import { missingSentences } from './open-scenes'
import { promptTokens, readPrompt } from './prompt'

/** Matches a prompt whose last phrase is incomplete: "a balloon over", but not "the camera zooms in". */
const INCOMPLETE = /(?<!\b(zoom|push)(s|es|ing)?)(^|\s)(a|an|the|of|over|above|in|at|on|by|under|with|and|across|during|near|front|behind|to|is)$/i
/** Words before which a motion can be inserted after the subject: "balloon | over mountains", but not "balloon | explodes". */
const LINKS = new Set(['over', 'above', 'in', 'on', 'at', 'under', 'near', 'behind', 'below', 'beneath', 'among', 'with', 'while', 'and', 'as', ',', '.'])

/** Expands a prompt. Null if it omits nothing, exceeds the length of the model, or its last phrase is incomplete. */
export function expandPrompt(prompt: string, model: ModelManifest, random: Random): string | null {
  const trimmed = prompt.trim()
  if (trimmed === '' || INCOMPLETE.test(trimmed) || readPrompt(trimmed, model).some((word) => !word.read)) return null
  const vocabulary = vocabularyOf(model)
  const expanded = vocabulary ? fillScene(trimmed, vocabulary, model, random) : model.text.words.length === 0 ? fillOpenPrompt(trimmed, model, random) : trimmed
  return expanded === trimmed ? null : expanded
}

function fillScene(prompt: string, vocabulary: SceneVocabulary, model: ModelManifest, random: Random): string {
  const covers = (title: string) => mentions(promptTokens(prompt), title, model)
  const hasUnknownWords = readPrompt(prompt, model).some((word) => !word.known)
  // a land in the prompt determines the subjects that fit
  const named = vocabulary.lands.find(({ name }) => promptTokens(prompt).includes(promptTokens(name).at(-1) ?? ''))
  const land = named ?? (covers('Lands') ? undefined : pick(random, landsForSubject(prompt, vocabulary)))
  let text = describeSubject(prompt, vocabulary, model, random)
  const add = (clause: string | undefined) => {
    const candidate = clause && (text.endsWith('.') ? `${text} ${clause[0]?.toUpperCase()}${clause.slice(1)}.` : `${text.replace(/[\s,;:]+$/, '')}, ${clause}`)
    if (candidate && allRead(candidate, model)) text = candidate
  }
  /** Continues a prompt of one phrase without a comma; otherwise adds the keyword as a clause. */
  const appendClause = (clause: string | undefined, keyword: string | undefined) => {
    const candidate = clause && `${text} ${clause}`
    if (candidate && /[\p{L}\p{N}]$/u.test(text) && !/[,.;:]/.test(text) && allRead(candidate, model)) text = candidate
    else add(keyword)
  }
  const hasSubject = covers('Subjects')
  // an unknown word may be the intended subject
  if (!hasSubject && !hasUnknownWords) {
    const fitting = vocabulary.subjects.filter(({ home }) => home === 'air' || (home === 'water') === (land?.water ?? false))
    const subject = pick(random, fitting)
    const move = covers('Motion') ? undefined : pick(random, subject?.moves ?? [])
    add(
      subject &&
        [
          'a',
          pick(
            random,
            vocabulary.colors.filter((color) => !/^[aeiou]/.test(color)),
          ),
          subject.name,
          move,
        ]
          .filter(Boolean)
          .join(' '),
    )
  }
  if (land && !named) {
    const isAirborne = vocabulary.subjects.some(({ name, home }) => home === 'air' && promptTokens(text).includes(name))
    if (hasSubject) appendClause(isAirborne ? `over ${land.name}` : land.place, land.name)
    else add(land.name)
  }
  if (!covers('Skies')) {
    const sky = pick(random, vocabulary.skies)
    appendClause(sky?.when, sky?.name)
  }
  if (!covers('Camera')) add(pick(random, vocabulary.cameras)?.clause)
  if (!covers('Styles')) add(pick(random, vocabulary.styles))
  if (!covers('Weather')) add(pick(random, vocabulary.weathers))
  return text
}

/** Adds a color before the subject and a motion after it if they are missing. */
function describeSubject(prompt: string, vocabulary: SceneVocabulary, model: ModelManifest, random: Random): string {
  const words = readPrompt(prompt, model)
  const tokens = words.map((word) => word.text.toLowerCase())
  const nouns = (model.knows.find(({ title }) => title === 'Subjects')?.phrases ?? []).map((phrase) => promptTokens(phrase))
  // the longest match first: "hot-air balloon" before "balloon"
  const [found] = nouns
    .map((noun) => ({ noun, at: findTokens(tokens, noun) }))
    .filter(({ at }) => at >= 0)
    .sort((a, b) => b.noun.length - a.noun.length)
  if (!found) return prompt
  const [first, last] = [words[found.at], words[found.at + found.noun.length - 1]]
  const subject = vocabulary.subjects.find(({ name }) => name === found.noun.at(-1))
  if (!first || !last) return prompt
  const [before, after] = [tokens[found.at - 1], tokens[found.at + found.noun.length]]
  let text = prompt
  const accept = (candidate: string) => {
    if (allRead(candidate, model)) text = candidate
  }
  // the motion first: an insertion after the subject does not move its start
  const move = pick(random, subject?.moves ?? [])
  if (move && !mentions(tokens, 'Motion', model) && (after === undefined || LINKS.has(after)))
    accept(`${text.slice(0, last.end)} ${move}${text.slice(last.end)}`)
  if (before === 'a' || before === 'an') {
    // only colors that fit the article
    const color = pick(
      random,
      vocabulary.colors.filter((name) => /^[aeiou]/.test(name) === (before === 'an')),
    )
    const colorFollows = tokens.includes('colour') || tokens.includes('color') || after === 'as'
    if (color && !colorFollows) accept(`${text.slice(0, first.start)}${color} ${text.slice(first.start)}`)
  }
  return text
}

/** Lands that fit the subject of a prompt. */
function landsForSubject(prompt: string, vocabulary: SceneVocabulary) {
  const tokens = promptTokens(prompt)
  const subject = vocabulary.subjects.find(({ name }) => tokens.includes(name))
  if (!subject || subject.home === 'air') return vocabulary.lands
  return vocabulary.lands.filter(({ water }) => water === (subject.home === 'water'))
}

function fillOpenPrompt(prompt: string, model: ModelManifest, random: Random): string {
  let text = prompt
  for (const sentence of missingSentences(prompt, random)) {
    const candidate = /[.!?]$/.test(text) ? `${text} ${sentence}` : `${text.replace(/[\s,;:]+$/, '')}. ${sentence}`
    if (understands(model, candidate)) text = candidate
  }
  return text
}

function allRead(text: string, model: ModelManifest): boolean {
  return readPrompt(text, model).every((word) => word.read)
}
