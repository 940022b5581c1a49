import * as v from 'valibot'
import {
  frameAt,
  inputOf,
  mediaSlot,
  partOf,
  secondsText,
  slotProblem,
  strength,
  type InputProblem,
  type MediaInput,
  type Mode,
  type ModeContext,
} from './mode'

/** A change that keeps the layout. */
const DEFAULT_STRENGTH = 0.6

const Inputs = v.object({ clip: mediaSlot, strength })
const FLAGS = { remix: { kind: 'file', what: 'a video' }, strength: { kind: 'number', min: 0, max: 1 } } as const

/** A clip generated anew from a noise level between its latents and noise alone. */
export const v2v: Mode<'v2v', v.InferOutput<typeof Inputs>, typeof FLAGS> = {
  id: 'v2v',
  label: 'Remix',
  description: 'A clip generated anew with the prompt above. Layout and motion stay.',
  needs: ['frameEncoder'],
  schema: Inputs,
  empty: () => ({ clip: null, strength: DEFAULT_STRENGTH }),
  toRequest: ({ clip, strength: change }) => (clip ? { initVideo: { ...partOf(clip), strength: change } } : {}),
  fromRequest: ({ initVideo }) => initVideo && { clip: inputOf(initVideo.source), strength: initVideo.strength },
  problems: ({ clip }, context) => [...slotProblem(context, 'clip', clip, 'Choose the clip to remix.'), ...tooShort(clip, context)],
  form: [
    { kind: 'clip', key: 'clip', label: 'Clip' },
    {
      kind: 'strength',
      key: 'strength',
      label: 'Amount',
      hint: 'How much may change: 0.3 is subtle, 0.6 mild, 0.85 strong',
      min: 0.05,
      presets: {
        label: 'Change',
        values: [
          { value: 0.3, label: 'Subtle' },
          { value: 0.6, label: 'Mild' },
          { value: 0.85, label: 'Strong' },
        ],
      },
    },
  ],
  from: { kind: 'clip', inputs: (clip) => ({ clip, strength: DEFAULT_STRENGTH }) },
  flags: FLAGS,
  required: ['remix'],
  isChosen: ({ remix }) => remix !== undefined,
  fromFlags: async (flags, files) => ({
    inputs: { clip: flags.remix === undefined ? null : await files.load(flags.remix), strength: flags.strength ?? DEFAULT_STRENGTH },
  }),
}

/** A remix takes as many frames of its clip as it makes. */
function tooShort(clip: MediaInput | null, { frames, fps, model }: ModeContext): InputProblem[] {
  if (!clip?.seconds) return []
  const available = Math.max(1, frameAt(clip.seconds, fps))
  if (available >= frames) return []
  const { scaleTime } = model.latent
  const nearest = scaleTime * Math.floor((available - 1) / scaleTime) + 1
  const text = `The clip is ${secondsText(available / fps)} long, and the length in the settings is ${secondsText(frames / fps)}.`
  return [{ at: 'all', text, ...(nearest > 1 && { nearestFrames: nearest }) }]
}
