// The noise levels of a job of LTX-Video, from what its preset, its file and its scheduler say.
import { AppError } from '../../../src/shared/errors'
import { linspaceSigmas, setTimesteps, shiftForTokens, type Schedule, type SchedulerConfig } from '../flow-match-scheduler'
import { linearQuadraticSigmas } from '../linear-quadratic'

/** What a schedule is made from besides the number of steps. */
export interface ScheduleSource {
  config: SchedulerConfig
  /** how the scheduler spaces its own sigmas; default Uniform */
  sampler?: 'Uniform' | 'LinearQuadratic'
  /** sigmas to use as they are instead of the scheduler's, as a preset's */
  sigmas?: readonly number[]
  /** sigmas the model was taught, as its file lists them; undefined: any */
  allowedSigmas?: readonly number[]
}

/** Digits to which a file lists the sigmas that it allows. */
const LISTED = 1e4

/**
 * The noise levels of a job.
 * @param tokens of the clip, without appended ones: the shift goes by it
 * @throws AppError bad-request where a distilled model was not taught these sigmas; weights-corrupt
 */
export function ltxSchedule({ config, sampler, sigmas, allowedSigmas }: ScheduleSource, steps: number, tokens: number): Schedule {
  if (sigmas && sigmas.length !== steps) {
    throw new AppError('bad-request', `steps: expected ${sigmas.length}, for the model was distilled to so many, got ${steps}.`, {
      field: 'steps',
      expected: sigmas.length,
      got: steps,
    })
  }
  const schedule = sigmas
    ? setTimesteps({ num_train_timesteps: config.num_train_timesteps ?? 1000 }, { sigmas })
    : setTimesteps(config, {
        sigmas: sampler === 'LinearQuadratic' ? linearQuadraticSigmas(steps) : linspaceSigmas(steps),
        mu: shiftForTokens(config, tokens), // read only where the config shifts by length
      })
  const near = (sigma: number): number => Math.round(sigma * LISTED)
  const strange = allowedSigmas && [...schedule.sigmas.subarray(0, -1)].find((sigma) => !allowedSigmas.some((allowed) => near(allowed) === near(sigma)))
  if (allowedSigmas && strange !== undefined) {
    const expected = `sigmas among ${allowedSigmas.join(', ')}`
    const got = String(Number(strange.toPrecision(4)))
    throw new AppError('bad-request', `steps: expected ${expected}, which the model was distilled to, got ${got}.`, { field: 'steps', expected, got })
  }
  return schedule
}
