import { describe, expect, it } from 'vitest'
import { linearQuadraticSigmas } from '../../workers/models/linear-quadratic'
import { LTX_PRESETS, type LtxPreset } from '../../workers/models/ltx/presets'
import { ltxSchedule } from '../../workers/models/ltx/schedule'

/** The scheduler of the dev checkpoints, as diffusers writes it. */
const SHIFTED = {
  use_dynamic_shifting: true,
  base_shift: 0.95,
  max_shift: 2.05,
  base_image_seq_len: 1024,
  max_image_seq_len: 4096,
  shift_terminal: 0.1,
}
const close = (values: ArrayLike<number>) => Array.from(values, (value) => Number(value.toFixed(6)))

describe('linearQuadraticSigmas', () => {
  // diffusers 0.42.1, linear_quadratic_schedule
  it.each([
    [1, [1]],
    [2, [1, 0.975]],
    [4, [1, 0.9875, 0.975, 0.725]],
    [5, [1, 0.9875, 0.975, 0.858333, 0.533333]],
    [8, [1, 0.99375, 0.9875, 0.98125, 0.975, 0.909375, 0.725, 0.421875]],
  ])('matches diffusers for %i steps', (steps, sigmas) => expect(close(linearQuadraticSigmas(steps))).toEqual(sigmas))

  it('matches diffusers for 40 steps', () => {
    const sigmas = linearQuadraticSigmas(40)
    expect(close([0, 1, 19, 20, 21, 39].map((at) => sigmas[at] as number))).toEqual([1, 0.99875, 0.97625, 0.975, 0.971375, 0.093875])
  })
})

describe('ltxSchedule', () => {
  it("uses a distilled preset's sigmas unchanged", () => {
    const { sigmas, steps } = LTX_PRESETS['0.9.8-distilled']
    const schedule = ltxSchedule({ config: { ...SHIFTED, shift: 3 }, sigmas }, steps, 2000)
    expect(close(schedule.sigmas)).toEqual([...sigmas, 0])
    expect([...schedule.timesteps].map((time) => Number(time.toFixed(3)))).toEqual([1000, 993.7, 987.5, 981.2, 975, 909.4, 725])
  })

  it('shifts by the number of tokens and ends at the terminal sigma', () => {
    const few = ltxSchedule({ config: SHIFTED }, 40, 1024).sigmas
    const many = ltxSchedule({ config: SHIFTED }, 40, 4096).sigmas
    expect(few.length).toBe(41)
    expect(close([few[0], few[39], few[40], many[39]] as number[])).toEqual([1, 0.1, 0, 0.1])
    expect(many[20]).toBeGreaterThan(few[20] as number)
  })

  it("spaces by the file's sampler", () => {
    expect(close(ltxSchedule({ config: {}, sampler: 'LinearQuadratic' }, 4, 10).sigmas)).toEqual([1, 0.9875, 0.975, 0.725, 0])
    expect(close(ltxSchedule({ config: {} }, 4, 10).sigmas)).toEqual([1, 0.75, 0.5, 0.25, 0])
  })

  it('rejects steps that a distilled model was not trained on', () => {
    const allowedSigmas = [1, 0.9937, 0.9875, 0.9812, 0.975, 0.9094, 0.725, 0.4219]
    const { sigmas } = LTX_PRESETS['0.9.6-distilled']
    expect(() => ltxSchedule({ config: {}, sigmas, allowedSigmas }, 8, 10)).not.toThrow()
    // the file's own sampler gives the same eight sigmas, to the listed digits
    expect(() => ltxSchedule({ config: {}, sampler: 'LinearQuadratic', allowedSigmas }, 8, 10)).not.toThrow()
    expect(() => ltxSchedule({ config: {}, sigmas }, 7, 10)).toThrow('steps: expected 8, for the model was distilled to so many, got 7.')
    expect(() => ltxSchedule({ config: {}, sampler: 'LinearQuadratic', allowedSigmas }, 5, 10)).toThrow('got 0.8583')
  })
})

describe('presets', () => {
  it.each(Object.entries<LtxPreset>(LTX_PRESETS))('%s is consistent', (_, preset) => {
    const { sigmas = [], steps, stg } = preset
    if (sigmas.length) expect(sigmas.length).toBe(steps)
    expect([...sigmas].sort((a, b) => b - a)).toEqual([...sigmas])
    expect(stg?.skipBlocks.every((block) => block < 28) ?? true).toBe(true)
    // a distilled model runs without any guidance
    if (sigmas.length) expect({ guidance: preset.guidance, stg, rescale: preset.guidanceRescale }).toEqual({ guidance: 1, stg: undefined, rescale: 0 })
  })
})
