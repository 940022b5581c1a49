import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { linspaceSigmas, setTimesteps, shiftForTokens } from '../../workers/models/flow-match-scheduler'
import type { ScheduleRequest, SchedulerConfig } from '../../workers/models/flow-match-scheduler'
import { floatsOf, openSafetensors } from '../../workers/weights/safetensors'

const CASES = 'tests/parity'

describe('setTimesteps', () => {
  const names = readdirSync(CASES).filter((name) => name.startsWith('flow_match_'))
  it('has cases of the reference', () => expect(names.length).toBeGreaterThan(8))

  it.each(names)('matches the reference within 2.4e-7: %s', (name) => {
    const json = (file: string) => JSON.parse(readFileSync(join(CASES, name, file), 'utf8')) as Record<string, unknown>
    const { num_inference_steps: steps, ...rest } = json('case.json')['scalars'] as ScheduleRequest & { num_inference_steps?: number }
    const schedule = setTimesteps(json('config.json') as SchedulerConfig, { ...(steps !== undefined && { steps }), ...rest })
    const io = openSafetensors(new Uint8Array(readFileSync(join(CASES, name, 'io.safetensors'))))
    for (const field of ['sigmas', 'timesteps'] as const) {
      const expected = floatsOf(io.tensor(`out.${field}`))
      expect(schedule[field].length).toBe(expected.length)
      expected.forEach((value, index) => expect(Math.abs((schedule[field][index] as number) - value)).toBeLessThanOrEqual(2.4e-7 * Math.abs(value)))
    }
  })

  it('spaces by quantiles of Beta(0.6, 0.6)', () => {
    const { sigmas } = setTimesteps({ use_beta_sigmas: true }, { steps: 5 })
    // mpmath's betainc, inverted to 30 digits
    const expected = [1, 0.8244953017343021, 0.5005000000237487, 0.1765046983131954, 0.0010000000474974513, 0]
    expected.forEach((value, index) => expect(sigmas[index]).toBeCloseTo(value, 6))
  })

  it('names the field of a config that does not fit', () => {
    expect(() => setTimesteps({ time_shift_type: 'cubic' as 'linear' }, { steps: 4 })).toThrow('time_shift_type')
  })

  it('falls from 1 to 0', () => {
    const { sigmas, timesteps } = setTimesteps({}, { sigmas: linspaceSigmas(8) })
    expect([...sigmas]).toEqual([1, 0.875, 0.75, 0.625, 0.5, 0.375, 0.25, 0.125, 0])
    expect([...timesteps]).toEqual([1000, 875, 750, 625, 500, 375, 250, 125])
  })

  it('takes a single step from 1 to 0 without stretching it', () => {
    expect([...setTimesteps({ shift_terminal: 0.1 }, { sigmas: linspaceSigmas(1) }).sigmas]).toEqual([1, 0])
  })

  it('rejects dynamic shifting without mu', () => {
    expect(() => setTimesteps({ use_dynamic_shifting: true }, { steps: 4 })).toThrow('mu')
  })

  it('rejects zero steps, and sigmas of another number', () => {
    expect(() => setTimesteps({}, { steps: 0 })).toThrow('at least one step')
    expect(() => setTimesteps({}, { steps: 3, sigmas: [1, 0.5] })).toThrow('as many sigmas')
  })

  it('shifts longer clips more', () => {
    const config = { base_shift: 0.95, max_shift: 2.05, base_image_seq_len: 1024, max_image_seq_len: 4096 }
    expect(shiftForTokens(config, 1024)).toBeCloseTo(0.95, 12)
    expect(shiftForTokens(config, 4096)).toBeCloseTo(2.05, 12)
    expect(shiftForTokens(config, 2560)).toBeCloseTo(1.5, 12)
  })
})
