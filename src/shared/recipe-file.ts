// The recipe of a file: a recipe file, or the one that a clip carries.
import { AppError } from './errors'
import { isPng, readPngText } from './png-text'
import { parseRecipe, RECIPE_KEYWORD, RECIPE_TAG, type ReadRecipe } from './recipe'

/** Limit of a recipe file in bytes; recipes take a few kilobytes. */
const MAX_TEXT_BYTES = 4 * 2 ** 20
/** Limit of an image in bytes, which is read as a whole. */
const MAX_IMAGE_BYTES = 256 * 2 ** 20

/** Reads a text tag of a video file by its name; null if it has none. */
export type ReadVideoTag = (file: Blob, name: string) => Promise<string | null>

/**
 * Reads the recipe of a recipe file, or the one embedded in a PNG, WebM or MP4.
 * @throws AppError bad-request if there is none or it is invalid
 */
export async function readRecipeFile(file: File, readVideoTag: ReadVideoTag): Promise<ReadRecipe> {
  const text = await recipeIn(file, readVideoTag)
  if (text === null) {
    throw new AppError('bad-request', `${file.name} has no recipe. Expected a recipe file, or an unmodified clip made with Kinora.`, { file: file.name })
  }
  let data: unknown
  try {
    data = JSON.parse(text)
  } catch {
    throw new AppError('bad-request', `${file.name} is not a recipe. Expected JSON, got other text.`, { file: file.name })
  }
  return parseRecipe(data)
}

async function recipeIn(file: File, readVideoTag: ReadVideoTag): Promise<string | null> {
  if (/\.json$/i.test(file.name) || file.type === 'application/json') {
    if (file.size > MAX_TEXT_BYTES)
      throw new AppError('bad-request', `${file.name} is not a recipe. Expected a few kilobytes, got ${Math.round(file.size / 2 ** 20)} MiB.`, {
        file: file.name,
      })
    return file.text()
  }
  if (isPng(new Uint8Array(await file.slice(0, 8).arrayBuffer()))) {
    return file.size > MAX_IMAGE_BYTES ? null : readPngText(new Uint8Array(await file.arrayBuffer()), RECIPE_KEYWORD)
  }
  // other images, texts and audio files carry no recipe
  return /^(image|text|audio)\//.test(file.type) ? null : readVideoTag(file, RECIPE_TAG)
}
