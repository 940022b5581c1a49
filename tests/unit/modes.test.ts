import * as v from 'valibot'
import { describe, expect, it } from 'vitest'
import { ALL_CAPABILITIES } from '../../src/shared/capabilities'
import { parseManifest, type ModelManifest } from '../../src/shared/model'
import {
  emptyInputs,
  inputProblems,
  inputsToRequest,
  modeById,
  MODES,
  ModeInputsSchema,
  modesFrom,
  requestToInputs,
  unavailableReason,
  type ModeId,
  type ModeInputs,
} from '../../src/shared/modes'
import type { MediaInput } from '../../src/shared/modes/mode'
import { boardSeconds, newCard, type Card } from '../../src/shared/modes/storyboard'
import type { GenerateRequest } from '../../src/shared/request'
import { parseRequest, requestProblems } from '../../src/shared/request-problems'
import starter from '../../public/models/starter/kinora.json'

const model = parseManifest(starter, 'kinora.json')
const length = { frames: 17, fps: 8 }
const image = (id: string): MediaInput => ({ kind: 'image', id, name: `${id}.png` })
const CROP = { x: 0.2, y: 0.5, zoom: 1.5 }
const cropped = (id: string): MediaInput => ({ ...image(id), crop: CROP })
const clip = (id: string, seconds = 2.125): MediaInput => ({ kind: 'clip', id, name: `prompt of ${id}`, seconds })
const video = (id: string): MediaInput => ({ kind: 'video', id, name: `${id}.mp4`, seconds: 3 })
const row = (id: string, seconds: number | null, strength = 1) => ({ key: `row ${id}`, image: image(id), seconds, strength })
const source = ({ kind, id }: MediaInput) => ({ kind, id })

/** The chosen mode, and the inputs of all modes. */
interface Form {
  mode: ModeId
  inputs: ModeInputs
}

/** The form with this mode chosen and filled in. */
function form<M extends ModeId>(mode: M, fields: Partial<ModeInputs[M]> = {}): Form {
  const inputs = emptyInputs()
  return { mode, inputs: { ...inputs, [mode]: { ...inputs[mode], ...fields } } }
}

const requestOf = ({ mode, inputs }: Form) => inputsToRequest(mode, inputs, { ...length, model })
const whole = (filled: Form): GenerateRequest => ({
  model: 'starter',
  prompt: 'a red sky',
  width: 128,
  height: 128,
  ...length,
  steps: 8,
  guidance: 3,
  seed: 7,
  ...requestOf(filled),
})
const problems = ({ mode, inputs }: Form, changes: { prompt?: string; gone?: string; frames?: number; model?: ModelManifest } = {}) =>
  inputProblems(mode, inputs, {
    prompt: changes.prompt ?? 'a red sky',
    ...length,
    ...(changes.frames && { frames: changes.frames }),
    model: changes.model ?? model,
    isGone: (id) => id === changes.gone,
  })
const messages = (filled: Form, changes = {}) => problems(filled, changes).map(({ text }) => text)

/** A form for every mode, filled in so that a clip can be generated. */
const FILLED: Form[] = [
  form('t2v'),
  form('i2v', { image: cropped('a'), strength: 0.8 }),
  form('keyframes', {
    first: { image: cropped('a'), strength: 1 },
    between: [row('b', 0.5), { ...row('c', 1, 0.5), image: cropped('c') }],
    last: { image: image('d'), strength: 0.9 },
  }),
  form('i2v', { image: image('a') }),
  form('extend', { clip: clip('a') }),
  form('extend', { clip: video('a'), backward: true }),
  form('inbetween', { first: clip('a'), last: video('b') }),
  form('blend', { first: clip('a'), last: clip('b', 1) }),
  form('loop'),
  form('loop', { clip: clip('a') }),
  form('v2v', { clip: clip('a'), strength: 0.85 }),
  form('retime', { clip: video('a'), strength: 0.4 }),
  form('storyboard', {
    sameSeed: true,
    cards: [
      { ...newCard('cut'), prompt: 'a red car' },
      { ...newCard('continue'), prompt: 'a white bird', seconds: 1, beginning: cropped('a') },
      { ...newCard('dissolve'), seconds: 4 },
    ],
  }),
]

