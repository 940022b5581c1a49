import { expect, test } from 'vitest'
import { UsageError } from '../../scripts/generate-flags'
import { psnrDb } from '../evaluate/agreement'
import { parseEvaluateFlags } from '../evaluate/flags'
import type { ProbeFacts } from '../evaluate/probe-facts'
import { classesOf } from '../evaluate/probe-facts'
import { parsePrompts } from '../evaluate/prompts'
import { meetsBars } from '../evaluate/report'
import { isScored, meanScore, scoreRows, type ScoredClip } from '../evaluate/score'
import { spread } from '../evaluate/sheet'
import type { Attribute, Attributes } from '../evaluate/world'

const facts: ProbeFacts = {
  schemaVersion: 1,
  world: 'core',
  attributes: {
    sky: { classes: ['day', 'sunset'], accuracy: 0.99 },
    land: { classes: ['dunes', 'ocean'], accuracy: 0.99 },
    weather: { classes: ['clear', 'fog'], accuracy: 0.99 },
    subject: { classes: ['none', 'car', 'kite'], accuracy: 0.98 },
    colour: { classes: ['red', 'blue'], accuracy: 0.98 },
    motion: { classes: ['still', 'left'], accuracy: 0.98 },
    camera: { classes: ['static', 'zoom in'], accuracy: 0.96 },
    style: { classes: ['flat', 'noir'], accuracy: 0.99 },
  },
  features: { count: 2, mean: [0], covariance: [[1]] },
}

const rowOf = (clips: readonly ScoredClip[], name: Attribute) => scoreRows(clips, facts).find((row) => row.name === name)!
const sky = (asked: string, read: string, heldOut = false, render?: string): ScoredClip => ({
  asked: { attributes: { sky: asked }, heldOut },
  clip: { sky: read },
  ...(render !== undefined && { render: { sky: render } }),
})

test('divides a score by the probe’s score on renders of the same prompts', () => {
  const clips = [sky('day', 'day', true, 'day'), sky('day', 'day', false, 'day'), sky('sunset', 'day', true, 'day'), sky('sunset', 'sunset', false, 'sunset')]
  expect(rowOf(clips, 'sky')).toEqual({
    name: 'sky',
    classes: 2,
    n: 4,
    score: 0.75,
    probe: 0.75,
    heldOut: 0.5,
    heldOutN: 2,
    bar: 0.9,
    relative: 1,
    unseen: 0.99,
    counts: true,
    pass: true,
  })
})

test('divides a score by the score on unseen renders if a prompt has no render', () => {
  const row = rowOf([sky('day', 'day', false, 'sunset'), sky('day', 'sunset')], 'sky')
  expect(row).toMatchObject({ score: 0.5, probe: 0.99, heldOut: null, heldOutN: 0, pass: false })
  expect(row.relative).toBeCloseTo(0.5 / 0.99, 12)
})

test('gives no score to an attribute that no prompt has, and does not count it', () => {
  expect(rowOf([sky('day', 'day')], 'land')).toMatchObject({ n: 0, score: null, relative: null, counts: false, pass: false })
})

test('does not count an attribute if the probe is below 97 %', () => {
  const clip = { asked: { attributes: { camera: 'static' }, heldOut: false }, clip: { camera: 'zoom in' } }
  expect(rowOf([clip], 'camera')).toMatchObject({ n: 1, score: 0, counts: false })
})

test('does not score the color of noir clips, and scores none only if it is a class', () => {
  const noir: Attributes = { subject: 'none', colour: 'red', motion: 'none', style: 'noir' }
  const scored = (name: Attribute, attributes: Attributes) => isScored(name, attributes, facts.attributes[name].classes)
  expect(scored('colour', noir)).toBe(false)
  expect(scored('colour', { ...noir, style: 'flat' })).toBe(true)
  expect(scored('subject', noir)).toBe(true)
  expect(scored('motion', noir)).toBe(false)
  expect(scored('sky', noir)).toBe(false)
  expect(rowOf([{ asked: { attributes: noir, heldOut: false }, clip: { subject: 'none' } }], 'subject')).toMatchObject({ n: 1, score: 1, classes: 2 })
})

