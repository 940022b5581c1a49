// Samples as commit 49f27b7 stored them: each has every input that its version had.
import { describe, expect, it } from 'vitest'
import * as v from 'valibot'
import { parseManifest } from '../../src/shared/model'
import { emptyInputs, ModeIdSchema, ModeInputsSchema } from '../../src/shared/modes'
import { parseRecipe } from '../../src/shared/recipe'
import { parseRequest } from '../../src/shared/request-problems'
import { requestIdentity, upgradeDraft, upgradeRequest } from '../../src/shared/upgrade'
import { readJobs } from '../../src/state/queue-jobs'
import starter from '../../public/models/starter/kinora.json'

const model = parseManifest(starter, 'kinora.json')
const SETTINGS = { model: 'starter', prompt: 'a red sky', width: 128, height: 128, frames: 17, fps: 8, steps: 8, guidance: 3, seed: 7 }
const CLIP = { source: { kind: 'clip', id: 'a' } }
const REMIX = { source: { kind: 'video', id: 'v' }, strength: 0.6, stretch: true }
/** Requests of each kind at version 1, and at the current version. */
const REQUESTS: [string, Record<string, unknown>, Record<string, unknown>][] = [
  ['text to video', SETTINGS, SETTINGS],
  ['extended', { ...SETTINGS, before: CLIP }, { ...SETTINGS, prefix: CLIP }],
  ['led to', { ...SETTINGS, after: { ...CLIP, fromSeconds: 1 } }, { ...SETTINGS, suffix: { ...CLIP, fromSeconds: 1 } }],
  ['blended', { ...SETTINGS, before: { ...CLIP, toSeconds: 1 }, after: CLIP }, { ...SETTINGS, prefix: { ...CLIP, toSeconds: 1 }, suffix: CLIP }],
  ['looped', { ...SETTINGS, before: CLIP, loop: true }, { ...SETTINGS, prefix: CLIP, loop: true }],
  ['re-timed', { ...SETTINGS, start: REMIX }, { ...SETTINGS, initVideo: REMIX }],
]

describe.each(REQUESTS)('a request of version 1, %s', (_, before, since) => {
  it('has its fields under their new names, and a current one is unchanged', () => {
    expect(upgradeRequest(before)).toEqual(since)
    expect(upgradeRequest(since)).toEqual(since)
    expect(parseRequest(before, model)).toEqual(since)
  })

  it('is read from a recipe and from a queue row with nothing ignored', () => {
    const recipe = { format: 'kinora-recipe', version: 1, request: before, model: { id: 'starter', name: 'Kinora Starter', version: 2 } }
    expect(parseRecipe(recipe)).toEqual({ recipe: { ...recipe, request: since }, ignored: [] })
    const job = { id: 'j', request: before, modelId: 'starter', modelName: 'Kinora Starter', status: 'paused' }
    expect(readJobs([job])).toEqual({ jobs: [{ ...job, request: since }], unread: [] })
  })

  it('has the identity that its checkpoints were stored under', () => {
    // until version 1 the identity was the JSON of the parsed request: its fields in the order of the schema, as in these samples
    expect(JSON.stringify(requestIdentity(parseRequest(before, model)))).toBe(JSON.stringify(before))
    expect(JSON.stringify(requestIdentity(parseRequest(since, model)))).toBe(JSON.stringify(before))
  })
})

it('the identity of a request with every field is the JSON that version 1 wrote', () => {
  const written =
    '{"model":"starter","prompt":"a red sky","negativePrompt":"rain","width":128,"height":128,"frames":17,"fps":8,"steps":8,"guidance":3,"guidanceRescale":0.7,"stg":{"scale":1,"skipBlocks":[2]},"cacheThreshold":0.1,"seed":7,' +
    '"conditions":[{"source":{"kind":"image","id":"i"},"atFrame":0,"strength":1,"crop":{"x":0.5,"y":0,"zoom":2}}],"start":{"source":{"kind":"clip","id":"a"},"fromSeconds":0.5,"strength":0.6},' +
    '"before":{"source":{"kind":"clip","id":"b"},"toSeconds":1},"after":{"source":{"kind":"clip","id":"c"}},"loop":false,"shots":[{"prompt":"a car","frames":17,"join":"cut"}],"sameSeed":true}'
  expect(JSON.stringify(requestIdentity(parseRequest(JSON.parse(written), model)))).toBe(written)
})

