import type { Scope } from '../../workers/engine/scope'
import { setTimesteps } from '../../workers/models/flow-match-scheduler'
import type { ParityCase } from './read-case'
import type { Outputs } from './read-case'

/** FlowMatchEulerDiscreteScheduler.set_timesteps; the same at every precision. */
export function runScheduler(_scope: Scope, { config, scalars }: ParityCase): Promise<Outputs> {
  const { num_inference_steps: steps, sigmas, timesteps, mu } = scalars
  const schedule = setTimesteps(config, {
    ...(typeof steps === 'number' && { steps }),
    ...(Array.isArray(sigmas) && { sigmas: sigmas as number[] }),
    ...(Array.isArray(timesteps) && { timesteps: timesteps as number[] }),
    ...(typeof mu === 'number' && { mu }),
  })
  return Promise.resolve(
    new Map([
      ['sigmas', { shape: [schedule.sigmas.length], values: schedule.sigmas }],
      ['timesteps', { shape: [schedule.timesteps.length], values: schedule.timesteps }],
    ]),
  )
}
