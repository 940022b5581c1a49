import * as v from 'valibot'
import { GIVEN_FRAMES, inputOf, mediaSlot, partOf, slotProblem, type Mode } from './mode'

const Inputs = v.object({ clip: mediaSlot, backward: v.boolean() })
const FLAGS = { extend: { kind: 'file', what: 'a video' }, backward: { kind: 'switch' } } as const

/** A clip, and new frames after it or before it. */
export const extend: Mode<'extend', v.InferOutput<typeof Inputs>, typeof FLAGS> = {
  id: 'extend',
  label: 'Extend',
  description: 'Continues a clip or a video of yours, by the length in the settings.',
  needs: GIVEN_FRAMES,
  schema: Inputs,
  empty: () => ({ clip: null, backward: false }),
  toRequest: ({ clip, backward }) => (clip ? { [backward ? 'suffix' : 'prefix']: partOf(clip) } : {}),
  fromRequest({ prefix, suffix }) {
    const clip = prefix ?? suffix
    return clip && { clip: inputOf(clip.source), backward: prefix === undefined }
  },
  problems: ({ clip }, context) => slotProblem(context, 'clip', clip, 'Choose the clip to extend.'),
  form: [
    { kind: 'clip', key: 'clip', label: 'Clip to extend' },
    { kind: 'choice', key: 'backward', label: 'New part', off: 'After the clip', on: 'Before the clip' },
  ],
  from: { kind: 'clip', inputs: (clip) => ({ clip, backward: false }) },
  flags: FLAGS,
  required: ['extend'],
  isChosen: ({ extend: file }) => file !== undefined,
  fromFlags: async (flags, files) => ({
    inputs: { clip: flags.extend === undefined ? null : await files.load(flags.extend), backward: flags.backward === true },
  }),
}
