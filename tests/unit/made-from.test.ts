import * as v from 'valibot'
import { describe, expect, it } from 'vitest'
import { parseManifest } from '../../src/shared/model'
import { parseRequest, requestProblems, type GenerateRequest } from '../../src/shared/request'
import { fromWords, give, MadeFromSchema, newCard, type Given, type MadeFrom } from '../../src/state/made-from'
import { boardSeconds, madeFromProblems } from '../../src/state/made-from-problems'
import { madeFromOf, madeFromRequest } from '../../src/state/made-from-request'
import starter from '../../public/models/starter/kinora.json'

const model = parseManifest(starter, 'kinora.json')
const length = { frames: 17, fps: 8 }
const picture = (id: string): Given => ({ kind: 'image', id, name: `${id}.png` })
const CROP = { x: 0.2, y: 0.5, zoom: 1.5 }
const cropped = (id: string): Given => ({ ...picture(id), crop: CROP })
const clip = (id: string, seconds = 2.125): Given => ({ kind: 'clip', id, name: `words of ${id}`, seconds })
const video = (id: string): Given => ({ kind: 'video', id, name: `${id}.mp4`, seconds: 3 })
const row = (id: string, seconds: number | null, strength = 1) => ({ key: `row ${id}`, picture: picture(id), seconds, strength })
const source = ({ kind, id }: Given) => ({ kind, id })

/** The form with this mode chosen and filled in. */
function form<M extends Exclude<MadeFrom['mode'], 'words'>>(mode: M, fields: Partial<MadeFrom[M]> = {}): MadeFrom {
  const made = fromWords()
  return { ...made, mode, [mode]: { ...made[mode], ...fields } }
}

const requestOf = (made: MadeFrom) => madeFromRequest(made, length, model)
const whole = (made: MadeFrom): GenerateRequest => ({
  model: 'starter', prompt: 'a red sky', width: 128, height: 128, ...length, steps: 8, guidance: 3, seed: 7, ...requestOf(made),
})
const problems = (made: MadeFrom, changes: { prompt?: string; gone?: string; frames?: number } = {}) =>
  madeFromProblems({ made, prompt: changes.prompt ?? 'a red sky', ...length, ...(changes.frames && { frames: changes.frames }), model, isGone: (id) => id === changes.gone })
const said = (made: MadeFrom, changes = {}) => problems(made, changes).map(({ text }) => text)

/** A form for every mode, filled in so that a clip can be made. */
const FILLED: MadeFrom[] = [
  fromWords(),
  form('picture', { picture: cropped('a'), strength: 0.8 }),
  form('keyframes', { first: { picture: cropped('a'), strength: 1 }, between: [row('b', 0.5), { ...row('c', 1, 0.5), picture: cropped('c') }], last: { picture: picture('d'), strength: 0.9 } }),
  form('picture', { picture: picture('a') }),
  form('extend', { clip: clip('a') }),
  form('extend', { clip: video('a'), backward: true }),
  form('fill', { before: clip('a'), after: video('b') }),
  form('blend', { before: clip('a'), after: clip('b', 1) }),
  form('loop'),
  form('loop', { clip: clip('a') }),
  form('remix', { clip: clip('a'), strength: 0.85 }),
  form('retime', { clip: video('a'), strength: 0.4 }),
  form('storyboard', { sameSeed: true, cards: [{ ...newCard('cut'), prompt: 'a red car' }, { ...newCard('continue'), prompt: 'a white bird', seconds: 1, beginning: cropped('a') }, { ...newCard('dissolve'), seconds: 4 }] }),
]

describe('a request of the form', () => {
  it.each(FILLED.map((made) => [made.mode, made] as const))('%s: fits the model, and is plain data', (_, made) => {
    expect(said(made)).toEqual([])
    const request = whole(made)
    expect(requestProblems(request, model)).toEqual([])
    expect(parseRequest(structuredClone(request), model)).toEqual(request)
  })

  it.each(FILLED.map((made) => [made.mode, made] as const))('%s: comes back into the form from a clip that was made', (_, made) => {
    const request = whole(made)
    const back = madeFromOf(request)
    expect(back.mode).toBe(made.mode)
    expect(v.is(MadeFromSchema, back)).toBe(true)
    expect({ ...request, ...requestOf(back) }).toEqual(request)
  })

  it('puts pictures at their frames', () => {
    const { conditions } = requestOf(FILLED[2]!)
    expect(conditions?.map(({ atFrame, strength }) => [atFrame, strength])).toEqual([[0, 1], [4, 1], [8, 0.5], [16, 0.9]])
  })

  it('says what is shown of a picture, and nothing of one that is shown from its middle', () => {
    expect(requestOf(FILLED[2]!).conditions?.map(({ crop }) => crop)).toEqual([CROP, undefined, CROP, undefined])
    expect(requestOf(form('picture', { picture: { ...picture('a'), crop: { x: 0.5, y: 0.5, zoom: 1 } } })).conditions).toEqual([{ source: source(picture('a')), atFrame: 0, strength: 1 }])
    const [, goesOn] = requestOf(FILLED.at(-1)!).shots!
    expect(goesOn?.conditions).toEqual([{ source: source(picture('a')), atFrame: 0, strength: 1, crop: CROP }])
    expect(madeFromOf(whole(FILLED[2]!)).keyframes.between.map((entry) => entry.picture?.crop)).toEqual([undefined, CROP])
  })

  it('makes the end and the beginning of blended clips anew, half of a short one', () => {
    expect(requestOf(form('blend', { before: clip('a'), after: clip('b', 1) }))).toEqual({ before: { source: source(clip('a')), toSeconds: 1.125 }, after: { source: source(clip('b')), fromSeconds: 0.5 } })
  })

  it('lets the first card begin by itself, whatever it says', () => {
    const made = form('storyboard', { cards: [{ ...newCard('continue'), prompt: 'a' }] })
    expect(requestOf(made).shots).toMatchObject([{ join: 'cut', frames: 17 }])
  })

  it('takes a clip of the library into the first place of a mode', () => {
    const made = fromWords()
    give(made, 'blend', clip('a'))
    expect([made.mode, made.blend]).toEqual(['blend', { before: clip('a'), after: null }])
    give(made, 'retime', clip('b'))
    expect([made.mode, made.retime.clip]).toEqual(['retime', clip('b')])
    give(made, 'picture', picture('c'))
    expect([made.mode, made.picture.picture]).toEqual(['picture', picture('c')])
  })
})

