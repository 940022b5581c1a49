import { ALL_CAPABILITIES } from '../../src/shared/capabilities'
import { describe, expect, it } from 'vitest'
import type { ModelManifest } from '../../src/shared/model'
import { addPhrase, nearestWord, notePrompt, replaceWord } from '../../src/views/create/prompt-notes'

const words = ['a', 'red', 'sky', 'at', 'sunset', 'mountain', 'mountains', 'over', 'ocean', ',']

/** Manifest of a model with this vocabulary and a maximum length of `maxTokens`, including two special tokens. */
function modelOf(maxTokens = 32): ModelManifest {
  return {
    schemaVersion: 1,
    id: 'small',
    name: 'Small',
    version: 1,
    architecture: 'KinoraPipeline',
    capabilities: ALL_CAPABILITIES,
    licence: 'MIT',
    description: '',
    files: [],
    sizes: [{ shape: '1:1', width: 64, height: 64 }],
    frames: { default: 9, allowed: [9] },
    fps: { default: 8, allowed: [8] },
    steps: { default: 4, min: 1, max: 8 },
    guidance: { default: 3, min: 1, max: 8 },
    latent: { channels: 4, scaleSpace: 8, scaleTime: 4 },
    rope: { timeScale: 1, spaceScale: 1 },
    text: { maxTokens, words },
    knows: [],
    examples: [],
  }
}

describe('notePrompt', () => {
  it('returns spans that join to the prompt', () => {
    for (const prompt of ['', '  ', 'a red sky', 'a  Dinosaur, at sunset!  ', 'é 🦕 a\nred sky'.repeat(9)]) {
      expect(
        notePrompt(prompt, modelOf(8))
          .spans.map((span) => span.text)
          .join(''),
      ).toBe(prompt)
    }
  })

  it('lists each unknown word once, with the known word of the most similar spelling', () => {
    const { unknown, spans } = notePrompt('a red mountian, a dinosaur, a Mountian', modelOf())
    expect(unknown).toEqual([
      { word: 'mountian', suggestion: 'mountain' },
      { word: 'dinosaur', suggestion: null },
    ])
    expect(spans.filter((span) => span.kind === 'unknown').map((span) => span.text)).toEqual(['mountian', 'dinosaur', 'Mountian'])
  })

  it('does not mark a word at the caret that may still become a known word', () => {
    expect(notePrompt('a mount', modelOf(), 7).unknown).toEqual([])
    expect(notePrompt('a mount', modelOf(), null).unknown.map(({ word }) => word)).toEqual(['mount'])
    expect(notePrompt('a mountx', modelOf(), 8).unknown).toHaveLength(1)
  })

  it('reports where a long prompt is cut off', () => {
    const notes = notePrompt('a red sky at sunset over a dinosaur', modelOf(2 + 4))
    expect(notes.cut).toEqual({ after: 'at', unreadWords: 4 })
    expect(notes.unknown).toEqual([])
    expect(notePrompt('a red sky at', modelOf(2 + 4)).cut).toBeNull()
  })
})

describe('nearestWord', () => {
  it('corrects small typos only', () => {
    expect(nearestWord('sunsett', words)).toBe('sunset')
    expect(nearestWord('ocaen', words)).toBe('ocean')
    expect(nearestWord('skyy', words)).toBe('sky')
    expect(nearestWord('zebra', words)).toBeNull()
    expect(nearestWord('rad', words)).toBeNull()
  })
})

describe('editing a prompt', () => {
  it('replaces every occurrence of a whole word', () => {
    expect(replaceWord('teh sky, Teh sea, tehran', modelOf(), 'teh', 'the')).toBe('the sky, the sea, tehran')
  })

  it('appends a phrase after a comma or an incomplete phrase', () => {
    expect(addPhrase('', 'a red sky')).toBe('a red sky')
    expect(addPhrase('a boat ', 'a red sky')).toBe('a boat, a red sky')
    expect(addPhrase('a boat over', 'the ocean')).toBe('a boat over the ocean')
    expect(addPhrase('a boat,', 'noir')).toBe('a boat, noir')
  })
})
