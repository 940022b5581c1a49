// Splits a prompt like the starter's tokenizer, so that the page can mark unknown words and the point where a prompt is truncated.
import type { ModelManifest } from './model'

/** A word or a punctuation mark, with its position in the prompt. */
export interface PromptWord {
  text: string
  start: number
  end: number
  known: boolean
  /** false beyond the maximum length of the model */
  read: boolean
}

/** Number of special tokens that are added to every prompt ([CLS] and [SEP]). */
const SPECIAL_TOKENS = 2

/** Splits at white space and around punctuation, like BERT. */
const WORD = /[\p{P}\p{S}]|[^\s\p{P}\p{S}]+/gu

/** The words and punctuation marks of a text in lower case. Pure. */
export function promptTokens(text: string): string[] {
  return text.toLowerCase().match(WORD) ?? []
}

/** Splits a prompt, and marks the words that the model knows and reads. Pure. */
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
