import * as v from 'valibot'
import { conditionInput, conditionOf, GIVEN_FRAMES, mediaSlot, slotProblem, strength, type Mode } from './mode'

const Inputs = v.object({ image: mediaSlot, strength })
const FLAGS = { image: { kind: 'file', what: 'an image' }, 'condition-strength': { kind: 'number', min: 0, max: 1 } } as const

/** An image as the first frame. */
export const i2v: Mode<'i2v', v.InferOutput<typeof Inputs>, typeof FLAGS> = {
  id: 'i2v',
  label: 'Image to video',
  description: 'The image is the first frame, and the clip continues from it.',
  needs: GIVEN_FRAMES,
  schema: Inputs,
  empty: () => ({ image: null, strength: 1 }),
  toRequest: ({ image, strength: kept }) => (image ? { conditions: [conditionOf(image, 0, kept)] } : {}),
  fromRequest({ conditions = [] }) {
    const [only, other] = conditions.filter(({ source }) => source.kind === 'image')
    return only?.atFrame === 0 && !other ? { image: conditionInput(only), strength: only.strength } : undefined
  },
  problems: ({ image }, context) => slotProblem(context, 'image', image, 'Choose an image.'),
  form: [
    { kind: 'image', key: 'image', label: 'Image', hint: 'Choose, drop or paste an image.', cropper: true },
    { kind: 'strength', key: 'strength', label: 'Strength', hint: '1 keeps the image as it is; less lets the model change it', min: 0.1, when: 'image' },
  ],
  from: { kind: 'image', inputs: (image) => ({ image, strength: 1 }) },
  flags: FLAGS,
  required: ['image'],
  isChosen: ({ image }) => image !== undefined,
  fromFlags: async (flags, files) => ({
    inputs: { image: flags.image === undefined ? null : await files.load(flags.image), strength: flags['condition-strength'] ?? 1 },
  }),
}
