// The content of a test clip, shared by the worker that draws it and the test that checks it.
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
  /** stored in the file */
  recipe?: Recipe
}

/** The color of frame `index`, RGB u8: neighbors differ clearly in red. */
export function colorOf(index: number): [red: number, green: number, blue: number] {
  const red = 30 + ((index * 20) % 200)
  return [red, 240 - red, (index * 90) % 256]
}
