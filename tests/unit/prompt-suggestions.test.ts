import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { catalogueManifest } from '../../src/shared/model-address'
import { expandPrompt } from '../../src/shared/prompt-expansion'
import { understands, vocabularyOf } from '../../src/shared/scene-vocabulary'
import { parseManifest, type ModelManifest } from '../../src/shared/model'
import { readPrompt } from '../../src/shared/prompt'
import { CATALOGUE } from '../../src/shared/model-catalogue'
import { availableStyles } from '../../src/shared/style-presets'
import { surprisePrompt } from '../../src/shared/surprise-prompt'
import starterJson from '../../public/models/starter/kinora.json'

const starter = parseManifest(starterJson, 'kinora.json')
const source = CATALOGUE.find(({ id }) => id === 'ltxv-2b-0.9.8-distilled')!
const large = catalogueManifest(source)!
const phrases = starter.knows.flatMap((theme) => theme.phrases)

/** Seeded random numbers (mulberry32). */
function randomOf(seed: number) {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
const wordsOf = (text: string, model: ModelManifest) =>
  readPrompt(text, model)
    .map((word) => word.text)
    .filter((word) => /[\p{L}\p{N}]/u.test(word))
/** Whether `many` contains all of `few`, in the same order. */
function isWithin(few: readonly string[], many: readonly string[]): boolean {
  let at = 0
  for (const word of many) if (word === few[at]) at++
  return at === few.length
}

const starterPrompts = fc.oneof(
  fc.array(fc.constantFrom(...phrases, 'a', 'over', 'the', 'at'), { minLength: 1, maxLength: 12 }).map((parts) => parts.join(' ')),
  fc.array(fc.constantFrom(...phrases), { minLength: 1, maxLength: 6 }).map((parts) => parts.join(', ')),
  fc.array(fc.constantFrom(...starter.text.words, 'dinosaur', 'XYZ'), { minLength: 1, maxLength: 50 }).map((parts) => parts.join(' ')),
  fc.string({ maxLength: 60 }),
)

describe('expandPrompt for the starter', () => {
  it('keeps all words, adds only known ones and stays within the maximum length', () => {
    fc.assert(
      fc.property(starterPrompts, fc.integer(), (prompt, seed) => {
        const expanded = expandPrompt(prompt, starter, randomOf(seed))
        if (expanded === null) return
        expect(isWithin(wordsOf(prompt, starter), wordsOf(expanded, starter)), `${prompt} → ${expanded}`).toBe(true)
        expect(readPrompt(expanded, starter).every((word) => word.read)).toBe(true)
        const unknownCount = (text: string) => readPrompt(text, starter).filter((word) => !word.known).length
        expect(unknownCount(expanded)).toBe(unknownCount(prompt))
      }),
      { numRuns: 500 },
    )
  })

  it.each([
    ['a balloon', /^a (\w+) balloon .+ing.* over .+, .+ style/],
    ['a red balloon', /^a red balloon .+ing/],
    ['a car', /^a \w+ car (driving to the (left|right)|parked) in /],
    ['a sailboat', /^a \w+ sailboat .* on the ocean/],
    ['Sunset over the sea.', /^Sunset over the sea\. A \w+ \w+ .*\. /],
    ['a red balloon rises over mountains at sunset', /^a red balloon rises over mountains at sunset, .*camera.*, .+ style/],
    ['a dinosaur over mountains', /^a dinosaur over mountains (at|under|on) /],
  ])('expands “%s”', (prompt, expected) => {
    for (let seed = 0; seed < 20; seed++) expect(expandPrompt(prompt, starter, randomOf(seed))).toMatch(expected)
  })

  it('adds no second color, subject, style or camera motion', () => {
    for (let seed = 0; seed < 20; seed++) {
      expect(expandPrompt('a red balloon', starter, randomOf(seed))).not.toMatch(/red (yellow|green|blue|purple|white)|balloon.*balloon/)
      expect(expandPrompt('a balloon, neon style', starter, randomOf(seed))).not.toMatch(/(flat|noir|pastel) style/)
      expect(expandPrompt('a balloon, the camera zooms in', starter, randomOf(seed))).not.toMatch(/camera.*camera|pan/)
    }
  })

  it('returns null if nothing is missing or the last phrase is incomplete', () => {
    const all = 'a red balloon rising over mountains at sunset, fog, the camera zooms in, neon style'
    for (const prompt of ['', '  ', 'a red balloon over', 'a', all]) expect(expandPrompt(prompt, starter, randomOf(1))).toBeNull()
    expect(expandPrompt(Array(80).fill('red').join(' '), starter, randomOf(1))).toBeNull()
  })
})

describe('expandPrompt for an open vocabulary', () => {
  it('adds missing sentences about light, camera and look', () => {
    const expanded = expandPrompt('A fox in the snow', large, randomOf(3))
    expect(expanded).toMatch(/^A fox in the snow\. [A-Z].+\./)
    expect(expandPrompt('A fox at night. The camera stands still. Realistic.', large, randomOf(3))).toBeNull()
  })

  it('keeps all words', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 200 }), fc.integer(), (prompt, seed) => {
        const expanded = expandPrompt(prompt, large, randomOf(seed))
        if (expanded !== null) expect(isWithin(wordsOf(prompt, large), wordsOf(expanded, large))).toBe(true)
      }),
    )
  })
})

describe('surprisePrompt', () => {
  it('uses only the vocabulary of the model and rarely repeats', () => {
    const drawn = Array.from({ length: 300 }, (_, seed) => surprisePrompt(starter, randomOf(seed * 7919)))
    for (const prompt of drawn) {
      expect(understands(starter, prompt), prompt).toBe(true)
      expect(prompt).toMatch(/^an? \w+ \w+ /)
    }
    expect(new Set(drawn).size).toBeGreaterThan(250)
    // nothing outside the scene vocabulary: orange is a sky here, not a color of a subject
    expect(drawn.join(' ')).not.toMatch(/orange|black|train|forest/)
    expect(drawn.join('\n')).not.toMatch(/car .*ocean|sailboat .*(dunes|meadow|mountains)/)
  })

  it('returns a scene of sentences for an open vocabulary', () => {
    const drawn = Array.from({ length: 50 }, (_, seed) => surprisePrompt(large, randomOf(seed)))
    for (const prompt of drawn) expect(prompt).toMatch(/^([A-Z][^.]+\. ?){3,4}$/)
    expect(new Set(drawn).size).toBeGreaterThan(40)
  })

  it('returns an example for a model without a scene vocabulary', () => {
    expect(starter.examples).toContain(surprisePrompt({ ...starter, knows: [] }, randomOf(2)))
  })
})

describe('styles', () => {
  it('within the vocabulary of the model come first', () => {
    const styles = availableStyles(starter)
    expect(styles.filter(({ known }) => known).map(({ name, text }) => `${name}: ${text}`)).toEqual([
      'Neon: neon style',
      'Noir: noir style',
      'Pastel: pastel style',
      'Flat: flat style',
    ])
    expect(styles.slice(0, 4).every(({ known }) => known)).toBe(true)
    expect(availableStyles(large).every(({ known }) => known)).toBe(true)
  })

  it('covers all parts of the starter’s scene vocabulary', () => {
    const vocabulary = vocabularyOf(starter)
    expect(vocabulary && Object.values(vocabulary).map((part) => part.length)).toEqual([6, 5, 8, 6, 3, 4, 4])
  })
})