describe('a request of the form', () => {
  it.each(FILLED.map((filled) => [filled.mode, filled] as const))('%s: is valid for the model, and is plain data', (_, filled) => {
    expect(messages(filled)).toEqual([])
    const request = whole(filled)
    expect(requestProblems(request, model)).toEqual([])
    expect(parseRequest(structuredClone(request), model)).toEqual(request)
  })

  it.each(FILLED.map((filled) => [filled.mode, filled] as const))('%s: is restored into the form from the request of a clip', (_, filled) => {
    const request = whole(filled)
    const back = requestToInputs(request)
    expect(back.mode).toBe(filled.mode)
    expect(v.is(ModeInputsSchema, back.inputs)).toBe(true)
    expect(v.parse(ModeInputsSchema, back.inputs)).toEqual(back.inputs)
    expect({ ...request, ...requestOf(back) }).toEqual(request)
  })

  it('puts images at their frames', () => {
    const { conditions } = requestOf(FILLED[2]!)
    expect(conditions?.map(({ atFrame, strength }) => [atFrame, strength])).toEqual([
      [0, 1],
      [4, 1],
      [8, 0.5],
      [16, 0.9],
    ])
  })

  it('has the crop of an image, but none for the center', () => {
    expect(requestOf(FILLED[2]!).conditions?.map(({ crop }) => crop)).toEqual([CROP, undefined, CROP, undefined])
    expect(requestOf(form('i2v', { image: { ...image('a'), crop: { x: 0.5, y: 0.5, zoom: 1 } } })).conditions).toEqual([
      { source: source(image('a')), atFrame: 0, strength: 1 },
    ])
    const [, continued] = requestOf(FILLED.at(-1)!).shots!
    expect(continued?.conditions).toEqual([{ source: source(image('a')), atFrame: 0, strength: 1, crop: CROP }])
    expect(requestToInputs(whole(FILLED[2]!)).inputs.keyframes.between.map((entry) => entry.image?.crop)).toEqual([undefined, CROP])
  })

  it('regenerates the end and the start of blended clips, at most half of each', () => {
    expect(requestOf(form('blend', { first: clip('a'), last: clip('b', 1) }))).toEqual({
      prefix: { source: source(clip('a')), toSeconds: 1.125 },
      suffix: { source: source(clip('b')), fromSeconds: 0.5 },
    })
  })

  it('cuts to the first card, whatever its transition', () => {
    const filled = form('storyboard', { cards: [{ ...newCard('continue'), prompt: 'a' }] })
    expect(requestOf(filled).shots).toMatchObject([{ join: 'cut', frames: 17 }])
  })

  it('fills the first input of a mode with a library clip or an image', () => {
    expect(modeById('blend').from?.inputs(clip('a'))).toEqual({ first: clip('a'), last: null })
    expect(modeById('retime').from?.inputs(clip('b'))).toMatchObject({ clip: clip('b') })
    expect(modeById('i2v').from?.inputs(image('c'))).toEqual({ image: image('c'), strength: 1 })
    expect(modesFrom('clip').map(({ id }) => id)).toEqual(['extend', 'inbetween', 'blend', 'loop', 'v2v', 'retime'])
    expect(modesFrom('image').map(({ id }) => id)).toEqual(['i2v'])
  })

  it('keeps the readable inputs of a stored draft', () => {
    const { extend, ...others } = form('i2v', { image: image('a') }).inputs
    const read = v.parse(ModeInputsSchema, { ...others, v2v: { clip: 7 }, extend })
    expect(read.i2v).toEqual(others.i2v)
    expect(read.v2v).toEqual(emptyInputs().v2v)
    expect(v.parse(ModeInputsSchema, others).extend).toEqual({ clip: null, backward: false })
  })
})