it('upgradeRequest returns anything that is not a request unchanged', () => {
  for (const data of [null, 7, 'text', [1], { mood: 'sad', constructor: 1, toString: 2 }]) expect(upgradeRequest(data)).toEqual(data)
  expect(upgradeRequest({ before: 1, prefix: 2 })).toEqual({ prefix: 2 })
})

const IMAGE = { kind: 'image', id: 'i', name: 'a.png', crop: { x: 0.2, y: 0.5, zoom: 1.5 } }
const VIDEO = { kind: 'video', id: 'v', name: 'b.mp4', seconds: 3 }
const OWN = {
  model: 'starter',
  prompt: 'a red sky',
  negativePrompt: '',
  width: 128,
  height: 128,
  frames: 17,
  fps: 8,
  steps: 8,
  guidance: 3,
  cacheThreshold: 0,
  seedMode: 'random',
  seed: 7,
}
const MADE_FROM = {
  mode: 'remix',
  picture: { picture: IMAGE, strength: 0.8 },
  keyframes: {
    first: { picture: IMAGE, strength: 1 },
    between: [{ key: 'k', picture: IMAGE, strength: 0.5, seconds: null }],
    last: { picture: null, strength: 1 },
  },
  extend: { clip: VIDEO, backward: true },
  fill: { before: VIDEO, after: null },
  blend: { before: VIDEO, after: VIDEO },
  loop: { clip: VIDEO },
  remix: { clip: VIDEO, strength: 0.85 },
  retime: { clip: VIDEO, strength: 0.4 },
  storyboard: { sameSeed: true, cards: [{ key: 'c', prompt: 'a car', seconds: 2, join: 'dissolve', beginning: IMAGE }] },
}

describe('a draft of version 1', () => {
  it('has its mode and the inputs of every mode', () => {
    const inputs = {
      t2v: {},
      i2v: { image: IMAGE, strength: 0.8 },
      keyframes: {
        first: { image: IMAGE, strength: 1 },
        between: [{ key: 'k', image: IMAGE, strength: 0.5, seconds: null }],
        last: { image: null, strength: 1 },
      },
      extend: { clip: VIDEO, backward: true },
      inbetween: { first: VIDEO, last: null },
      blend: { first: VIDEO, last: VIDEO },
      loop: { clip: VIDEO },
      v2v: { clip: VIDEO, strength: 0.85 },
      retime: { clip: VIDEO, strength: 0.4 },
      storyboard: { sameSeed: true, cards: [{ key: 'c', prompt: 'a car', seconds: 2, join: 'dissolve', beginning: IMAGE }] },
    }
    const draft = upgradeDraft({ ...OWN, madeFrom: MADE_FROM }) as { mode: unknown; inputs: unknown }
    expect({ ...draft, inputs: v.parse(ModeInputsSchema, draft.inputs) }).toEqual({ ...OWN, mode: 'v2v', inputs })
    expect(upgradeDraft(draft)).toEqual(draft)
  })

  it.each([
    ['words', 't2v'],
    ['picture', 'i2v'],
    ['keyframes', 'keyframes'],
    ['extend', 'extend'],
    ['fill', 'inbetween'],
    ['blend', 'blend'],
    ['loop', 'loop'],
    ['remix', 'v2v'],
    ['retime', 'retime'],
    ['storyboard', 'storyboard'],
  ])('in mode %s is upgraded to mode %s', (before, since) =>
    expect(v.parse(ModeIdSchema, (upgradeDraft({ ...OWN, madeFrom: { ...MADE_FROM, mode: before } }) as { mode: unknown }).mode)).toBe(since),
  )

  it('without modes or with unreadable inputs keeps the rest', () => {
    expect(upgradeDraft(OWN)).toEqual(OWN)
    const { inputs } = upgradeDraft({ ...OWN, madeFrom: { mode: 'words', picture: 7, keyframes: { between: 'x' }, loop: { clip: VIDEO } } }) as {
      inputs: unknown
    }
    const read = v.parse(ModeInputsSchema, inputs)
    expect(read).toMatchObject({ ...emptyInputs(), loop: { clip: VIDEO }, storyboard: expect.anything() as unknown })
  })
})
