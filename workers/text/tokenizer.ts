// Words → token ids, by the model folder's own tokenizer.json.
import { PreTrainedTokenizer } from '@huggingface/transformers'
import { AppError } from '../../src/shared/errors'
import { readCharsmap } from './charsmap'
import './no-downloads'

/** Token ids of a text, and how much of the text they stand for. */
export interface TokenizedPrompt {
  /** i32 range, special tokens included, at most `maxTokens` */
  ids: number[]
  /** the beginning of the prompt that the ids stand for; the whole of it when it fits */
  usedPrompt: string
}

export type Tokenizer = (prompt: string) => TokenizedPrompt

/**
 * Builds a tokenizer that never gives more than `maxTokens` ids. A longer prompt is cut after its last word that fits,
 * so that the closing special token stays where the encoder learned to see it.
 * @param tokenizerJson,tokenizerConfig the files' bytes
 * @throws AppError weights-corrupt when they are no tokenizer
 */
export function createTokenizer(tokenizerJson: Uint8Array, tokenizerConfig: Uint8Array, maxTokens: number): Tokenizer {
  let tokenizer: PreTrainedTokenizer
  try {
    const [json, config] = [tokenizerJson, tokenizerConfig].map((bytes) => JSON.parse(new TextDecoder().decode(bytes)) as object)
    // lengths are minded below, where the part that was read is known
    tokenizer = new PreTrainedTokenizer({ ...json, truncation: null, padding: null }, config)
    normalizeByTable(tokenizer._tokenizer.normalizer)
  } catch (error) {
    throw new AppError('weights-corrupt', `tokenizer.json is not readable: ${String(error)}.`, { file: 'tokenizer/tokenizer.json' })
  }

  return (prompt) => {
    const whole = tokenizer.encode(prompt)
    if (whole.length <= maxTokens) return { ids: whole, usedPrompt: prompt }
    // a longer beginning never has fewer tokens: halve the interval of word ends
    const ends = [0, ...[...prompt.matchAll(/[\p{P}\p{S}]|[^\s\p{P}\p{S}]+/gu)].map((word) => word.index + word[0].length)]
    let fits = 0
    let tooLong = ends.length
    while (tooLong - fits > 1) {
      const middle = (fits + tooLong) >> 1
      if (tokenizer.encode(prompt.slice(0, ends[middle])).length <= maxTokens) fits = middle
      else tooLong = middle
    }
    const usedPrompt = prompt.slice(0, ends[fits])
    return { ids: tokenizer.encode(usedPrompt), usedPrompt }
  }
}

/** A normalizer of the library: "Precompiled" has a table, "Sequence" a list. */
interface Normalizer {
  charsmap?: string | null
  normalizers?: (Normalizer | null)[]
  normalize(text: string): string
}

/** The library does not read the table but applies NFKC and some rules in its place, which for emoji, marks and odd spaces give other ids. */
function normalizeByTable(normalizer: Normalizer | null): void {
  if (normalizer?.charsmap) {
    const normalize = readCharsmap(normalizer.charsmap)
    // the table leaves "next line" as it is; the pre-tokenizer's white space, which has it elsewhere, is JavaScript's \s here
    normalizer.normalize = (text) => normalize(text).replaceAll('\u0085', ' ')
  }
  normalizer?.normalizers?.forEach(normalizeByTable)
}
