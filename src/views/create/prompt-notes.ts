import { distance } from 'fastest-levenshtein'
import type { ModelManifest } from '../../shared/model'
import { readPrompt } from '../../shared/prompt'

/** A span of the prompt with one style; all spans joined are the prompt. */
export interface PromptSpan {
  text: string
  kind: 'plain' | 'unknown' | 'unread'
}

/** A word outside the model's vocabulary; each word is listed once, in prompt order. */
export interface UnknownWord {
  word: string
  /** the known word with the most similar spelling, or null */
  suggestion: string | null
}

/** Unknown words and truncation of a prompt. */
export interface PromptNotes {
  spans: PromptSpan[]
  unknown: UnknownWord[]
  /** set if the prompt is truncated: the last word that the model reads, and the number of words after it */
  cut: { after: string; unreadWords: number } | null
}

/** Finds unknown words and truncation. @param caret caret position: a word at the caret that may still become a known word is not marked. Pure. */
export function notePrompt(prompt: string, model: ModelManifest, caret: number | null = null): PromptNotes {
  const words = readPrompt(prompt, model)
  const spans: PromptSpan[] = []
  const unknown = new Map<string, UnknownWord>()
  let at = 0
  for (const word of words) {
    const key = word.text.toLowerCase()
    const unfinished = word.end === caret && model.text.words.some((known) => known.startsWith(key))
    const kind = !word.read ? 'unread' : word.known || unfinished ? 'plain' : 'unknown'
    if (word.start > at) spans.push({ text: prompt.slice(at, word.start), kind: kind === 'unread' ? 'unread' : 'plain' })
    spans.push({ text: word.text, kind })
    at = word.end
    if (kind === 'unknown' && !unknown.has(key)) unknown.set(key, { word: word.text, suggestion: nearestWord(key, model.text.words) })
  }
  if (at < prompt.length) spans.push({ text: prompt.slice(at), kind: 'plain' })
  const firstUnread = words.findIndex((word) => !word.read)
  const after = words[firstUnread - 1]
  const unreadWords = words.filter((word) => !word.read && /[\p{L}\p{N}]/u.test(word.text)).length
  return { spans, unknown: [...unknown.values()], cut: after && unreadWords > 0 ? { after: after.text, unreadWords } : null }
}

/** The known word with the smallest edit distance: none for up to 3 letters, 1 for 4, 2 from 5 and 3 from 8 letters on. Null if none is close enough. Pure. */
export function nearestWord(word: string, known: readonly string[]): string | null {
  let best: string | null = null
  let bestDistance = word.length < 4 ? 1 : word.length < 5 ? 2 : word.length < 8 ? 3 : 4
  for (const candidate of known) {
    if (!/^\p{L}{2,}$/u.test(candidate) || Math.abs(candidate.length - word.length) >= bestDistance) continue
    const edits = distance(word, candidate)
    if (edits < bestDistance) {
      best = candidate
      bestDistance = edits
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

/** Appends a phrase: after a comma, or after a space if the prompt ends with a preposition or an article. Pure. */
export function addPhrase(prompt: string, phrase: string): string {
  const start = prompt.trimEnd()
  if (start === '') return phrase
  if (/[,;]$/.test(start)) return `${start} ${phrase}`
  const incomplete = /(^|\s)(a|an|the|of|over|above|in|at|on|by|under|with|and|across|during|near|front of)$/i.test(start)
  return `${start}${incomplete ? ' ' : ', '}${phrase}`
}

/** Whether the prompt contains a phrase, ignoring case. Pure. */
export function hasPhrase(prompt: string, phrase: string): boolean {
  return prompt.toLowerCase().includes(phrase.toLowerCase())
}

/** Removes the last occurrence of a phrase and the comma before it. Pure. */
export function removePhrase(prompt: string, phrase: string): string {
  const at = prompt.toLowerCase().lastIndexOf(phrase.toLowerCase())
  if (at < 0) return prompt
  const before = prompt.slice(0, at).replace(/[,;]?\s*$/, '')
  const after = prompt.slice(at + phrase.length).replace(/^\s*[,;]?\s*/, '')
  const joint = before === '' || after === '' || /^[.!?]/.test(after) ? '' : ', '
  return before + joint + after
}
