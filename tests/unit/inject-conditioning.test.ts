import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { injectConditioning, type ConditioningLatents } from '../../workers/pipeline/inject-conditioning'

const grid = { channels: 2, frames: 4, height: 1, width: 3 }
const T = 4
const FRAME = 6 // numbers of a latent frame
const noise = Float32Array.from({ length: 4 * FRAME }, (_, i) => i)
/** `frames` latents, all of one value */
const conditioning = (frames: number, value: number, atFrame: number, strength = 1): ConditioningLatents => ({
  values: new Float32Array(frames * FRAME).fill(value),
  atFrame,
  strength,
})
const otherNoise = (_index: number, count: number) => new Float32Array(count).fill(8)
const inject = (...conditions: ConditioningLatents[]) => injectConditioning(noise, grid, T, conditions, otherNoise)
/** The first number of each latent frame. */
const heads = (values: Float32Array, size: number) => Array.from({ length: values.length / size }, (_, frame) => values[frame * size])

describe('injectConditioning', () => {
  it('writes an image at frame 0 in place', () => {
    const { latent, strengths, appended } = inject(conditioning(1, -1, 0))
    expect(heads(latent, FRAME)).toEqual([-1, 6, 12, 18])
    expect([...strengths]).toEqual([1, 0, 0, 0])
    expect(appended).toEqual([])
  })

  it('appends an image at a later frame, mixed with noise of its own', () => {
    const { latent, strengths, appended } = inject(conditioning(1, -2, 6, 0.75))
    expect(heads(latent, FRAME)).toEqual([0, 6, 12, 18, 0.5])
    expect([...strengths]).toEqual([0, 0, 0, 0, 0.75])
    expect(appended).toEqual([6])
  })

  it('appends the first two latents of a later clip, and writes the rest in place', () => {
    const { latent, strengths, appended } = inject(conditioning(3, -1, 4, 0.5))
    expect(heads(latent, FRAME)).toEqual([0, 6, 12, 8.5, 3.5, 3.5])
    expect([...strengths]).toEqual([0, 0, 0, 0.5, 0.5, 0.5])
    expect(appended).toEqual([4, 5]) // a clip's second latent begins one frame after its first
  })

  it('writes a clip at frame 0 in place, and leaves out what lies beyond the end', () => {
    expect(heads(inject(conditioning(6, -1, 0)).latent, FRAME)).toEqual([-1, -1, -1, -1])
    const late = inject(conditioning(4, -1, 8))
    expect(heads(late.latent, FRAME)).toEqual([0, 6, 12, 18, -1, -1])
    expect(late.appended).toEqual([8, 9])
  })

  it('appends the part of a clip before the beginning', () => {
    const { latent, strengths, appended } = inject(conditioning(5, -1, -12))
    expect(heads(latent, FRAME)).toEqual([-1, -1, 12, 18, -1, -1, -1])
    expect(appended).toEqual([-12, -11, -7])
    expect([...strengths]).toEqual([1, 1, 0, 0, 1, 1, 1])
  })

  it('mixes a later condition over an earlier one, and draws noise by condition', () => {
    const drawn: [number, number][] = []
    const { latent, appended } = injectConditioning(
      noise,
      grid,
      T,
      [conditioning(1, -4, 0), conditioning(1, 4, 0, 0.25), conditioning(1, 1, 4), conditioning(2, 1, 8)],
      (index, count) => {
        drawn.push([index, count])
        return new Float32Array(count)
      },
    )
    expect(latent[0]).toBe(-2)
    expect(appended).toEqual([4, 8, 9])
    expect(drawn).toEqual([
      [2, FRAME],
      [3, 2 * FRAME],
    ])
  })

  it('does not change its input noise, and changes nothing at strength 0', () => {
    const before = noise.slice()
    expect(inject(conditioning(1, -1, 0, 0)).latent).toEqual(noise)
    inject(conditioning(4, -1, 0))
    expect(noise).toEqual(before)
  })

  it.each([
    ['a clip between latents', conditioning(3, 0, 2), "a clip's atFrame a multiple of 4, got 2"],
    ['an image beyond the end', conditioning(1, 0, 13), 'atFrame a whole number up to 12, got 13'],
    ['an image before the beginning', conditioning(1, 0, -4), "an image's atFrame from 0 to 12, got -4"],
    ['a fractional frame', conditioning(1, 0, 0.5), 'got 0.5'],
    ['a strength over 1', conditioning(1, 0, 0, 1.5), 'strength from 0 to 1, got 1.5'],
    ['a NaN strength', conditioning(1, 0, 0, NaN), 'got NaN'],
    ['latents of another size', { ...conditioning(1, 0, 0), values: new Float32Array(7) }, '7 values'],
    ['no latents', conditioning(0, 0, 0), '0 values'],
  ])('refuses %s', (_, condition, message) => expect(() => inject(condition)).toThrow(message))

  it('returns a strength for every latent frame, whatever the conditions', () => {
    const condition = fc.record({
      frames: fc.integer({ min: 2, max: 6 }),
      at: fc.integer({ min: -4, max: 3 }),
      strength: fc.double({ min: 0, max: 1, noNaN: true }),
    })
    fc.assert(
      fc.property(fc.array(condition, { maxLength: 4 }), (conditions) => {
        const { latent, strengths, appended } = inject(...conditions.map(({ frames, at, strength }) => conditioning(frames, 1, at * T, strength)))
        expect(strengths.length).toBe(grid.frames + appended.length)
        expect(latent.length).toBe(strengths.length * FRAME)
        expect([...latent, ...strengths].every(Number.isFinite)).toBe(true)
      }),
    )
  })
})
