import * as v from 'valibot'
import { inputOf, mediaSlot, partOf, slotProblem, strength, type Mode } from './mode'

/** The content stays, motion is generated anew. */
const DEFAULT_STRENGTH = 0.35

const Inputs = v.object({ clip: mediaSlot, strength })
const FLAGS = { retime: { kind: 'file', what: 'a video' }, strength: { kind: 'number', min: 0, max: 1 } } as const

/** A whole clip at another length or rate. */
export const retime: Mode<'retime', v.InferOutput<typeof Inputs>, typeof FLAGS> = {
  id: 'retime',
  label: 'Re-time',
  description: 'A whole clip at the length and rate in the settings.',
  needs: ['frameEncoder'],
  schema: Inputs,
  empty: () => ({ clip: null, strength: DEFAULT_STRENGTH }),
  toRequest: ({ clip, strength: change }) => (clip ? { initVideo: { ...partOf(clip), strength: change, stretch: true } } : {}),
  fromRequest: ({ initVideo }) => (initVideo?.stretch ? { clip: inputOf(initVideo.source), strength: initVideo.strength } : undefined),
  problems: ({ clip }, context) => slotProblem(context, 'clip', clip, 'Choose the clip to re-time.'),
  form: [
    { kind: 'clip', key: 'clip', label: 'Clip' },
    { kind: 'strength', key: 'strength', label: 'Change', hint: 'How much may be generated anew; a low value keeps the clip as it is', min: 0.05 },
  ],
  summary({ clip }, { frames, fps }) {
    if (!clip?.seconds || !fps) return undefined
    const speed = clip.seconds / (frames / fps)
    const change = Math.abs(speed - 1) < 0.02 ? 'the same speed' : speed > 1 ? `${speed.toFixed(1)} times as fast` : `${(1 / speed).toFixed(1)} times slower`
    return `From ${short(clip.seconds)} to ${short(frames / fps)}, ${change}.`
  },
  from: { kind: 'clip', inputs: (clip) => ({ clip, strength: DEFAULT_STRENGTH }) },
  flags: FLAGS,
  required: ['retime'],
  isChosen: ({ retime: file }) => file !== undefined,
  fromFlags: async (flags, files) => ({
    inputs: { clip: flags.retime === undefined ? null : await files.load(flags.retime), strength: flags.strength ?? DEFAULT_STRENGTH },
  }),
}

function short(seconds: number): string {
  return `${Number(seconds.toFixed(1))} s`
}
