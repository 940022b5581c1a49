// Every mode, in the order in which they are offered, and what the form and the command line do with any of them.
import * as v from 'valibot'
import { capabilityReason, missingCapabilities } from '../capabilities'
import type { ModelManifest } from '../model'
import type { GenerateRequest } from '../request'
import { blend } from './blend'
import { extend } from './extend'
import { i2v } from './i2v'
import { inbetween } from './inbetween'
import { keyframes } from './keyframes'
import { loop } from './loop'
import type { FlagValues, InputProblem, MediaInput, Mode, ModeContext, ProblemContext } from './mode'
import { retime } from './retime'
import { storyboard } from './storyboard'
import { t2v } from './t2v'
import { v2v } from './v2v'

/** Later ones are the more specific: a request is of the last mode that reads it. */
export const MODES = [t2v, i2v, keyframes, extend, inbetween, blend, loop, v2v, retime, storyboard] as const

/** The fields of a request that modes set. */
export const MODE_FIELDS = ['conditions', 'initVideo', 'prefix', 'suffix', 'loop', 'shots', 'sameSeed'] as const satisfies readonly (keyof GenerateRequest)[]

type AnyMode = (typeof MODES)[number]

/** The id of a mode. */
export type ModeId = AnyMode['id']

type InputsOf<M> = M extends Mode<string, infer Inputs, infer _Flags> ? Inputs : never
type FlagsOf<M> = M extends Mode<string, infer _Inputs, infer F> ? FlagValues<F> : never
type Intersection<U> = (U extends unknown ? (of: U) => void : never) extends (of: infer I) => void ? I : never

/** The inputs of every mode: those of the others stay while one is chosen. */
export type ModeInputs = { [M in AnyMode as M['id']]: InputsOf<M> }

/** The flags of every mode. */
export type ModeFlagValues = Intersection<FlagsOf<AnyMode>>

/** A mode by its id. */
export function modeById(id: ModeId): Mode {
  return MODES.find((mode) => mode.id === id) as unknown as Mode
}

/** The schema of a mode's id. */
export const ModeIdSchema = v.picklist(MODES.map(({ id }) => id))

/** The schema of {@link ModeInputs} as a draft stores them; inputs that do not fit, or of a mode that was added since, are empty. */
export const ModeInputsSchema = v.object(
  Object.fromEntries(
    MODES.map((mode) => [
      mode.id,
      v.optional(
        v.fallback(mode.schema as v.GenericSchema, () => mode.empty()),
        () => mode.empty(),
      ),
    ]),
  ),
) as unknown as v.GenericSchema<unknown, ModeInputs>

/** Whether stored inputs have some that a mode cannot read: {@link ModeInputsSchema} has empty ones in their place. Pure. */
export function hasUnreadInputs(inputs: unknown): boolean {
  if (typeof inputs !== 'object' || inputs === null) return inputs !== undefined
  return MODES.some(({ id, schema }) => Object.hasOwn(inputs, id) && !v.is(schema as v.GenericSchema, (inputs as Record<string, unknown>)[id]))
}

/** The empty inputs of every mode. */
export function emptyInputs(): ModeInputs {
  return Object.fromEntries(MODES.map((mode) => [mode.id, mode.empty()])) as unknown as ModeInputs
}

/** What a mode with these inputs adds to a request, as plain data. Pure. */
export function inputsToRequest(id: ModeId, inputs: ModeInputs, context: ModeContext): Partial<GenerateRequest> {
  return modeById(id).toRequest(inputs[id], context)
}

/** The mode of a request, and its inputs; those of the other modes are empty. Pure but for keys. */
export function requestToInputs(request: GenerateRequest): { mode: ModeId; inputs: ModeInputs } {
  const inputs = emptyInputs()
  for (const mode of MODES.toReversed()) {
    const found = mode.fromRequest(request)
    if (found) return { mode: mode.id, inputs: { ...inputs, [mode.id]: found } }
  }
  return { mode: t2v.id, inputs }
}

/** Why a model cannot make clips in a mode, as one sentence; undefined where it can. Pure. */
export function unavailableReason(id: ModeId, { name, capabilities }: Pick<ModelManifest, 'name' | 'capabilities'>): string | undefined {
  const [missing] = missingCapabilities(modeById(id).needs, capabilities)
  return missing && capabilityReason(name, missing)
}

/** Everything that is missing or wrong in a mode, in the form's order; empty when a clip can be made. Pure. */
export function inputProblems(id: ModeId, inputs: ModeInputs, context: ProblemContext): InputProblem[] {
  const reason = unavailableReason(id, context.model)
  return reason ? [{ at: 'all', text: `${modeById(id).label}: ${reason}` }] : modeById(id).problems(inputs[id], context)
}

/** The modes that a clip or an image alone can begin. */
export function modesFrom(kind: MediaInput['kind']): { id: ModeId; label: string }[] {
  return MODES.flatMap((mode) => {
    const { from, label } = modeById(mode.id)
    return from && (from.kind === 'image') === (kind === 'image') ? [{ id: mode.id, label }] : []
  })
}
