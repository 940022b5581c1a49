import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { expandBatch, MAX_BATCH, parseValues, promptAlternatives, type BatchChoice } from '../../src/shared/batch'
import { draftSpeedup, jobTiming } from '../../src/shared/draft-timing'
import { AppError } from '../../src/shared/errors'
import type { GenerateRequest } from '../../src/shared/request'

const request: GenerateRequest = { model: 'starter', prompt: 'a boat', width: 128, height: 128, frames: 17, fps: 8, steps: 10, guidance: 5, seed: 7 }
const prompts = (prompt: string) => promptAlternatives(prompt).map((entry) => entry.prompt)
const seed = fc.integer({ min: 0, max: 0xffffffff })
/** a word without braces and bars */
const word = fc.stringMatching(/^[a-z]{1,8}$/)

describe('promptAlternatives', () => {
  it('expands each alternative in order', () => {
    expect(promptAlternatives('a {red|blue|green} balloon')).toEqual([
      { prompt: 'a red balloon', chosen: ['red'] },
      { prompt: 'a blue balloon', chosen: ['blue'] },
      { prompt: 'a green balloon', chosen: ['green'] },
    ])
    expect(prompts('{day|night}, a {red|blue} kite')).toEqual(['day, a red kite', 'day, a blue kite', 'night, a red kite', 'night, a blue kite'])
  })

  it('keeps braces without a bar, bars without braces and unclosed braces', () => {
    for (const prompt of ['a {red} balloon', 'a red | blue balloon', 'a {red|blue balloon', 'a }{ balloon', 'two  spaces', ''])
      expect(prompts(prompt)).toEqual([prompt])
  })

  it('collapses spaces around an empty choice, removes duplicates and expands nested groups', () => {
    expect(prompts('a {red|} balloon')).toEqual(['a red balloon', 'a balloon'])
    expect(prompts('a {red|red} balloon')).toEqual(['a red balloon'])
    expect(prompts('a {{dark|pale} red|blue} kite')).toEqual(['a dark red kite', 'a blue kite', 'a pale red kite'])
  })

  it('expands every combination of choices, or rejects too many', () => {
    fc.assert(
      fc.property(fc.array(fc.uniqueArray(word, { minLength: 2, maxLength: 4 }), { maxLength: 4 }), (groups) => {
        const prompt = groups.map((choices) => `{${choices.join('|')}}`).join(' and ')
        const count = groups.reduce((product, { length }) => product * length, 1)
        if (count > MAX_BATCH) {
          expect(() => promptAlternatives(prompt)).toThrow(AppError)
          return
        }
        const found = promptAlternatives(prompt)
        expect(found).toHaveLength(count)
        expect(new Set(found.map((entry) => entry.prompt)).size).toBe(count)
        for (const entry of found) expect(entry.prompt).toBe(entry.chosen.join(' and '))
      }),
    )
  })

  it('leaves no group or rejects the prompt, for any input', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('{', '|', '}', 'a', ' '), maxLength: 60 }), (prompt) => {
        try {
          for (const made of prompts(prompt)) expect(made).not.toMatch(/\{[^{}]*\|[^{}]*\}/)
        } catch (error) {
          expect(error).toMatchObject({ code: 'bad-request' })
        }
      }),
    )
    expect(() => promptAlternatives('{a|b}'.repeat(200))).toThrow(`The maximum is ${MAX_BATCH}`)
  })
})

