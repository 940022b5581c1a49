// Noise levels of the denoise steps: diffusers' FlowMatchEulerDiscreteScheduler.set_timesteps. Arithmetic is double where
// the reference's is, and rounded to f32 at every step where it has f32 arrays.
import * as v from 'valibot'
import { AppError } from '../../src/shared/errors'
import { misfitError, numberIn, parseFields, wholeIn } from '../../src/shared/file-bounds'
import { betaQuantile } from './beta-quantile'

/** `scheduler_config.json`; what is missing has the reference's default. */
export const SchedulerConfigSchema = v.object({
  num_train_timesteps: v.optional(wholeIn(1, 1_000_000), 1000),
  shift: v.optional(numberIn(0, 1000), 1),
  use_dynamic_shifting: v.optional(v.boolean(), false),
  base_shift: v.optional(v.nullable(numberIn(-100, 100)), 0.5),
  max_shift: v.optional(v.nullable(numberIn(-100, 100)), 1.15),
  base_image_seq_len: v.optional(wholeIn(1, 10_000_000), 256),
  max_image_seq_len: v.optional(wholeIn(1, 10_000_000), 4096),
  invert_sigmas: v.optional(v.boolean(), false),
  shift_terminal: v.nullish(numberIn(0, 1)),
  use_karras_sigmas: v.nullish(v.boolean()),
  use_exponential_sigmas: v.nullish(v.boolean()),
  use_beta_sigmas: v.nullish(v.boolean()),
  time_shift_type: v.optional(v.picklist(['exponential', 'linear']), 'exponential'),
})

/** `scheduler_config.json` as it is read: every field may be missing. */
export type SchedulerConfig = v.InferInput<typeof SchedulerConfigSchema>
type FullConfig = v.InferOutput<typeof SchedulerConfigSchema>

/** What a schedule is made from: `steps`, or sigmas or timesteps of one's own. */
export interface ScheduleRequest {
  steps?: number
  /** before shifting; LTX's pipelines pass {@link linspaceSigmas} */
  sigmas?: readonly number[]
  timesteps?: readonly number[]
  /** wanted with `use_dynamic_shifting`: see {@link shiftForTokens} */
  mu?: number
}

/** Noise levels, and the times the transformer is told. */
export interface Schedule {
  /** f32 [steps + 1], falling, the last 0 (rising to 1 when the config inverts them) */
  sigmas: Float32Array<ArrayBuffer>
  /** f32 [steps] */
  timesteps: Float32Array<ArrayBuffer>
}

/** The sigmas LTX-Video's pipelines start from: 1 down to 1/steps, evenly. */
export function linspaceSigmas(steps: number): number[] {
  return evenly(1, 1 / steps, steps)
}

/** `mu` for a clip of this many tokens: on the line through (base_image_seq_len, base_shift) and (max_image_seq_len, max_shift). */
export function shiftForTokens(config: SchedulerConfig, tokens: number): number {
  const { base_shift, max_shift, base_image_seq_len, max_image_seq_len } = parseConfig(config)
  const [low, high] = [base_shift ?? 0.5, max_shift ?? 1.15]
  const slope = (high - low) / (max_image_seq_len - base_image_seq_len)
  return tokens * slope + (low - slope * base_image_seq_len)
}

