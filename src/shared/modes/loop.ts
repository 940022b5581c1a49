import * as v from 'valibot'
import { BETWEEN_SECONDS } from './blend'
import { GIVEN_FRAMES, inputOf, mediaSlot, partOf, slotProblem, type Mode } from './mode'

const Inputs = v.object({ clip: mediaSlot })
const FLAGS = { loop: { kind: 'switch' }, extend: { kind: 'file', what: 'a video' } } as const

/** A clip and the way back to its first frame; without a clip, a new one. */
export const loop: Mode<'loop', v.InferOutput<typeof Inputs>, typeof FLAGS> = {
  id: 'loop',
  label: 'Loop',
  description: 'A clip that repeats without a cut: its end leads back to its start.',
  needs: GIVEN_FRAMES,
  schema: Inputs,
  empty: () => ({ clip: null }),
  toRequest: ({ clip }) => ({ ...(clip && { prefix: partOf(clip) }), loop: true }),
  fromRequest: ({ loop: loops, prefix }) => (loops ? { clip: prefix ? inputOf(prefix.source) : null } : undefined),
  problems: ({ clip }, context) => (clip ? slotProblem(context, 'clip', clip, '') : []),
  form: [{ kind: 'clip', key: 'clip', label: 'Clip', hint: 'Optional: without one, a new looping clip is made.' }],
  from: { kind: 'clip', inputs: (clip) => ({ clip }) },
  flags: FLAGS,
  required: [],
  isChosen: (flags) => flags.loop === true,
  flagSeconds: ({ extend }) => (extend === undefined ? undefined : BETWEEN_SECONDS),
  fromFlags: async ({ extend }, files) => ({ inputs: { clip: extend === undefined ? null : await files.load(extend) } }),
}
