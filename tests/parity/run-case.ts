// Repeats a reference's forward pass on our engine and compares.
import type { Gpu } from '../../workers/engine/device'
import { Scope } from '../../workers/engine/scope'
import { readCase, type ParityCase, type Outputs, type Precision } from './read-case'
import { decodeKinora, decodeLtx, encodeKinora, encodeLtx } from './run-autoencoder'
import { runDenoise } from './run-pipeline'
import { runScheduler } from './run-scheduler'
import { runT5 } from './run-t5'
import { runTransformer } from './run-transformer'

/** The largest ‖out − ref‖ / ‖ref‖ of one forward pass of a random-weight model. */
const LIMITS: Record<Precision, number> = { f32: 1e-4, f16: 1e-2, q8: 5e-2, q4: 2e-1 }
/** Errors accumulate over the steps of a loop. */
const LOOP_FACTOR = 3

/** The result of a case at one precision. */
export interface CaseResult {
  name: string
  precision: Precision
  status: 'pass' | 'fail' | 'not run'
  /** worst relative error of the outputs; null when there was nothing to compare */
  error: number | null
  limit: number
  /** why it failed or was not run */
  reason?: string
}

type Runner = (scope: Scope, parityCase: ParityCase, precision: Precision) => Promise<Outputs>

const RUNNERS: Record<string, Runner> = {
  'LTXVideoTransformer3DModel.forward': runTransformer,
  'T5EncoderModel.forward': runT5,
  'LTXPipeline.denoise': runDenoise,
  'LTXConditionPipeline.denoise': runDenoise,
  'AutoencoderKLLTXVideo.decode': decodeLtx,
  'AutoencoderKLLTXVideo.encode': encodeLtx,
  'KinoraAutoencoder.decode': decodeKinora,
  'KinoraAutoencoder.encode': encodeKinora,
  'FlowMatchEulerDiscreteScheduler.set_timesteps': runScheduler,
}

/** Runs the case in `folder`. Never throws: an error is a failed case. */
export async function runCase(gpu: Gpu, folder: string, precision: Precision): Promise<CaseResult> {
  const scope = new Scope(gpu)
  let name = folder
  let limit = LIMITS[precision]
  try {
    const parityCase = readCase(folder)
    name = parityCase.name
    if (parityCase.call === 'denoise') limit *= LOOP_FACTOR
    if (precision === 'f16' && !gpu.facts.f16) return { name, precision, status: 'not run', error: null, limit, reason: 'no shader-f16' }
    const runner = RUNNERS[`${parityCase.className}.${parityCase.call}`]
    if (!runner) throw new Error(`no implementation of ${parityCase.className}.${parityCase.call}`)
    const outputs = await runner(scope, parityCase, precision)
    gpu.check()
    return { name, precision, limit, ...compare(parityCase.outputs, outputs, limit) }
  } catch (error) {
    return { name, precision, status: 'fail', error: null, limit, reason: error instanceof Error ? error.message : String(error) }
  } finally {
    scope.close()
  }
}

/** The worst relative error over all of the reference's outputs; a missing, misshapen or non-finite one fails. */
export function compare(expected: Outputs, actual: Outputs, limit: number): Pick<CaseResult, 'status' | 'error' | 'reason'> {
  if (expected.size === 0) return { status: 'fail', error: null, reason: 'io.safetensors has no out.*' }
  let worst = 0
  for (const [name, reference] of expected) {
    const ours = actual.get(name)
    if (!ours) return { status: 'fail', error: null, reason: `no output ${name}` }
    if (ours.shape.join() !== reference.shape.join()) {
      return { status: 'fail', error: null, reason: `${name}: expected [${reference.shape.join(', ')}], got [${ours.shape.join(', ')}]` }
    }
    if (!ours.values.every(Number.isFinite)) return { status: 'fail', error: null, reason: `${name} has NaN or infinity` }
    worst = Math.max(worst, relativeError(ours.values, reference.values))
  }
  return { status: worst <= limit ? 'pass' : 'fail', error: worst }
}

function relativeError(ours: Float32Array, reference: Float32Array): number {
  let difference = 0
  let length = 0
  for (let i = 0; i < reference.length; i++) {
    difference += ((ours[i] as number) - (reference[i] as number)) ** 2
    length += (reference[i] as number) ** 2
  }
  return difference === 0 ? 0 : Math.sqrt(difference / length)
}

/** 'ltx_transformer_coords  f16  2.1e-4  limit 1e-2  pass' */
export function describeResult({ name, precision, status, error, limit, reason }: CaseResult): string {
  const measured = error === null ? '-' : error.toExponential(2)
  return [
    name.padEnd(36),
    precision,
    measured.padStart(8),
    `limit ${Number(limit.toPrecision(2)).toExponential()}`,
    reason ? `${status}: ${reason}` : status,
  ].join('  ')
}
