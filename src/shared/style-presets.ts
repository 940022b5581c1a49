// Style presets: text that is added to the end of a prompt.
import { understands } from './scene-vocabulary'
import type { ModelManifest } from './model'

/** A style and its texts. The first one that a model's vocabulary covers is used, otherwise the first. */
interface StylePreset {
  name: string
  texts: readonly [string, ...string[]]
}

export const STYLE_PRESETS: readonly StylePreset[] = [
  { name: 'Cinematic', texts: ['cinematic lighting, shallow depth of field, film still'] },
  { name: '35 mm grain', texts: ['shot on 35 mm film, visible grain, soft highlights', '35 mm film grain'] },
  { name: 'Stop motion', texts: ['stop motion animation, handmade clay figures'] },
  { name: 'Watercolor', texts: ['watercolor painting, soft washes on paper', 'watercolour style'] },
  { name: 'Neon', texts: ['neon lights, glowing colors in the dark', 'neon style'] },
  { name: 'Noir', texts: ['film noir, black and white, hard shadows', 'noir style'] },
  { name: 'Pastel', texts: ['soft pastel colors, gentle light', 'pastel style'] },
  { name: 'Flat', texts: ['flat illustration, simple shapes, plain colors', 'flat style'] },
  { name: 'Pixel art', texts: ['pixel art, 8-bit colors', 'pixel art'] },
  { name: 'Paper cut-out', texts: ['paper cut-out animation, layered paper', 'paper cut-out style'] },
  { name: 'Anime', texts: ['hand-drawn anime, clean lines, bright colors'] },
  { name: 'Documentary', texts: ['documentary footage, handheld camera, natural light'] },
  { name: 'Old film', texts: ['old 8 mm home film, scratches, faded colors'] },
  { name: 'Oil painting', texts: ['oil painting, thick brush strokes'] },
]

/** A style for a model. */
export interface AvailableStyle {
  name: string
  text: string
  /** whether the model's vocabulary covers the text */
  known: boolean
}

/** All styles, those within the model's vocabulary first. Pure. */
export function availableStyles(model: ModelManifest): AvailableStyle[] {
  const styles = STYLE_PRESETS.map(({ name, texts }) => {
    const known = texts.find((text) => understands(model, text))
    return { name, text: known ?? texts[0], known: known !== undefined }
  })
  return [...styles.filter(({ known }) => known), ...styles.filter(({ known }) => !known)]
}
