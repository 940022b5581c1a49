// Splitting a prompt as the starter's tokenizer does, so that the page can show which words a model knows and where it stops reading.
import type { ModelManifest } from './model'

/** A word or a single punctuation mark, with its place in the prompt. */
export interface PromptWord {
  text: string
  start: number
  end: number
  known: boolean
  /** false past the model's length */
  read: boolean
}

/** Special tokens that every prompt carries ([CLS] and [SEP]). */
const SPECIAL_TOKENS = 2

/** At white space and around punctuation: BERT's rule. */
const WORD = /[\p{P}\p{S}]|[^\s\p{P}\p{S}]+/gu

/** Words and signs of a text, in lower case. Pure. */
export function promptTokens(text: string): string[] {
  return text.toLowerCase().match(WORD) ?? []
}

/** Splits at white space and around punctuation (BERT's rule), and marks what the model knows and reads. Pure. */
export function readPrompt(prompt: string, model: ModelManifest): PromptWord[] {
  const known = new Set(model.text.words)
  const words = [...prompt.matchAll(WORD)]
  return words.map((match, index) => ({
    text: match[0],
    start: match.index,
    end: match.index + match[0].length,
    known: known.size === 0 || known.has(match[0].toLowerCase()) || /^[\p{P}\p{S}]$/u.test(match[0]),
    read: index < model.text.maxTokens - SPECIAL_TOKENS,
  }))
}
