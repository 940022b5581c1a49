import { distance } from 'fastest-levenshtein'
import type { ModelManifest } from '../../shared/model'
import { readPrompt } from '../../shared/prompt'

/** A stretch of the prompt that is drawn in one way; the stretches joined are the prompt. */
export interface PromptStretch {
  text: string
  kind: 'plain' | 'unknown' | 'unread'
}

/** A word that the model does not know, once a prompt, in its order. */
export interface UnknownWord {
  word: string
  /** a known word that is spelt alike, or null */
  suggestion: string | null
}

/** What there is to say about a prompt while it is written. */
export interface PromptNotes {
  stretches: PromptStretch[]
  unknown: UnknownWord[]
  /** set when the model stops before the end: the last word it reads, and how many words it does not */
  cut: { after: string; unreadWords: number } | null
}

/** @param caret where the person is typing: a word that may still become a known one is not noted. Pure. */
export function notePrompt(prompt: string, model: ModelManifest, caret: number | null = null): PromptNotes {
  const words = readPrompt(prompt, model)
  const stretches: PromptStretch[] = []
  const unknown = new Map<string, UnknownWord>()
  let at = 0
  for (const word of words) {
    const key = word.text.toLowerCase()
    const unfinished = word.end === caret && model.text.words.some((known) => known.startsWith(key))
    const kind = !word.read ? 'unread' : word.known || unfinished ? 'plain' : 'unknown'
    if (word.start > at) stretches.push({ text: prompt.slice(at, word.start), kind: kind === 'unread' ? 'unread' : 'plain' })
    stretches.push({ text: word.text, kind })
    at = word.end
    if (kind === 'unknown' && !unknown.has(key)) unknown.set(key, { word: word.text, suggestion: nearestWord(key, model.text.words) })
  }
  if (at < prompt.length) stretches.push({ text: prompt.slice(at), kind: 'plain' })
  const firstUnread = words.findIndex((word) => !word.read)
  const after = words[firstUnread - 1]
  const unreadWords = words.filter((word) => !word.read && /[\p{L}\p{N}]/u.test(word.text)).length
  return { stretches, unknown: [...unknown.values()], cut: after && unreadWords > 0 ? { after: after.text, unreadWords } : null }
}

/** The known word that is spelt most alike: one letter off in four, two from five on, three from eight on; shorter words are near to everything. Null when none is that near. Pure. */
export function nearestWord(word: string, known: readonly string[]): string | null {
  let best: string | null = null
  let bestDistance = word.length < 4 ? 1 : word.length < 5 ? 2 : word.length < 8 ? 3 : 4
  for (const candidate of known) {
    if (!/^\p{L}{2,}$/u.test(candidate) || Math.abs(candidate.length - word.length) >= bestDistance) continue
    const off = distance(word, candidate)
    if (off < bestDistance) {
      best = candidate
      bestDistance = off
    }
  }
  return best
}

/** The prompt with every occurrence of a word replaced. Pure. */
export function replaceWord(prompt: string, model: ModelManifest, word: string, replacement: string): string {
  let replaced = ''
  let at = 0
  for (const found of readPrompt(prompt, model)) {
    if (found.text.toLowerCase() !== word.toLowerCase()) continue
    replaced += prompt.slice(at, found.start) + replacement
    at = found.end
  }
  return replaced + prompt.slice(at)
}

/** The prompt with a phrase added: after a comma, or after a space when the prompt ends in a word that waits for one. Pure. */
export function addPhrase(prompt: string, phrase: string): string {
  const start = prompt.trimEnd()
  if (start === '') return phrase
  if (/[,;]$/.test(start)) return `${start} ${phrase}`
  const waits = /(^|\s)(a|an|the|of|over|above|in|at|on|by|under|with|and|across|during|near|front of)$/i.test(start)
  return `${start}${waits ? ' ' : ', '}${phrase}`
}

/** Whether a phrase stands in the prompt as it is, in any case. Pure. */
export function hasPhrase(prompt: string, phrase: string): boolean {
  return prompt.toLowerCase().includes(phrase.toLowerCase())
}

/** The prompt without a phrase, where it stands last, and without the comma before it. Pure. */
export function removePhrase(prompt: string, phrase: string): string {
  const at = prompt.toLowerCase().lastIndexOf(phrase.toLowerCase())
  if (at < 0) return prompt
  const before = prompt.slice(0, at).replace(/[,;]?\s*$/, '')
  const behind = prompt.slice(at + phrase.length).replace(/^\s*[,;]?\s*/, '')
  const joint = before === '' || behind === '' || /^[.!?]/.test(behind) ? '' : ', '
  return before + joint + behind
}
