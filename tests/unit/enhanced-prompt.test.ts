import { describe, expect, test } from 'vitest'
import { missingWords, isOffTopic, tidyParagraph } from '../../src/shared/enhanced-prompt'

const FOX = 'A red fox walks through deep snow. It lifts its head.'

describe('tidyParagraph', () => {
  test('keeps a paragraph of complete sentences', () => {
    expect(tidyParagraph(FOX)).toBe(FOX)
    expect(tidyParagraph('A No. 5 tram, painted in 1.5 m letters, stops at St. Mark. A man waits!')).toBe(
      'A No. 5 tram, painted in 1.5 m letters, stops at St. Mark. A man waits!',
    )
  })

  test.each([
    ['Sure! Here is your prompt:\n\n' + FOX],
    ["Certainly, here's a video prompt: " + FOX],
    ['Here is a paragraph that describes the scene:\n' + FOX],
    ['Prompt: ' + FOX],
    ['**Prompt:** ' + FOX],
    ['"' + FOX + '"'],
    ['“' + FOX + '”'],
    [FOX + '\n\nI hope this helps! Let me know if you would like another one.'],
    [FOX + ' This prompt has all that was asked for.'],
    ['- A red fox walks through deep snow.\n- It lifts its head.'],
    ['A red fox walks\nthrough deep snow.   It lifts its head.<|im_end|>'],
    [FOX + ' Behind it stand dark'],
    [FOX + ' It lifts its head. It lifts its head.'],
  ])('extracts the paragraph from %j', (output) => {
    expect(tidyParagraph(output)).toBe(FOX)
  })

  test('keeps scenes that start like a remark', () => {
    expect(tidyParagraph('Here a river bends. This is a wide valley.')).toBe('Here a river bends. This is a wide valley.')
    expect(tidyParagraph('Great waves break against a rock.')).toBe('Great waves break against a rock.')
  })

  test('returns an empty text without a complete sentence', () => {
    for (const output of ['', '   ', 'A red fox in the', '...', 'I hope this helps!']) expect(tidyParagraph(output)).toBe('')
  })

  test('returns complete sentences of at most 120 words', () => {
    const sentence = 'The fox walks on through the deep snow and looks back'
    const long = Array.from({ length: 20 }, (_, index) => `${sentence} ${index}.`).join(' ')
    const tidied = tidyParagraph(long)
    expect(tidied.split(' ').length).toBe(120)
    expect(long.startsWith(tidied)).toBe(true)
    expect(tidied.endsWith('.')).toBe(true)
  })

  test('removes sentences with a phrase to avoid', () => {
    const output = 'A man walks on a street. Many people stand behind him. The street is wet.'
    expect(tidyParagraph(output, ['people', 'blurry'])).toBe('A man walks on a street. The street is wet.')
    expect(tidyParagraph(output, ['wet street', '', ' '])).toBe(output)
    expect(tidyParagraph(output, ['Wet.'])).toBe('A man walks on a street. Many people stand behind him.')
  })
})

describe('words of the prompt', () => {
  test('are matched with other endings', () => {
    expect(missingWords('a white sailboat sailing, old houses', 'White sailboats sail past an old house.')).toEqual([])
    expect(missingWords("a dog running, the dog's toy", 'Dogs run after toys.')).toEqual([])
    expect(missingWords('a baby crying', 'A baby cries.')).toEqual([])
  })

  test('are listed once, in order, if they are missing', () => {
    expect(missingWords('a red fox and a red kite in the snow', 'A fox sits under a tree.')).toEqual(['red', 'kite', 'snow'])
    expect(missingWords('of the', 'anything')).toEqual([])
  })

  test('decide whether a paragraph is off topic', () => {
    expect(isOffTopic('a green kite', 'A black dog runs along a beach.')).toBe(true)
    expect(isOffTopic('a green kite', 'A kite rises over a beach.'), 'half of the words are missing').toBe(false)
    expect(isOffTopic('a red fox in the snow', 'The snow falls on a forest.')).toBe(true)
    expect(isOffTopic('in the', 'A black dog.')).toBe(false)
    expect(isOffTopic('une mer calme, 日本', 'Une mer calme, 日本.')).toBe(false)
  })
})
