// What a model can do beyond text to video: the page offers modes and settings by it, a request is checked against it.
import * as v from 'valibot'

/** The schema of a model's capabilities. */
export const CapabilitiesSchema = v.object({
  /** It encodes frames to latents: images and clips can go in. */
  frameEncoder: v.boolean(),
  /** Every token may carry a timestep of its own: frames can be fixed anywhere in a clip, and a clip can continue another one. */
  perTokenTimesteps: v.boolean(),
  /** classifier-free guidance */
  guidance: v.boolean(),
  /** guidance away from a prompt that the user writes */
  negativePrompt: v.boolean(),
  audio: v.literal(false),
})

/** See {@link CapabilitiesSchema}. */
export type Capabilities = v.InferOutput<typeof CapabilitiesSchema>

/** A capability that a mode may need. */
export type Capability = Exclude<keyof Capabilities, 'audio'>

/** The capabilities for frames that are given: images and clips are encoded, and their tokens stay while the others are generated. */
export const GIVEN_FRAMES: readonly Capability[] = ['frameEncoder', 'perTokenTimesteps']

/** Everything that an architecture can do: what a manifest has that says nothing. */
export const ALL_CAPABILITIES: Capabilities = { frameEncoder: true, perTokenTimesteps: true, guidance: true, negativePrompt: true, audio: false }

/** Why a model without a capability cannot do what needs it; each completes "<model> …". */
const REASONS: Record<Capability, string> = {
  frameEncoder: 'cannot read images or clips.',
  perTokenTimesteps: 'cannot keep given frames while it generates the others.',
  guidance: 'has no guidance.',
  negativePrompt: 'has no negative prompt.',
}

/** The capabilities among `needs` that are missing. Pure. */
export function missingCapabilities(needs: readonly Capability[], capabilities: Capabilities): Capability[] {
  return needs.filter((need) => !capabilities[need])
}

/** Why a model of this name cannot do what needs this capability, as one sentence. Pure. */
export function capabilityReason(modelName: string, missing: Capability): string {
  return `${modelName} ${REASONS[missing]}`
}