describe('expandBatch', () => {
  it('contains only the request for a single clip', () => {
    expect(expandBatch(request, { kind: 'one' })).toEqual([{ request, label: '' }])
  })

  it('increments the seed with wrap-around and changes nothing else', () => {
    fc.assert(
      fc.property(seed, fc.integer({ min: 1, max: MAX_BATCH }), (first, count) => {
        const made = expandBatch({ ...request, seed: first }, { kind: 'variations', count })
        expect(made.map((entry) => entry.request)).toEqual(Array.from({ length: count }, (_, index) => ({ ...request, seed: (first + index) % 2 ** 32 })))
        expect(new Set(made.map(({ label }) => label)).size).toBe(count)
      }),
    )
  })

  it('reduces drafts to one frame without input media', () => {
    const source = { kind: 'clip', id: 'x' } as const
    const whole: GenerateRequest = {
      ...request,
      loop: true,
      prefix: { source },
      initVideo: { source, strength: 0.5 },
      conditions: [{ source, atFrame: 0, strength: 1 }],
    }
    const made = expandBatch(whole, { kind: 'drafts', count: 4, steps: 3 })
    expect(made.map((entry) => entry.request)).toEqual([7, 8, 9, 10].map((at) => ({ ...request, seed: at, frames: 1, steps: 3 })))
  })

  it('expands a grid into every pair of values, labeled by row and column', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.integer({ min: 1, max: 30 }), { minLength: 2, maxLength: 4 }),
        fc.uniqueArray(fc.integer({ min: 1, max: 8 }), { minLength: 2, maxLength: 4 }),
        (steps, guidance) => {
          const made = expandBatch(request, { kind: 'grid', rows: { setting: 'steps', values: steps }, columns: { setting: 'guidance', values: guidance } })
          expect(made.map((entry) => entry.request)).toEqual(steps.flatMap((row) => guidance.map((column) => ({ ...request, steps: row, guidance: column }))))
          expect(new Set(made.map(({ row, column }) => `${row}/${column}`)).size).toBe(made.length)
          for (const [index, { row, column }] of made.entries()) {
            expect(row).toBe(`${steps[Math.floor(index / guidance.length)]} ${steps[Math.floor(index / guidance.length)] === 1 ? 'step' : 'steps'}`)
            expect(column).toBe(`Guidance ${guidance[index % guidance.length]}`)
          }
        },
      ),
    )
  })

  it('expands alternatives in the prompt and in the shots of a storyboard, or rejects too many', () => {
    const choices = fc.uniqueArray(word, { minLength: 1, maxLength: 3 })
    const text = (words: string[]) => (words.length > 1 ? `{${words.join('|')}}` : words.join(''))
    fc.assert(
      fc.property(choices, fc.array(choices, { minLength: 1, maxLength: 4 }), (shared, cards) => {
        const shots = cards.map((words, index) => ({ prompt: text(words), frames: 9, join: index ? 'dissolve' : 'cut' }) as const)
        const board: GenerateRequest = { ...request, prompt: text(shared), shots }
        const count = [shared, ...cards].reduce((product, { length }) => product * length, 1)
        if (count > MAX_BATCH) {
          expect(() => expandBatch(board, { kind: 'one' })).toThrow(AppError)
          return
        }
        const made = expandBatch(board, { kind: 'one' })
        expect(made).toHaveLength(count)
        const texts = made.map((entry) => [entry.request.prompt, ...entry.request.shots!.map(({ prompt }) => prompt)])
        expect(new Set(texts.map((words) => words.join('|'))).size).toBe(count)
        for (const [index, entry] of made.entries()) {
          // the label lists the choices, and only the prompts differ
          expect(entry.label).toBe(texts[index]!.filter((_, at) => [shared, ...cards][at]!.length > 1).join(', '))
          expect({ ...entry.request, prompt: board.prompt, shots: entry.request.shots!.map((shot, at) => ({ ...shot, prompt: shots[at]!.prompt })) }).toEqual(
            board,
          )
          for (const [at, words] of [shared, ...cards].entries()) expect(words).toContain(texts[index]![at])
        }
      }),
    )
  })

  it('ignores the shots of a storyboard for drafts', () => {
    const board: GenerateRequest = { ...request, shots: [{ prompt: 'a {red|blue} car', frames: 9, join: 'cut' }] }
    expect(expandBatch(board, { kind: 'drafts', count: 2, steps: 3 }).map((entry) => entry.request)).toEqual(
      [7, 8].map((at) => ({ ...request, seed: at, frames: 1, steps: 3 })),
    )
  })

  it('uses prompts as rows and seeds as columns, and no headings for a single axis', () => {
    const both = expandBatch({ ...request, prompt: 'a {red|blue} kite' }, { kind: 'variations', count: 2 })
    expect(both.map(({ row, column, label }) => [row, column, label])).toEqual([
      ['red', 'Seed 7', 'red, Seed 7'],
      ['red', 'Seed 8', 'red, Seed 8'],
      ['blue', 'Seed 7', 'blue, Seed 7'],
      ['blue', 'Seed 8', 'blue, Seed 8'],
    ])
    const words = expandBatch({ ...request, prompt: 'a {red|blue} kite' }, { kind: 'one' })
    expect(words.map(({ row, label }) => [row, label])).toEqual([
      [undefined, 'red'],
      [undefined, 'blue'],
    ])
  })

  it('rejects too many clips, an axis without values and the same setting on both axes', () => {
    const errorOf = (prompt: string, choice: BatchChoice) => {
      try {
        expandBatch({ ...request, prompt }, choice)
      } catch (error) {
        return (error as AppError).message
      }
      return ''
    }
    expect(errorOf('a {red|blue} kite', { kind: 'drafts', count: 16, steps: 2 })).toBe('This batch has 32 clips. The maximum is 16.')
    expect(errorOf('a kite', { kind: 'grid', rows: { setting: 'steps', values: [] }, columns: { setting: 'seed', values: [1] } })).toContain('have no values')
    expect(errorOf('a kite', { kind: 'grid', rows: { setting: 'seed', values: [1] }, columns: { setting: 'seed', values: [2] } })).toContain('the same setting')
  })

  it('parses lists of values', () => {
    expect(parseValues('4, 8,12')).toEqual([4, 8, 12])
    expect(parseValues(' 1.5;3  5 ')).toEqual([1.5, 3, 5])
    expect(parseValues(' , ')).toEqual([])
    expect(() => parseValues('4, eight')).toThrow('“eight” is not a number')
  })
})

describe('draftSpeedup', () => {
  const timing = (frames: number, ms: number, width = 128) =>
    jobTiming({ ...request, frames, width }, { stepMs: [ms / 2, ms / 4], decodeMs: ms / 8, encodeMs: ms / 8 })

  it('compares the medians of drafts and clips of the same size', () => {
    expect(draftSpeedup([], request)).toBeNull()
    expect(draftSpeedup([timing(1, 100)], request)).toBeNull()
    expect(draftSpeedup([timing(17, 100)], request)).toBeNull()
    expect(draftSpeedup([timing(1, 100), timing(17, 900, 176)], request)).toBeNull()
    expect(draftSpeedup([timing(1, 100), timing(1, 5000), timing(1, 90), timing(17, 1800)], request)).toBeCloseTo(18)
  })
})