describe('a problem of the inputs', () => {
  it.each([
    ['i2v', 'Choose an image.'],
    ['keyframes', 'Choose at least one image.'],
    ['extend', 'Choose the clip to extend.'],
    ['inbetween', 'Choose the first clip.'],
    ['blend', 'Choose the first clip.'],
    ['v2v', 'Choose the clip to remix.'],
    ['retime', 'Choose the clip to re-time.'],
  ] as const)('%s: %s', (mode, text) => expect(messages(form(mode))[0]).toBe(text))

  it('names a file that no longer exists', () => {
    expect(messages(form('i2v', { image: image('a') }), { gone: 'a' })).toEqual(['“a.png” no longer exists: choose another one.'])
    expect(problems(form('inbetween', { first: clip('a'), last: clip('b') }), { gone: 'b' })).toMatchObject([{ at: 'last' }])
    expect(messages(form('loop', { clip: { ...clip('a'), name: '' } }), { gone: 'a' })).toEqual(['The chosen file no longer exists: choose another one.'])
  })

  it('reports that the lengths of blended clips are loading', () => {
    const { seconds: _seconds, ...unread } = clip('a')
    expect(messages(form('blend', { first: unread, last: clip('b') }))).toEqual(['The clips are loading.'])
  })

  it('offers a length that fits the clip of a remix', () => {
    expect(problems(form('v2v', { clip: clip('a', 1.4) }))).toEqual([
      { at: 'all', text: 'The clip is 1.38 s long, and the length in the settings is 2.13 s.', nearestFrames: 9 },
    ])
    expect(problems(form('v2v', { clip: clip('a', 5.2) }), { frames: 65 })).toMatchObject([{ nearestFrames: 41 }])
    expect(problems(form('v2v', { clip: clip('a', 0.4) }))[0]).not.toHaveProperty('nearestFrames')
    expect(problems(form('retime', { clip: clip('a', 0.4) }))).toEqual([])
  })
})

describe('keyframes', () => {
  const between = (...rows: ReturnType<typeof row>[]) =>
    problems(form('keyframes', { first: { image: image('f'), strength: 1 }, between: rows, last: { image: image('l'), strength: 1 } }))

  it.each([
    ['out of order', [row('a', 1.5), row('b', 0.5)], 'row b', 'Keyframe 3 comes before keyframe 2: put them in order.'],
    ['at the same time', [row('a', 1), row('b', 1.02)], 'row b', 'Keyframe 3 is at the same time as keyframe 2.'],
    ['at the beginning', [row('a', 0)], 'row a', 'Keyframe 2 is at the same time as the first frame.'],
    ['at the end', [row('a', 2)], 'row a', 'Keyframe 2 is at the same time as the last frame.'],
    ['beyond the end', [row('a', 2.5)], 'row a', 'Keyframe 2 is at 2.5 s, and the last frame is at 2 s.'],
    ['before the beginning', [row('a', -1)], 'row a', 'Keyframe 2 is before the start: set a time from 0 s on.'],
    ['without a time', [row('a', null)], 'row a', 'Keyframe 2 needs a time in seconds.'],
    ['without an image', [{ ...row('a', 1), image: null as never }], 'row a', 'Keyframe 2 has no image: choose one, or remove the keyframe.'],
  ])('are rejected %s, with the reason', (_, rows, at, text) => {
    expect(between(...rows)).toMatchObject([{ at, text }])
  })

  it('are valid at the first and the last frame if those inputs are empty', () => {
    expect(messages(form('keyframes', { between: [row('a', 0), row('b', 2)] }))).toEqual([])
  })
})

