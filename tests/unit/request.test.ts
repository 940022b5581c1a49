import { describe, expect, it } from 'vitest'
import { ALL_CAPABILITIES } from '../../src/shared/capabilities'
import { parseManifest } from '../../src/shared/model'
import { chunkFrames } from '../../src/shared/plan'
import type { Condition, GenerateRequest } from '../../src/shared/request'
import { parseRequest, requestProblems } from '../../src/shared/request-problems'
import starter from '../../public/models/starter/kinora.json'

const model = parseManifest(starter, 'kinora.json')
const [size] = model.sizes as [(typeof model.sizes)[0]]
const request: GenerateRequest = {
  model: 'starter',
  prompt: 'a red sky',
  width: size.width,
  height: size.height,
  frames: 17,
  fps: 8,
  steps: 8,
  guidance: 3,
  seed: 7,
}
const condition = (kind: 'image' | 'clip', atFrame: number, strength = 1): Condition => ({ source: { kind, id: 'a' }, atFrame, strength })

describe('a request', () => {
  it('is returned unchanged, with the required fields or with all', () => {
    expect(parseRequest(request, model)).toEqual(request)
    const all = {
      ...request,
      guidanceRescale: 0.7,
      cacheThreshold: 0.1,
      stg: { scale: 1, skipBlocks: [2] },
      conditions: [condition('image', 5), condition('clip', -4, 0.5)],
    }
    expect(parseRequest(all, model)).toEqual(all)
  })

  it.each([
    ['guidanceRescale', { guidanceRescale: 1.5 }],
    ['cacheThreshold', { cacheThreshold: -0.1 }],
    ['cacheThreshold', { cacheThreshold: 1.01 }],
    ['stg.scale', { stg: { scale: -1, skipBlocks: [] } }],
    ['stg.skipBlocks.0', { stg: { scale: 1, skipBlocks: [0.5] } }],
    ['conditions.0.strength', { conditions: [condition('image', 0, 2)] }],
    ['conditions.0.atFrame', { conditions: [condition('image', 0.5)] }],
    ['conditions.0.source.kind', { conditions: [{ ...condition('image', 0), source: { kind: 'sound', id: 'a' } }] }],
    ['conditions.0.source.id', { conditions: [{ ...condition('image', 0), source: { kind: 'image', id: '' } }] }],
  ])('is rejected for its %s', (field, change) => {
    expect(() => parseRequest({ ...request, ...change }, model)).toThrow(
      expect.objectContaining({ code: 'bad-request', details: expect.objectContaining({ field }) as unknown }),
    )
  })
})

describe('conditions', () => {
  const problems = (...conditions: Condition[]) => requestProblems({ ...request, conditions }, model).map(({ field, got }) => `${field} ${got}`)

  it('accept an image at any frame of the clip', () => {
    expect(problems(condition('image', 0), condition('image', 16))).toEqual([])
    expect(problems(condition('image', 17), condition('image', -1))).toEqual(['conditions frame 17', 'conditions frame -1'])
  })

  it('accept a clip on a whole latent, also before the start, but not after the end', () => {
    expect(problems(condition('clip', 0), condition('clip', 16), condition('clip', -8))).toEqual([])
    expect(problems(condition('clip', 6), condition('clip', 20))).toEqual(['conditions frame 6', 'conditions frame 20'])
  })
})

describe('a model that lacks capabilities', () => {
  const tiny = (...missing: (keyof typeof ALL_CAPABILITIES)[]) => ({
    ...model,
    name: 'Tiny',
    capabilities: { ...ALL_CAPABILITIES, ...Object.fromEntries(missing.map((name) => [name, false])) },
  })
  const longest = chunkFrames(model)
  const clip = { source: { kind: 'clip', id: 'a' } } as const
  const shot = { prompt: 'a car', frames: 17, join: 'cut' } as const

  it.each<[Parameters<typeof tiny>, Partial<GenerateRequest>, string]>([
    [['frameEncoder'], { conditions: [condition('image', 0)] }, 'conditions: expected no images or clips, got 1: Tiny cannot read images or clips.'],
    [['frameEncoder'], { initVideo: { ...clip, strength: 0.5 } }, 'initVideo: expected no clip, got clip: Tiny cannot read images or clips.'],
    [['perTokenTimesteps'], { prefix: clip }, 'prefix: expected no clip, got clip: Tiny cannot keep given frames while it generates the others.'],
    [['perTokenTimesteps'], { suffix: clip }, 'suffix: expected no clip, got clip: Tiny cannot keep given frames while it generates the others.'],
    [['perTokenTimesteps'], { loop: true }, 'loop: expected false, got true: Tiny cannot keep given frames while it generates the others.'],
    [
      ['perTokenTimesteps'],
      { frames: longest + 8 },
      `frames: expected at most ${longest}, got ${longest + 8}: Tiny cannot keep given frames while it generates the others.`,
    ],
    [
      ['perTokenTimesteps'],
      { shots: [shot, { ...shot, join: 'continue' }] },
      `shots: expected shots of at most ${longest} frames that cut or dissolve and begin with no image or clip, got another one as shot 2: Tiny`,
    ],
    [['guidance'], {}, 'guidance: expected 1, got 3: Tiny has no guidance.'],
    [['negativePrompt'], { negativePrompt: 'rain' }, 'negativePrompt: expected none, got "rain": Tiny has no negative prompt.'],
  ])('without %j rejects %j', (missing, change, message) => {
    expect(() => parseRequest({ ...request, ...change }, tiny(...missing))).toThrow(message)
    expect(requestProblems({ ...request, ...change }, model)).toEqual([])
  })

  it('accepts requests that need none of them', () => {
    const all = tiny('frameEncoder', 'perTokenTimesteps', 'guidance', 'negativePrompt')
    expect(requestProblems({ ...request, guidance: 1, frames: longest, shots: [shot, { ...shot, join: 'dissolve' }] }, all)).toEqual([])
    expect(requestProblems({ ...request, initVideo: { ...clip, strength: 0.5 } }, tiny('perTokenTimesteps'))).toEqual([])
  })
})
