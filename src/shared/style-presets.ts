// Styles as words at the end of a prompt, where they can be edited.
import { understands } from './scene-vocabulary'
import type { ModelManifest } from './model'

/** A style, and the words that ask for it: the first that a model knows, or the first of all. */
interface StylePreset {
  name: string
  words: readonly [string, ...string[]]
}

export const STYLE_PRESETS: readonly StylePreset[] = [
  { name: 'Cinematic', words: ['cinematic lighting, shallow depth of field, film still'] },
  { name: '35 mm grain', words: ['shot on 35 mm film, visible grain, soft highlights', '35 mm film grain'] },
  { name: 'Stop motion', words: ['stop motion animation, handmade clay figures'] },
  { name: 'Watercolour', words: ['watercolour painting, soft washes on paper', 'watercolour style'] },
  { name: 'Neon', words: ['neon lights, glowing colours in the dark', 'neon style'] },
  { name: 'Noir', words: ['film noir, black and white, hard shadows', 'noir style'] },
  { name: 'Pastel', words: ['soft pastel colours, gentle light', 'pastel style'] },
  { name: 'Flat', words: ['flat illustration, simple shapes, plain colours', 'flat style'] },
  { name: 'Pixel art', words: ['pixel art, 8-bit colours', 'pixel art'] },
  { name: 'Paper cut-out', words: ['paper cut-out animation, layered paper', 'paper cut-out style'] },
  { name: 'Anime', words: ['hand-drawn anime, clean lines, bright colours'] },
  { name: 'Documentary', words: ['documentary footage, handheld camera, natural light'] },
  { name: 'Old film', words: ['old 8 mm home film, scratches, faded colours'] },
  { name: 'Oil painting', words: ['oil painting, thick brush strokes'] },
]

/** A style as it is offered for a model. */
export interface OfferedStyle {
  name: string
  words: string
  /** whether the model knows all of the words */
  known: boolean
}

/** All styles, those that the model knows first. Pure. */
export function offeredStyles(model: ModelManifest): OfferedStyle[] {
  const offered = STYLE_PRESETS.map(({ name, words }) => {
    const known = words.find((text) => understands(model, text))
    return { name, words: known ?? words[0], known: known !== undefined }
  })
  return [...offered.filter(({ known }) => known), ...offered.filter(({ known }) => !known)]
}
