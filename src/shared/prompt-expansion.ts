// A short prompt made full: what it leaves out is filled in, what it says stays, word for word and in its order. Pure but for `random`.
import { findTokens, pick, mentions, understands, vocabularyOf, type SceneVocabulary, type Random } from './scene-vocabulary'
import type { ModelManifest } from './model'
import { missingSentences } from './open-scenes'
import { promptTokens, readPrompt } from './prompt'

/** Words after which something has to come: "a balloon over"; a camera that zooms in is whole. */
const WAITING = /(?<!\b(zoom|push)(s|es|ing)?)(^|\s)(a|an|the|of|over|above|in|at|on|by|under|with|and|across|during|near|front|behind|to|is)$/i
/** What may stand behind a subject when a movement is put between them: "balloon | over mountains", never "balloon | explodes". */
const LINKS = new Set(['over', 'above', 'in', 'on', 'at', 'under', 'near', 'behind', 'below', 'beneath', 'among', 'with', 'while', 'and', 'as', ',', '.'])

/** A fuller prompt, or null where nothing is left out, where no more is read, or where the prompt waits for its next word. */
export function expandPrompt(prompt: string, model: ModelManifest, random: Random): string | null {
  const said = prompt.trim()
  if (said === '' || WAITING.test(said) || readPrompt(said, model).some((word) => !word.read)) return null
  const world = vocabularyOf(model)
  const full = world ? fillWorld(said, world, model, random) : model.text.words.length === 0 ? fillOpen(said, model, random) : said
  return full === said ? null : full
}

function fillWorld(said: string, world: SceneVocabulary, model: ModelManifest, random: Random): string {
  const says = (title: string) => mentions(promptTokens(said), title, model)
  const strange = readPrompt(said, model).some((word) => !word.known)
  // a land that the words name decides what can be there
  const named = world.lands.find(({ name }) => promptTokens(said).includes(promptTokens(name).at(-1) ?? ''))
  const land = named ?? (says('Lands') ? undefined : pick(random, landsFor(said, world)))
  let text = describeSubject(said, world, model, random)
  const add = (clause: string | undefined) => {
    const longer = clause && (text.endsWith('.') ? `${text} ${clause[0]?.toUpperCase()}${clause.slice(1)}.` : `${text.replace(/[\s,;:]+$/, '')}, ${clause}`)
    if (longer && allRead(longer, model)) text = longer
  }
  /** Goes on in the same breath where the prompt is one phrase. */
  const goOn = (clause: string | undefined, keyword: string | undefined) => {
    const longer = clause && `${text} ${clause}`
    if (longer && /[\p{L}\p{N}]$/u.test(text) && !/[,.;:]/.test(text) && allRead(longer, model)) text = longer
    else add(keyword)
  }
  const hasSubject = says('Subjects')
  // an unknown word may be the subject that is meant
  if (!hasSubject && !strange) {
    const fitting = world.subjects.filter(({ home }) => home === 'air' || (home === 'water') === (land?.water ?? false))
    const subject = pick(random, fitting)
    const move = says('Motion') ? undefined : pick(random, subject?.moves ?? [])
    add(subject && ['a', pick(random, world.colours.filter((colour) => !/^[aeiou]/.test(colour))), subject.name, move].filter(Boolean).join(' '))
  }
  if (land && !named) {
    const flies = world.subjects.some(({ name, home }) => home === 'air' && promptTokens(text).includes(name))
    if (hasSubject) goOn(flies ? `over ${land.name}` : land.place, land.name)
    else add(land.name)
  }
  if (!says('Skies')) {
    const sky = pick(random, world.skies)
    goOn(sky?.when, sky?.name)
  }
  if (!says('Camera')) add(pick(random, world.cameras)?.clause)
  if (!says('Styles')) add(pick(random, world.styles))
  if (!says('Weather')) add(pick(random, world.weathers))
  return text
}

/** A colour before the subject that has none, a movement behind one that has none. */
function describeSubject(said: string, world: SceneVocabulary, model: ModelManifest, random: Random): string {
  const words = readPrompt(said, model)
  const tokens = words.map((word) => word.text.toLowerCase())
  const nouns = (model.knows.find(({ title }) => title === 'Subjects')?.phrases ?? []).map((phrase) => promptTokens(phrase))
  // the longest name that is there: "hot-air balloon" before "balloon"
  const [found] = nouns.map((noun) => ({ noun, at: findTokens(tokens, noun) })).filter(({ at }) => at >= 0).sort((a, b) => b.noun.length - a.noun.length)
  if (!found) return said
  const [first, last] = [words[found.at], words[found.at + found.noun.length - 1]]
  const subject = world.subjects.find(({ name }) => name === found.noun.at(-1))
  if (!first || !last) return said
  const [before, behind] = [tokens[found.at - 1], tokens[found.at + found.noun.length]]
  let text = said
  const take = (longer: string) => {
    if (allRead(longer, model)) text = longer
  }
  // from behind, so that places stay
  const move = pick(random, subject?.moves ?? [])
  if (move && !mentions(tokens, 'Motion', model) && (behind === undefined || LINKS.has(behind))) take(`${text.slice(0, last.end)} ${move}${text.slice(last.end)}`)
  if (before === 'a' || before === 'an') {
    // the article stays as it is
    const colour = pick(random, world.colours.filter((name) => /^[aeiou]/.test(name) === (before === 'an')))
    const toldBehind = tokens.includes('colour') || tokens.includes('color') || behind === 'as'
    if (colour && !toldBehind) take(`${text.slice(0, first.start)}${colour} ${text.slice(first.start)}`)
  }
  return text
}

/** Lands where the subject of a prompt can be. */
function landsFor(said: string, world: SceneVocabulary) {
  const tokens = promptTokens(said)
  const subject = world.subjects.find(({ name }) => tokens.includes(name))
  if (!subject || subject.home === 'air') return world.lands
  return world.lands.filter(({ water }) => water === (subject.home === 'water'))
}

function fillOpen(said: string, model: ModelManifest, random: Random): string {
  let text = said
  for (const sentence of missingSentences(said, random)) {
    const longer = /[.!?]$/.test(text) ? `${text} ${sentence}` : `${text.replace(/[\s,;:]+$/, '')}. ${sentence}`
    if (understands(model, longer)) text = longer
  }
  return text
}

function allRead(text: string, model: ModelManifest): boolean {
  return readPrompt(text, model).every((word) => word.read)
}
