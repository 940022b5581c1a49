import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { createTokenizer } from '../../workers/text/tokenizer'

const fixture = (name: string) => readFileSync(new URL(`fixtures/${name}`, import.meta.url))
const tokenizerJson = fixture('unigram-tokenizer.json')
const config = new TextEncoder().encode('{"tokenizer_class":"T5Tokenizer","eos_token":"</s>","unk_token":"<unk>","pad_token":"<pad>"}')
const { cases } = JSON.parse(fixture('unigram-ids.json').toString()) as { cases: { text: string; ids: number[] }[] }

// T5's kind of tokenizer: Unigram. The ids are those of the tokenizers package of Python.
test.each(cases)('“$text” has the ids that Python gives it', ({ text, ids }) => {
  expect(createTokenizer(tokenizerJson, config, 256)(text)).toEqual({ ids, usedPrompt: text })
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
