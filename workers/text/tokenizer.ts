// Text → token ids, by the model's own tokenizer.json.
import { env, PreTrainedTokenizer } from '@huggingface/transformers'
import { AppError } from '../../src/shared/errors'
import { MAX_FILE_BYTES, readJson } from '../../src/shared/file-bounds'
import { readCharsmap } from './charsmap'
import { readTokenizerJson } from './tokenizer-bounds'

// the transformers library may download files by itself; here all bytes come through our own checks
env.allowRemoteModels = false
env.allowLocalModels = false

/** Token ids of a prompt, and the part of the prompt that they encode. */
export interface TokenizedPrompt {
  /** i32 range, special tokens included, at most `maxTokens` */
  ids: number[]
  /** the part of the prompt that the ids encode; the whole prompt if it fits */
  usedPrompt: string
}

/** Encodes a prompt. */
export type Tokenizer = (prompt: string) => TokenizedPrompt

/**
 * Creates a tokenizer that gives at most `maxTokens` ids. A longer prompt is cut after the last word that fits, so that the closing
 * special token is in the position that the encoder was trained on.
 * @param tokenizerJson,tokenizerConfig the files' bytes
 * @throws AppError weights-corrupt when they are not a tokenizer
 */
export function createTokenizer(tokenizerJson: Uint8Array, tokenizerConfig: Uint8Array, maxTokens: number): Tokenizer {
  let tokenizer: PreTrainedTokenizer
  try {
    const json = readTokenizerJson(tokenizerJson, 'tokenizer/tokenizer.json')
    const config = readJson(tokenizerConfig, MAX_FILE_BYTES.config, 'tokenizer/tokenizer_config.json') as object
    // no truncation: prompts are cut below, where the used part is known
    tokenizer = new PreTrainedTokenizer({ ...json, truncation: null, padding: null }, config)
    applyCharsmap(tokenizer._tokenizer.normalizer)
  } catch (error) {
    if (error instanceof AppError) throw error
    throw unreadableTokenizer('tokenizer/tokenizer.json', error)
  }

  return (prompt) => {
    const whole = tokenizer.encode(prompt)
    if (whole.length <= maxTokens) return { ids: whole, usedPrompt: prompt }
    // a longer part never has fewer tokens: bisect the word ends
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

/** Loads a tokenizer as it is, with its chat template. @throws AppError weights-corrupt when the files are not a tokenizer */
export function openChatTokenizer(json: object, config: object): PreTrainedTokenizer {
  try {
    return new PreTrainedTokenizer(json, config)
  } catch (error) {
    throw unreadableTokenizer('tokenizer.json', error)
  }
}

function unreadableTokenizer(file: string, error: unknown): AppError {
  return new AppError('weights-corrupt', `tokenizer.json: expected a tokenizer of the transformers library, got ${String(error)}; download the file again.`, {
    file,
  })
}

/** A normalizer of the transformers library: "Precompiled" has a table, "Sequence" a list. */
interface Normalizer {
  charsmap?: string | null
  normalizers?: (Normalizer | null)[]
  normalize(text: string): string
}

/** Applies the normalization table, which the library replaces by NFKC and some rules: those give other ids for emoji, marks and rare spaces. */
function applyCharsmap(normalizer: Normalizer | null): void {
  if (normalizer?.charsmap) {
    const normalize = readCharsmap(normalizer.charsmap)
    // the table keeps U+0085 (next line), which is white space for the pre-tokenizer, but not for JavaScript's \s
    normalizer.normalize = (text) => normalize(text).replaceAll('\u0085', ' ')
  }
  normalizer?.normalizers?.forEach(applyCharsmap)
}
