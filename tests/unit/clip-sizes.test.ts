import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { catalogueManifest } from '../../src/shared/model-address'
import { parseManifest } from '../../src/shared/model'
import type { GenerateRequest } from '../../src/shared/request'
import { requestProblems } from '../../src/shared/request-problems'
import { requestWarnings } from '../../src/shared/request-warnings'
import { canMakeSize, LARGEST_SIDE, nearestSide, availableSizes, ratioOf, ASPECT_RATIOS } from '../../src/shared/clip-sizes'
import { CATALOGUE } from '../../src/shared/model-catalogue'
import starterJson from '../../public/models/starter/kinora.json'

const starter = parseManifest(starterJson, 'kinora.json')
const source = CATALOGUE.find(({ id }) => id === 'ltxv-2b-0.9.5')!
const large = catalogueManifest(source)!
const models = [starter, large]

const requestOf = (model: typeof starter, changes: Partial<GenerateRequest> = {}): GenerateRequest => {
  const { width = 0, height = 0 } = model.sizes[0] ?? {}
  const { frames, fps, steps, guidance } = model
  return {
    model: model.id,
    prompt: 'a red sky',
    width,
    height,
    frames: frames.default,
    fps: fps.default,
    steps: steps.default,
    guidance: guidance.default,
    seed: 7,
    ...changes,
  }
}
const problems = (model: typeof starter, changes: Partial<GenerateRequest>) => requestProblems(requestOf(model, changes), model)
const warnings = (model: typeof starter, changes: Partial<GenerateRequest>) => requestWarnings(requestOf(model, changes), model)

describe.each(models)('sizes of $name', (model) => {
  it('include every aspect ratio, and each size is valid and close to its aspect ratio', () => {
    const sizes = availableSizes(model)
    for (const shape of ASPECT_RATIOS) expect(sizes.map((size) => size.shape)).toContain(shape)
    for (const { shape, width, height } of sizes) {
      expect(canMakeSize({ width, height }, model)).toBe(true)
      expect(Math.abs(Math.log(width / height / ratioOf(shape))), `${shape}: ${width}×${height}`).toBeLessThan(0.09)
      expect(problems(model, { width, height })).toEqual([])
    }
  })

  it('cause a warning only if the model was not trained on them', () => {
    for (const { width, height, trained } of availableSizes(model)) {
      expect(warnings(model, { width, height }).map(({ kind }) => kind)).toEqual(trained ? [] : ['size'])
    }
  })

  it('nearestSide returns a valid side for any number', () => {
    fc.assert(
      fc.property(fc.double({ min: -1e6, max: 1e6, noNaN: true }), fc.integer({ min: 1, max: 9000 }), (one, other) => {
        expect(canMakeSize({ width: nearestSide(one, model), height: nearestSide(other, model) }, model)).toBe(true)
      }),
    )
  })
})

describe('requestProblems', () => {
  it.each([
    ['off the latent grid', { width: 130 }, { width: 128, height: 128 }],
    ['too small', { height: 16 }, { width: 128, height: 32 }],
    ['too wide', { width: LARGEST_SIDE + 16 }, { width: LARGEST_SIDE, height: 128 }],
  ])('rejects a size that is %s and suggests the closest valid one', (_what, change, nearest) => {
    expect(problems(starter, change)).toMatchObject([{ field: 'width', nearest }])
    expect(problems(starter, nearest)).toEqual([])
    expect(warnings(starter, change), 'no warning beside an error').toEqual([])
  })

  it('rejects a request that exceeds the memory of any GPU', () => {
    const [problem] = problems(large, { width: 4096, height: 4096, frames: 257 })
    expect(problem).toMatchObject({ field: 'width', expected: expect.stringContaining('memory of a GPU') as string })
    expect(problems(large, { ...problem?.nearest, frames: 257 })).toEqual([])
    expect(problems(large, { width: 1280, height: 704, frames: 257 })).toEqual([])
  })

  it.each([
    [18, 17],
    [3, 5],
    [0, 5],
    [500, 481],
  ])('rejects %i frames and suggests %i', (frames, nearest) => {
    expect(problems(starter, { frames })).toMatchObject([{ field: 'frames', nearest: { frames: nearest } }])
    expect(problems(starter, { frames: nearest })).toEqual([])
  })
})

it('warns if the request needs more than the measured GPU memory', () => {
  const request = requestOf(large, { width: 1280, height: 704, frames: 257 })
  const kinds = (gigabytes: number) => requestWarnings(request, large, { budgetBytes: gigabytes * 1e9, weightBytes: 2e9 }).map(({ kind }) => kind)
  expect(kinds(2.5)).toEqual(['memory'])
  expect(kinds(12)).toEqual([])
  const minute = { ...request, frames: 1801 }
  expect(
    requestWarnings(minute, large, { budgetBytes: 12e9, weightBytes: 2e9 }).map(({ kind }) => kind),
    'only one chunk is in memory at a time',
  ).toEqual(['chunks'])
})

describe('warnings about the length', () => {
  it('are empty for trained lengths', () => {
    for (const model of models) for (const frames of model.frames.allowed) expect(warnings(model, { frames })).toEqual([])
    expect(warnings(large, { frames: 89 }), 'any length on its training grid').toEqual([])
    expect(warnings(starter, { frames: 1 }), 'a single frame').toEqual([])
  })

  it('suggest the closest trained length', () => {
    expect(warnings(starter, { frames: 5 })).toMatchObject([{ kind: 'length', nearest: { frames: 9 } }])
    expect(warnings(starter, { frames: 21 })).toMatchObject([{ kind: 'length', nearest: { frames: 17 } }])
    const before = { source: { kind: 'clip', id: 'a' } } as const
    expect(warnings(starter, { frames: 5, prefix: before }), 'a chunk also contains frames of the clip before').toEqual([])
  })

  it('report the number of chunks of a long clip', () => {
    expect(warnings(starter, { frames: 481 })).toMatchObject([{ kind: 'chunks', expected: '33' }])
    expect(warnings(starter, { frames: 481 })[0]?.chunks).toBeGreaterThan(14)
    expect(warnings(large, { frames: 1801 })[0]?.chunks).toBe(8)
  })
})
