// What a test clip looks like; known to the worker that draws it and to the test that looks at it.
import type { Recipe } from '../../../src/shared/recipe'
import type { Codec } from '../../../workers/media/encode'

export interface ClipSpec {
  width: number
  height: number
  fps: number
  frames: number
  codecs?: Codec[]
  noise?: boolean
  /** draws fewer frames than announced */
  stopAfter?: number
  /** for the file to carry */
  recipe?: Recipe
}

/** The colour of frame `index`, RGB u8: neighbours differ clearly in red. */
export function colourOf(index: number): [red: number, green: number, blue: number] {
  const red = 30 + ((index * 20) % 200)
  return [red, 240 - red, (index * 90) % 256]
}
