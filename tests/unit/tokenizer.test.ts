import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { readCharsmap } from '../../workers/text/charsmap'
import { createTokenizer } from '../../workers/text/tokenizer'

const fixture = (name: string) => readFileSync(new URL(`fixtures/${name}`, import.meta.url))
const tokenizerJson = fixture('unigram-tokenizer.json')
const config = new TextEncoder().encode('{"tokenizer_class":"T5Tokenizer","eos_token":"</s>","unk_token":"<unk>","pad_token":"<pad>"}')
const { cases } = JSON.parse(fixture('unigram-ids.json').toString()) as { cases: { text: string; ids: number[] }[] }

// T5's kind of tokenizer: Unigram. The ids are those of the tokenizers package of Python.
test.each(cases)('“$text” has the ids that Python gives it', ({ text, ids }) => {
  expect(createTokenizer(tokenizerJson, config, 256)(text)).toEqual({ ids, usedPrompt: text })
})

describe('the table of characters that a published tokenizer.json carries', () => {
  const json = gunzipSync(fixture('charsmap-tokenizer.json.gz'))
  const tokenize = createTokenizer(json, new TextEncoder().encode('{}'), 256)
  const { normalizer } = JSON.parse(json.toString()) as { normalizer: { type: string; precompiled_charsmap: string } }
  const { cases } = JSON.parse(fixture('charsmap-ids.json').toString()) as { cases: { text: string; normalized: string; ids: number[] }[] }

  test.each(cases)('%j', ({ text, normalized, ids }) => {
    expect(normalizer.type).toBe('Precompiled')
    expect(readCharsmap(normalizer.precompiled_charsmap)(text)).toBe(normalized)
    expect(tokenize(text)).toEqual({ ids, usedPrompt: text })
  })

  test('in a sequence, as a newer converter writes it, it is read the same way', () => {
    const sequence = { type: 'Sequence', normalizers: [normalizer, { type: 'Strip', strip_left: false, strip_right: true }] }
    const inSequence = createTokenizer(Buffer.from(JSON.stringify({ ...(JSON.parse(json.toString()) as object), normalizer: sequence })), config, 256)
    for (const { text, ids } of cases) expect(inSequence(text).ids).toEqual(ids)
  })

  test.each([
    ['no base64', '*'],
    ['cut', Buffer.from([1, 0]).toString('base64')],
    ['a table longer than all', Buffer.from([255, 255, 255, 255, 0, 0, 0, 0]).toString('base64')],
    ['a table of no entries', Buffer.from([0, 0, 0, 0]).toString('base64')],
  ])('is refused when it is %s', (_, charsmap) => {
    const broken = { ...(JSON.parse(json.toString()) as object), normalizer: { ...normalizer, precompiled_charsmap: charsmap } }
    expect(() => createTokenizer(Buffer.from(JSON.stringify(broken)), config, 256)).toThrow(/^tokenizer\.json is not readable: .*table of characters/)
  })
})

test('tokenizer.json alone will do', () => {
  const alone = createTokenizer(tokenizerJson, new TextEncoder().encode('{}'), 256)
  for (const { text, ids } of cases) expect(alone(text).ids).toEqual(ids)
})

test('a text that is too long ends with the end token, after its last word that fits', () => {
  const { ids, usedPrompt } = createTokenizer(tokenizerJson, config, 6)('a red sailboat sailing over the sea')
  expect(ids.length).toBeLessThanOrEqual(6)
  expect(ids.at(-1)).toBe(1)
  expect('a red sailboat sailing over the sea'.startsWith(usedPrompt)).toBe(true)
  expect(createTokenizer(tokenizerJson, config, 256)(usedPrompt).ids).toEqual(ids)
})

test('what is no tokenizer is refused', () => {
  expect(() => createTokenizer(new TextEncoder().encode('{'), config, 6)).toThrow('tokenizer.json is not readable')
})
