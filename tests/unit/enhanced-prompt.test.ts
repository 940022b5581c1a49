// What a small language model wrote, made ready to be a prompt.
import { describe, expect, test } from 'vitest'
import { missingWords, mentionsOther, tidyParagraph } from '../../src/shared/enhanced-prompt'

const FOX = 'A red fox walks through deep snow. It lifts its head.'

describe('a paragraph', () => {
  test('stays as it is where it is whole', () => {
    expect(tidyParagraph(FOX)).toBe(FOX)
    expect(tidyParagraph('A No. 5 tram, painted in 1.5 m letters, stops at St. Mark. A man waits!')).toBe('A No. 5 tram, painted in 1.5 m letters, stops at St. Mark. A man waits!')
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
  ])('is found in %j', (written) => {
    expect(tidyParagraph(written)).toBe(FOX)
  })

  test('a scene may begin with such a word', () => {
    expect(tidyParagraph('Here a river bends. This is a wide valley.')).toBe('Here a river bends. This is a wide valley.')
    expect(tidyParagraph('Great waves break against a rock.')).toBe('Great waves break against a rock.')
  })

  test('is nothing where no sentence is whole', () => {
    for (const written of ['', '   ', 'A red fox in the', '...', 'I hope this helps!']) expect(tidyParagraph(written)).toBe('')
  })

  test('ends with a sentence, after 120 words at most', () => {
    const sentence = 'The fox walks on through the deep snow and looks back'
    const long = Array.from({ length: 20 }, (_, index) => `${sentence} ${index}.`).join(' ')
    const kept = tidyParagraph(long)
    expect(kept.split(' ').length).toBe(120)
    expect(long.startsWith(kept)).toBe(true)
    expect(kept.endsWith('.')).toBe(true)
  })

  test('has no sentence with a phrase that is to be avoided', () => {
    const written = 'A man walks on a street. Many people stand behind him. The street is wet.'
    expect(tidyParagraph(written, ['people', 'blurry'])).toBe('A man walks on a street. The street is wet.')
    expect(tidyParagraph(written, ['wet street', '', ' '])).toBe(written)
    expect(tidyParagraph(written, ['Wet.'])).toBe('A man walks on a street. Many people stand behind him.')
  })
})

describe('the words of the person', () => {
  test('are found with other endings', () => {
    expect(missingWords('a white sailboat sailing, old houses', 'White sailboats sail past an old house.')).toEqual([])
    expect(missingWords("a dog running, the dog's toy", 'Dogs run after toys.')).toEqual([])
    expect(missingWords('a baby crying', 'A baby cries.')).toEqual([])
  })

  test('are named once where they are missing, in their order', () => {
    expect(missingWords('a red fox and a red kite in the snow', 'A fox sits under a tree.')).toEqual(['red', 'kite', 'snow'])
    expect(missingWords('of the', 'anything')).toEqual([])
  })

  test('tell what is spoken of', () => {
    expect(mentionsOther('a green kite', 'A black dog runs along a beach.')).toBe(true)
    expect(mentionsOther('a green kite', 'A kite rises over a beach.'), 'half of them').toBe(false)
    expect(mentionsOther('a red fox in the snow', 'The snow falls on a forest.')).toBe(true)
    expect(mentionsOther('in the', 'A black dog.')).toBe(false)
    expect(mentionsOther('une mer calme, 日本', 'Une mer calme, 日本.')).toBe(false)
  })
})