describe('a storyboard', () => {
  const card = (changes: Partial<Card>) => ({ ...newCard('cut'), prompt: 'a red car', ...changes })
  const board = (...cards: Card[]) => form('storyboard', { cards })

  it.each([
    [{ seconds: null }, 'Card 1 needs a length in seconds.'],
    [{ seconds: 0.3 }, 'Card 1 is shorter than 1 s, the shortest length of this model.'],
    [{ seconds: 61 }, 'Card 1 is longer than 60 s.'],
    [{ beginning: image('gone') }, '“gone.png” no longer exists: choose another one.'],
  ])('reports a problem of a card with %j', (changes, text) => expect(messages(board(card(changes)), { gone: 'gone' })[0]).toBe(text))

  it('needs a prompt for each card or for all cards', () => {
    expect(messages(board(card({ prompt: '' })))).toEqual([])
    expect(problems(board(card({}), card({ prompt: ' ' })), { prompt: '' })).toMatchObject([
      { text: 'Card 2 has no prompt, and there is none for all cards.', missing: true },
    ])
  })

  it('is at most a minute long', () => {
    const cards = Array.from({ length: 30 }, () => card({ seconds: 2 }))
    expect(boardSeconds(cards, 8, model)).toBe(63.75)
    expect(messages(board(...cards))).toEqual(['All cards together are 63.75 s: at most 60 s.'])
    expect(requestProblems(whole(board(...cards)), model)).toHaveLength(1)
  })
})

describe('a model that lacks capabilities', () => {
  const without = (...missing: (keyof typeof ALL_CAPABILITIES)[]): ModelManifest => ({
    ...model,
    name: 'Tiny',
    capabilities: { ...ALL_CAPABILITIES, ...Object.fromEntries(missing.map((name) => [name, false])) },
  })
  const available = (of: ModelManifest) => MODES.map(({ id }) => id).filter((id) => unavailableReason(id, of) === undefined)

  it('offers the modes that need none of them', () => {
    expect(available(model)).toEqual(MODES.map(({ id }) => id))
    expect(available(without('perTokenTimesteps'))).toEqual(['t2v', 'v2v', 'retime', 'storyboard'])
    expect(available(without('frameEncoder'))).toEqual(['t2v', 'storyboard'])
    expect(available(without('guidance', 'negativePrompt'))).toEqual(MODES.map(({ id }) => id))
  })

  it('gives the reason as the only problem of another mode', () => {
    expect(problems(form('extend'), { model: without('perTokenTimesteps') })).toEqual([
      { at: 'all', text: 'Extend: Tiny cannot keep given frames while it generates the others.' },
    ])
    expect(unavailableReason('i2v', without('frameEncoder'))).toBe('Tiny cannot read images or clips.')
  })

  it('supports storyboards only with cuts and dissolves between shots from text', () => {
    const board = (changes: Partial<Card>) =>
      form('storyboard', {
        cards: [
          { ...newCard('cut'), prompt: 'a' },
          { ...newCard('cut'), prompt: 'b', ...changes },
        ],
      })
    const lacking = without('perTokenTimesteps')
    expect(messages(board({ join: 'dissolve' }), { model: lacking })).toEqual([])
    expect(messages(board({ join: 'continue' }), { model: lacking })).toEqual([
      'Card 2 continues the card before it: Tiny cannot keep given frames while it generates the others.',
    ])
    expect(messages(board({ beginning: image('a') }), { model: lacking })).toEqual([
      'Card 2 begins with an image or clip: Tiny cannot keep given frames while it generates the others.',
    ])
  })

  it.each(FILLED.map((filled) => [filled.mode, filled] as const))('%s: rejects the request if the mode is unavailable', (mode, filled) => {
    for (const lacking of [without('perTokenTimesteps'), without('frameEncoder')]) {
      const refused = requestProblems(whole(filled), lacking).filter(({ reason }) => reason !== undefined)
      if (mode === 'storyboard') expect(refused.map(({ field }) => field)).toEqual(['shots'])
      else expect(refused.length > 0).toBe(unavailableReason(mode, lacking) !== undefined)
    }
  })
})
