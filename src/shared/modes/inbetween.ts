import * as v from 'valibot'
import { GIVEN_FRAMES, inputOf, mediaSlot, partOf, slotProblem, type InputProblem, type MediaInput, type Mode, type ProblemContext } from './mode'

/** Two clips, one after the other. */
export const PairInputs = v.object({ first: mediaSlot, last: mediaSlot })
const FLAGS = { first: { kind: 'file', what: 'a video' }, last: { kind: 'file', what: 'a video' } } as const

/** Two whole clips, and new frames between them. */
export const inbetween: Mode<'inbetween', v.InferOutput<typeof PairInputs>, typeof FLAGS> = {
  id: 'inbetween',
  label: 'Interpolate',
  description: 'Two clips, and what happens between them. The length in the settings is that of the gap.',
  needs: GIVEN_FRAMES,
  schema: PairInputs,
  empty: () => ({ first: null, last: null }),
  toRequest: ({ first, last }) => ({ ...(first && { prefix: partOf(first) }), ...(last && { suffix: partOf(last) }) }),
  fromRequest: ({ prefix, suffix }) => (prefix && suffix ? { first: inputOf(prefix.source), last: inputOf(suffix.source) } : undefined),
  problems: pairProblems,
  form: [
    { kind: 'clip', key: 'first', label: 'First clip' },
    { kind: 'clip', key: 'last', label: 'Second clip' },
  ],
  from: { kind: 'clip', inputs: (first) => ({ first, last: null }) },
  flags: FLAGS,
  required: [],
  isChosen: ({ first, last }, isImage) =>
    [first, last].some((file) => file !== undefined) && [first, last].every((file) => file === undefined || !isImage(file)),
  async fromFlags({ first, last }, files) {
    const load = (file: string | undefined): Promise<MediaInput | null> => (file === undefined ? Promise.resolve(null) : files.load(file))
    return { inputs: { first: await load(first), last: await load(last) } }
  },
}

/** Clips of a pair that are missing or gone. Pure. */
export function pairProblems({ first, last }: v.InferOutput<typeof PairInputs>, context: ProblemContext): InputProblem[] {
  return [...slotProblem(context, 'first', first, 'Choose the first clip.'), ...slotProblem(context, 'last', last, 'Choose the second clip.')]
}