/** The schedule of a job. @throws AppError bad-request, weights-corrupt */
export function setTimesteps(config: SchedulerConfig, request: ScheduleRequest): Schedule {
  const full = parseConfig(config)
  const { sigmas: given, timesteps: givenTimes } = request
  const steps = request.steps ?? given?.length ?? givenTimes?.length ?? 0
  if (steps < 1 || (given && given.length !== steps) || (givenTimes && givenTimes.length !== steps)) {
    throw new AppError('bad-request', `A schedule takes at least one step, and as many sigmas or timesteps as steps; got ${steps} steps.`, { steps })
  }

  // given values are f32 arrays in the reference, its own spacing is double
  const round = given || givenTimes ? Math.fround : (value: number): number => value
  let sigmas = startingSigmas(full, request, steps).map(round)
  sigmas = shifted(full, sigmas, request.mu, round)
  if (full.shift_terminal) sigmas = stretched(sigmas, full.shift_terminal, round)
  sigmas = respaced(full, sigmas)

  const trained = full.num_train_timesteps
  let levels = Float32Array.from(sigmas)
  let timesteps = givenTimes ? Float32Array.from(givenTimes) : levels.map((sigma) => sigma * trained)
  if (full.invert_sigmas) {
    levels = levels.map((sigma) => 1 - sigma)
    timesteps = levels.map((sigma) => sigma * trained)
  }
  return { sigmas: Float32Array.from([...levels, full.invert_sigmas ? 1 : 0]), timesteps }
}

/** Both parameters of the beta distribution, as the reference has them. */
const BETA = 0.6

function parseConfig(config: SchedulerConfig): FullConfig {
  return parseFields(SchedulerConfigSchema, config, (misfit) =>
    misfitError('weights-corrupt', 'scheduler/scheduler_config.json', "The scheduler's config does not fit", misfit),
  )
}

function startingSigmas(config: FullConfig, request: ScheduleRequest, steps: number): number[] {
  const trained = config.num_train_timesteps
  if (request.sigmas) return [...request.sigmas]
  if (request.timesteps) return request.timesteps.map((time) => Math.fround(time) / trained)
  // the ends are shifted here, and the whole range once more afterwards: so does the reference
  const end = (sigma: number): number => (config.use_dynamic_shifting ? sigma : fixedShift(config.shift, sigma, Math.fround))
  return evenly(end(1) * trained, end(Math.fround(1 / trained)) * trained, steps).map((time) => time / trained)
}

type Round = (value: number) => number

function fixedShift(shift: number, sigma: number, round: Round): number {
  return round(round(round(shift) * sigma) / round(1 + round(round(shift - 1) * sigma)))
}

function shifted(config: FullConfig, sigmas: number[], mu: number | undefined, round: Round): number[] {
  if (!config.use_dynamic_shifting) return sigmas.map((sigma) => fixedShift(config.shift, sigma, round))
  if (mu === undefined) throw new AppError('bad-request', 'This scheduler shifts by the number of tokens: it needs mu.', {})
  const shift = round(config.time_shift_type === 'exponential' ? Math.exp(mu) : mu)
  return sigmas.map((sigma) => round(shift / round(shift + round(round(1 / sigma) - 1))))
}

/** Stretches 1 − sigma so that the last sigma is `terminal`; of a single step at 1 there is nothing to stretch, and the reference divides by 0. */
function stretched(sigmas: number[], terminal: number, round: Round): number[] {
  if (sigmas.at(-1) === 1) return sigmas
  const rest = sigmas.map((sigma) => round(1 - sigma))
  const factor = round((rest.at(-1) as number) / round(1 - terminal))
  return rest.map((value) => round(1 - round(value / factor)))
}

/** Karras', exponential or beta spacing between the first and the last sigma. */
function respaced(config: FullConfig, sigmas: number[]): number[] {
  const first = sigmas[0] as number
  const last = sigmas.at(-1) as number
  if (config.use_beta_sigmas) return evenly(0, 1, sigmas.length).map((ramp) => last + betaQuantile(1 - ramp, BETA) * (first - last))
  if (config.use_karras_sigmas) {
    const rho = 7
    return evenly(0, 1, sigmas.length).map((ramp) => (first ** (1 / rho) + ramp * (last ** (1 / rho) - first ** (1 / rho))) ** rho)
  }
  if (config.use_exponential_sigmas) return evenly(Math.log(first), Math.log(last), sigmas.length).map(Math.exp)
  return sigmas
}

/** numpy.linspace. */
function evenly(start: number, stop: number, count: number): number[] {
  if (count === 1) return [start]
  const step = (stop - start) / (count - 1)
  return Array.from({ length: count }, (_, index) => (index === count - 1 ? stop : index * step + start))
}