describe('what is missing', () => {
  it.each([
    ['picture', 'Choose a picture.'], ['keyframes', 'Choose at least one picture.'], ['extend', 'Choose the clip that goes on.'], ['fill', 'Choose the first clip.'],
    ['blend', 'Choose the first clip.'], ['remix', 'Choose the clip that is made anew.'], ['retime', 'Choose the clip that gets another length.'],
  ] as const)('%s: %s', (mode, text) => expect(said(form(mode))[0]).toBe(text))

  it('names what is gone', () => {
    expect(said(form('picture', { picture: picture('a') }), { gone: 'a' })).toEqual(['“a.png” is not here any more: choose another.'])
    expect(problems(form('fill', { before: clip('a'), after: clip('b') }), { gone: 'b' })).toMatchObject([{ at: 'after' }])
    expect(said(form('loop', { clip: { ...clip('a'), name: '' } }), { gone: 'a' })).toEqual(['What was chosen is not here any more: choose another.'])
  })

  it('waits for the lengths of clips that are blended', () => {
    const { seconds: _seconds, ...unread } = clip('a')
    expect(said(form('blend', { before: unread, after: clip('b') }))).toEqual(['The clips are being read.'])
  })

  it('offers a length that a remix has frames for', () => {
    expect(problems(form('remix', { clip: clip('a', 1.4) }))).toEqual([{ at: 'all', text: 'The clip is 1.38 s long, and 2.13 s are asked for.', nearestFrames: 9 }])
    expect(problems(form('remix', { clip: clip('a', 5.2) }), { frames: 65 })).toMatchObject([{ nearestFrames: 41 }])
    expect(problems(form('remix', { clip: clip('a', 0.4) }))[0]).not.toHaveProperty('nearestFrames')
    expect(problems(form('retime', { clip: clip('a', 0.4) }))).toEqual([])
  })
})

describe('keyframes', () => {
  const between = (...rows: ReturnType<typeof row>[]) => problems(form('keyframes', { first: { picture: picture('f'), strength: 1 }, between: rows, last: { picture: picture('l'), strength: 1 } }))

  it.each([
    ['out of order', [row('a', 1.5), row('b', 0.5)], 'row b', 'Picture 3 comes before picture 2: put them in order.'],
    ['at the same time', [row('a', 1), row('b', 1.02)], 'row b', 'Picture 3 is at the same time as picture 2.'],
    ['at the beginning', [row('a', 0)], 'row a', 'Picture 2 is at the same time as the first one.'],
    ['at the end', [row('a', 2)], 'row a', 'Picture 2 is at the same time as the last one.'],
    ['beyond the end', [row('a', 2.5)], 'row a', 'Picture 2 stands at 2.5 s, and the last frame is at 2 s.'],
    ['before the beginning', [row('a', -1)], 'row a', 'Picture 2 stands before the beginning: give it a time from 0 s on.'],
    ['without a time', [row('a', null)], 'row a', 'Picture 2 needs a time in seconds.'],
    ['without a picture', [{ ...row('a', 1), picture: null as never }], 'row a', 'Picture 2 is missing: choose it, or remove its row.'],
  ])('%s: the row says why', (_, rows, at, text) => {
    expect(between(...rows)).toMatchObject([{ at, text }])
  })

  it('stand where the first and the last are left out', () => {
    expect(said(form('keyframes', { between: [row('a', 0), row('b', 2)] }))).toEqual([])
  })
})

describe('a storyboard', () => {
  const card = (changes: Partial<MadeFrom['storyboard']['cards'][0]>) => ({ ...newCard('cut'), prompt: 'a red car', ...changes })
  const board = (...cards: MadeFrom['storyboard']['cards']) => form('storyboard', { cards })

  it.each([
    [{ seconds: null }, 'Card 1 needs a length in seconds.'],
    [{ seconds: 0.3 }, 'Card 1 is shorter than 1 s, the least that this model makes.'],
    [{ seconds: 61 }, 'Card 1 is longer than 60 s.'],
    [{ beginning: picture('gone') }, '“gone.png” is not here any more: choose another.'],
  ])('marks a card of %j', (changes, text) => expect(said(board(card(changes)), { gone: 'gone' })[0]).toBe(text))

  it('needs words somewhere', () => {
    expect(said(board(card({ prompt: '' })))).toEqual([])
    expect(problems(board(card({}), card({ prompt: ' ' })), { prompt: '' })).toMatchObject([{ text: 'Card 2 has no words, and there are none that all cards share.', missing: true }])
  })

  it('is at most a minute long', () => {
    const cards = Array.from({ length: 30 }, () => card({ seconds: 2 }))
    expect(boardSeconds(cards, 8, model)).toBe(63.75)
    expect(said(board(...cards))).toEqual(['All cards together are 63.75 s: at most 60 s.'])
    expect(requestProblems(whole(board(...cards)), model)).toHaveLength(1)
  })
})