test('requires that all counted rows meet their bars and that compared frames agree', () => {
  const rows = scoreRows([sky('day', 'day')], facts)
  const agreement = { n: 1, leastDb: 40, meanDb: 40, sameReadings: 1 }
  const shown = { rows, agreement: null, images: null, modes: [], world: 'core' } as const
  expect(meetsBars(shown)).toBe(true)
  expect(meetsBars({ ...shown, agreement })).toBe(true)
  expect(meetsBars({ ...shown, agreement: { ...agreement, leastDb: 34.9 } })).toBe(false)
  expect(meetsBars({ ...shown, rows: scoreRows([sky('day', 'sunset')], facts) })).toBe(false)
  expect(meetsBars({ ...shown, rows: [] })).toBe(false)
  const images = { n: 50, scores: { sky: 0.9, subject: 0.7 }, probe: { sky: 1, subject: 1 }, evenStart: 0.7 }
  expect(meetsBars({ ...shown, images })).toBe(true)
  expect(meetsBars({ ...shown, images: { ...images, evenStart: 0.69 } })).toBe(false)
  expect(meetsBars({ ...shown, images: { ...images, scores: { sky: 0.9, subject: 0.69 } } })).toBe(false)
  expect(meetsBars({ ...shown, images, world: 'wide' })).toBe(false)
  const seam = { mode: 'loop', figure: 'seam', least: 0.5, most: 1.5 }
  expect(
    meetsBars({
      ...shown,
      modes: [
        { ...seam, values: [1, 1, 1, 2], met: 3 },
        { ...seam, values: [], met: 0 },
      ],
    }),
  ).toBe(true)
  expect(meetsBars({ ...shown, modes: [{ ...seam, values: [1, 1, 2], met: 2 }] })).toBe(false)
  expect(meanScore(rows)).toEqual({ scores: { sky: 1 }, mean: 1 })
})

test('ignores alpha in the PSNR', () => {
  const frame = Uint8Array.of(10, 20, 30, 255, 40, 50, 60, 255)
  expect(psnrDb([frame], [frame])).toBe(100)
  const other = Uint8Array.of(11, 21, 31, 0, 41, 51, 61, 0)
  expect(psnrDb([frame], [other])).toBeCloseTo(20 * Math.log10(255), 9)
  expect(() => psnrDb([frame], [])).toThrow('expected frames of 8 bytes')
})

test('spaces the clips of the sheet evenly', () => {
  expect(spread(10, 24)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
  expect(spread(400, 4)).toEqual([0, 100, 200, 300])
})

const line = (value: unknown) => JSON.stringify(value)
const prompts = (text: string, seedBase?: number) => parsePrompts(text, 'p.jsonl', classesOf(facts), seedBase)

test('reads prompts with a seed of their own, the index of their line, or a count from a base', () => {
  const text = `${line({ prompt: 'a day', attributes: { sky: 'day' }, seed: 7, heldOut: true })}\n\n${line({ prompt: '', attributes: { motion: 'none' } })}\n`
  expect(prompts(text)).toEqual([
    { prompt: 'a day', attributes: { sky: 'day' }, seed: 7, heldOut: true },
    { prompt: '', attributes: { motion: 'none' }, seed: 1, heldOut: false },
  ])
  expect(prompts(text, 4294967295).map(({ seed }) => seed)).toEqual([4294967295, 0])
})

/** The message of the UsageError that `run` throws. */
function refusal(run: () => unknown): string {
  try {
    run()
  } catch (error) {
    expect(error).toBeInstanceOf(UsageError)
    return (error as UsageError).message
  }
  throw new Error('accepted')
}

test.each([
  ['', 'p.jsonl has no prompts: expected one JSON object a line.'],
  [`${line({ prompt: 'a', attributes: {} })}\n{oops`, 'p.jsonl, line 2: expected a JSON object, got "{oops".'],
  [line({ prompt: 'a', attributes: { sky: 'green' } }), 'p.jsonl, line 1: attributes.sky: expected one of day, sunset, got "green".'],
  [
    line({ prompt: 'a', attributes: { skye: 'day' } }),
    'p.jsonl, line 1: attributes.skye: expected an object of sky, land, weather, subject, colour, motion, camera, style.',
  ],
  [line({ prompt: 3, attributes: {} }), 'p.jsonl, line 1: prompt: expected words.'],
  [line({ prompt: 'a', attributes: {}, seed: 1.5 }), 'p.jsonl, line 1: seed: expected a whole number from 0 to 4294967295.'],
])('rejects %j with one sentence', (text, message) => {
  expect(refusal(() => prompts(text))).toBe(message)
})

test('reads flags, and rejects invalid ones', () => {
  expect(parseEvaluateFlags([])).toEqual({ curve: false, json: false, save: false })
  expect(parseEvaluateFlags(['--steps', '4', '--guidance', '1.5', '--limit', '2', '--seed-base', '9', '--out', 'o', '--json', '--curve'])).toEqual({
    steps: 4,
    guidance: 1.5,
    limit: 2,
    'seed-base': 9,
    out: 'o',
    json: true,
    curve: true,
    save: false,
  })
  expect(parseEvaluateFlags(['--first-block-cache', '4'])).toMatchObject({ 'first-block-cache': 4 })
  expect(refusal(() => parseEvaluateFlags(['--first-block-cache', '0']))).toBe('--first-block-cache: expected a whole number from 1 to 1000000, got "0"')
  expect(refusal(() => parseEvaluateFlags(['--steps', '0']))).toBe('--steps: expected a whole number from 1 to 1000, got "0"')
  expect(refusal(() => parseEvaluateFlags(['--limit', 'all']))).toBe('--limit: expected a whole number from 1 to 1000000, got "all"')
  expect(refusal(() => parseEvaluateFlags(['stray']))).toBe("Unexpected argument 'stray'")
})
