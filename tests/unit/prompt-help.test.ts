import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { catalogueManifest } from '../../src/shared/model-address'
import { expandPrompt } from '../../src/shared/prompt-expansion'
import { understands, vocabularyOf } from '../../src/shared/scene-vocabulary'
import { parseManifest, type ModelManifest } from '../../src/shared/model'
import { readPrompt } from '../../src/shared/prompt'
import { CATALOGUE } from '../../src/shared/model-catalogue'
import { offeredStyles } from '../../src/shared/style-presets'
import { surprisePrompt } from '../../src/shared/surprise-prompt'
import starterJson from '../../public/models/starter/kinora.json'

const starter = parseManifest(starterJson, 'kinora.json')
const source = CATALOGUE.find(({ id }) => id === 'ltxv-2b-0.9.8-distilled')!
const large = catalogueManifest(source)!
const phrases = starter.knows.flatMap((theme) => theme.phrases)

/** Numbers that are the same for the same seed (mulberry32). */
function randomOf(seed: number) {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
const wordsOf = (text: string, model: ModelManifest) => readPrompt(text, model).map((word) => word.text).filter((word) => /[\p{L}\p{N}]/u.test(word))
/** Whether all of `few` are in `many`, in their order. */
function isWithin(few: readonly string[], many: readonly string[]): boolean {
  let at = 0
  for (const word of many) if (word === few[at]) at++
  return at === few.length
}

const saidToStarter = fc.oneof(
  fc.array(fc.constantFrom(...phrases, 'a', 'over', 'the', 'at'), { minLength: 1, maxLength: 12 }).map((parts) => parts.join(' ')),
  fc.array(fc.constantFrom(...phrases), { minLength: 1, maxLength: 6 }).map((parts) => parts.join(', ')),
  fc.array(fc.constantFrom(...starter.text.words, 'dinosaur', 'XYZ'), { minLength: 1, maxLength: 50 }).map((parts) => parts.join(' ')),
  fc.string({ maxLength: 60 }),
)

describe('a fuller prompt for the starter', () => {
  it('never loses a word, never adds one that is not known, and is read to its end', () => {
    fc.assert(
      fc.property(saidToStarter, fc.integer(), (said, seed) => {
        const full = expandPrompt(said, starter, randomOf(seed))
        if (full === null) return
        expect(isWithin(wordsOf(said, starter), wordsOf(full, starter)), `${said} → ${full}`).toBe(true)
        expect(readPrompt(full, starter).every((word) => word.read)).toBe(true)
        const strange = (text: string) => readPrompt(text, starter).filter((word) => !word.known).length
        expect(strange(full)).toBe(strange(said))
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
  ])('%s', (said, full) => {
    for (let seed = 0; seed < 20; seed++) expect(expandPrompt(said, starter, randomOf(seed))).toMatch(full)
  })

  it('puts no colour before one that is told, and no second of anything', () => {
    for (let seed = 0; seed < 20; seed++) {
      expect(expandPrompt('a red balloon', starter, randomOf(seed))).not.toMatch(/red (yellow|green|blue|purple|white)|balloon.*balloon/)
      expect(expandPrompt('a balloon, neon style', starter, randomOf(seed))).not.toMatch(/(flat|noir|pastel) style/)
      expect(expandPrompt('a balloon, the camera zooms in', starter, randomOf(seed))).not.toMatch(/camera.*camera|pan/)
    }
  })

  it('is none where nothing is missing, or the prompt waits for a word', () => {
    const all = 'a red balloon rising over mountains at sunset, fog, the camera zooms in, neon style'
    for (const said of ['', '  ', 'a red balloon over', 'a', all]) expect(expandPrompt(said, starter, randomOf(1))).toBeNull()
    expect(expandPrompt(Array(80).fill('red').join(' '), starter, randomOf(1))).toBeNull()
  })
})

describe('a fuller prompt for a model that reads any words', () => {
  it('says light, camera and look where they are left out', () => {
    const full = expandPrompt('A fox in the snow', large, randomOf(3))
    expect(full).toMatch(/^A fox in the snow\. [A-Z].+\./)
    expect(expandPrompt('A fox at night. The camera stands still. Realistic.', large, randomOf(3))).toBeNull()
  })

  it('never loses a word', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 200 }), fc.integer(), (said, seed) => {
        const full = expandPrompt(said, large, randomOf(seed))
        if (full !== null) expect(isWithin(wordsOf(said, large), wordsOf(full, large))).toBe(true)
      }),
    )
  })
})

describe('a surprise', () => {
  it('is in the model’s own words, and seldom the same', () => {
    const drawn = Array.from({ length: 300 }, (_, seed) => surprisePrompt(starter, randomOf(seed * 7919)))
    for (const prompt of drawn) {
      expect(understands(starter, prompt), prompt).toBe(true)
      expect(prompt).toMatch(/^an? \w+ \w+ /)
    }
    expect(new Set(drawn).size).toBeGreaterThan(250)
    // nothing that only sounds like the world: orange is a sky here, and no colour of a subject
    expect(drawn.join(' ')).not.toMatch(/orange|black|train|forest/)
    expect(drawn.join('\n')).not.toMatch(/car .*ocean|sailboat .*(dunes|meadow|mountains)/)
  })

  it('is a scene of sentences for a model that reads any words', () => {
    const drawn = Array.from({ length: 50 }, (_, seed) => surprisePrompt(large, randomOf(seed)))
    for (const prompt of drawn) expect(prompt).toMatch(/^([A-Z][^.]+\. ?){3,4}$/)
    expect(new Set(drawn).size).toBeGreaterThan(40)
  })

  it('is an example for a model that names no world', () => {
    expect(starter.examples).toContain(surprisePrompt({ ...starter, knows: [] }, randomOf(2)))
  })
})

describe('styles', () => {
  it('that the model knows come first, in words that it knows', () => {
    const styles = offeredStyles(starter)
    expect(styles.filter(({ known }) => known).map(({ name, words }) => `${name}: ${words}`)).toEqual(['Neon: neon style', 'Noir: noir style', 'Pastel: pastel style', 'Flat: flat style'])
    expect(styles.slice(0, 4).every(({ known }) => known)).toBe(true)
    expect(offeredStyles(large).every(({ known }) => known)).toBe(true)
  })

  it('the world of the starter has all its parts', () => {
    const world = vocabularyOf(starter)
    expect(world && Object.values(world).map((part) => part.length)).toEqual([6, 5, 8, 6, 3, 4, 4])
  })
})
