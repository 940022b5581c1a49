// T5's tokenizer: told from other tokenizers and from other files of its repository, and opened.
import * as v from 'valibot'
import { AppError } from '../../../src/shared/errors'
import type { Tokenizer } from '../../text/tokenizer'
import { readTokenizer, type ModelFiles } from '../model-files'
import { T5_VOCABULARY } from '../checkpoint-kind'

/** T5's special tokens by id; the encoder was trained on prompts that end with the second. */
const SPECIAL = ['<pad>', '</s>', '<unk>']
const END = SPECIAL.indexOf('</s>')
/** T5's tokenizer.json is complete without a tokenizer_config.json. */
const NO_TOKENIZER_CONFIG = new TextEncoder().encode('{}')

const TokenizerSchema = v.object({ model: v.object({ type: v.string(), vocab: v.unknown() }) })
const UnigramSchema = v.array(v.looseTuple([v.string()]))

/**
 * Opens the tokenizer of a T5 encoder.
 * @param maxTokens see createTokenizer
 * @throws AppError weights-missing; weights-corrupt naming what was found instead
 */
export async function openT5Tokenizer(signal: AbortSignal, files: ModelFiles, maxTokens: number): Promise<Tokenizer> {
  const bytes = await readTokenizer(signal, files)
  const file = files.layout === 'file' ? files.name : 'tokenizer/tokenizer.json'
  const foreign = foreignTokenizer(bytes)
  if (foreign !== undefined) throw unfit(file, foreign)
  // half a megabyte of code that no other model needs here
  const { createTokenizer } = await import('../../text/tokenizer')
  const tokenize = createTokenizer(bytes, NO_TOKENIZER_CONFIG, maxTokens)
  if (tokenize('').ids.at(-1) !== END) throw unfit(file, `a tokenizer that does not end prompts with ${SPECIAL[END]}`)
  return tokenize
}

/** What a file is that is not T5's tokenizer.json; undefined where it may be that. */
function foreignTokenizer(bytes: Uint8Array): string | undefined {
  let json: unknown
  try {
    json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch {
    return isSentencePiece(bytes) ? 'a SentencePiece model' : 'a file that is not JSON'
  }
  const parsed = v.safeParse(TokenizerSchema, json)
  if (!parsed.success) return 'JSON without a model and its vocabulary'
  const { type, vocab } = parsed.output.model
  if (type !== 'Unigram') return `a tokenizer of type ${type}`
  const tokens = v.safeParse(UnigramSchema, vocab)
  if (!tokens.success) return 'a tokenizer without a list of tokens'
  if (tokens.output.length > T5_VOCABULARY) return `a tokenizer with ${tokens.output.length} tokens, as those of mT5 and UMT5`
  const first = tokens.output.slice(0, SPECIAL.length).map(([token]) => token)
  if (first.join() !== SPECIAL.join()) return `a tokenizer that begins with ${first.join(', ')}`
  return undefined
}

/** A protobuf whose first field is a token: its number and length, then the number of the token's text. */
function isSentencePiece(bytes: Uint8Array): boolean {
  return bytes[0] === 0x0a && bytes[2] === 0x0a
}

function unfit(file: string, found: string): AppError {
  const expected = "a tokenizer.json of T5, as in the repositories of T5 and in the tokenizer folder of LTX-Video's"
  return new AppError('weights-corrupt', `${file} is ${found}; expected ${expected}.`, { file, expected, found })
}
