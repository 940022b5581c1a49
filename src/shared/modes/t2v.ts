import * as v from 'valibot'
import type { Mode } from './mode'

const Inputs = v.object({})

/** The prompt alone. */
export const t2v: Mode<'t2v', v.InferOutput<typeof Inputs>, Record<never, never>> = {
  id: 't2v',
  label: 'Text to video',
  description: 'The prompt alone. An image that is dropped or pasted here starts the clip.',
  needs: [],
  schema: Inputs,
  empty: () => ({}),
  toRequest: () => ({}),
  fromRequest: () => ({}),
  problems: () => [],
  form: [],
  flags: {},
  required: [],
  isChosen: () => false,
  fromFlags: () => Promise.resolve({ inputs: {} }),
}
