import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { readCharsmap } from '../../workers/text/charsmap'
import { createTokenizer } from '../../workers/text/tokenizer'

const fixture = (name: string) => readFileSync(new URL(`fixtures/${name}`, import.meta.url))
const tokenizerJson = fixture('unigram-tokenizer.json')
const config = new TextEncoder().encode('{"tokenizer_class":"T5Tokenizer","eos_token":"</s>","unk_token":"<unk>","pad_token":"<pad>"}')
const { cases } = JSON.parse(fixture('unigram-ids.json').toString()) as { cases: { text: string; ids: number[] }[] }

// A Unigram tokenizer as T5's. The ids are those of Python's tokenizers package.
test.each(cases)('“$text” has the ids of the Python tokenizer', ({ text, ids }) => {
  expect(createTokenizer(tokenizerJson, config, 256)(text)).toEqual({ ids, usedPrompt: text })
})

describe('the precompiled_charsmap of a published tokenizer.json', () => {
  const json = gunzipSync(fixture('charsmap-tokenizer.json.gz'))
  const tokenize = createTokenizer(json, new TextEncoder().encode('{}'), 256)
  const { normalizer } = JSON.parse(json.toString()) as { normalizer: { type: string; precompiled_charsmap: string } }
  const { cases } = JSON.parse(fixture('charsmap-ids.json').toString()) as { cases: { text: string; normalized: string; ids: number[] }[] }

  test.each(cases)('%j', ({ text, normalized, ids }) => {
    expect(normalizer.type).toBe('Precompiled')
    expect(readCharsmap(normalizer.precompiled_charsmap)(text)).toBe(normalized)
    expect(tokenize(text)).toEqual({ ids, usedPrompt: text })
  })

  test('is also applied inside a Sequence normalizer', () => {
    const sequence = { type: 'Sequence', normalizers: [normalizer, { type: 'Strip', strip_left: false, strip_right: true }] }
    const inSequence = createTokenizer(Buffer.from(JSON.stringify({ ...(JSON.parse(json.toString()) as object), normalizer: sequence })), config, 256)
    for (const { text, ids } of cases) expect(inSequence(text).ids).toEqual(ids)
  })

  test.each([
    ['invalid base64', '*'],
    ['a truncated table', Buffer.from([1, 0]).toString('base64')],
    ['a trie longer than the table', Buffer.from([255, 255, 255, 255, 0, 0, 0, 0]).toString('base64')],
    ['an empty trie', Buffer.from([0, 0, 0, 0]).toString('base64')],
  ])('rejects %s', (_, charsmap) => {
    const broken = { ...(JSON.parse(json.toString()) as object), normalizer: { ...normalizer, precompiled_charsmap: charsmap } }
    expect(() => createTokenizer(Buffer.from(JSON.stringify(broken)), config, 256)).toThrow(
      /^tokenizer\.json: expected a tokenizer .*precompiled_charsmap: expected/,
    )
  })
})

test('needs only tokenizer.json', () => {
  const alone = createTokenizer(tokenizerJson, new TextEncoder().encode('{}'), 256)
  for (const { text, ids } of cases) expect(alone(text).ids).toEqual(ids)
})

test('cuts a long prompt after the last word that fits, and keeps the end token', () => {
  const { ids, usedPrompt } = createTokenizer(tokenizerJson, config, 6)('a red sailboat sailing over the sea')
  expect(ids.length).toBeLessThanOrEqual(6)
  expect(ids.at(-1)).toBe(1)
  expect('a red sailboat sailing over the sea'.startsWith(usedPrompt)).toBe(true)
  expect(createTokenizer(tokenizerJson, config, 256)(usedPrompt).ids).toEqual(ids)
})

test('rejects a file that is not a tokenizer', () => {
  expect(() => createTokenizer(new TextEncoder().encode('{'), config, 6)).toThrow('tokenizer.json: expected a tokenizer')
})
