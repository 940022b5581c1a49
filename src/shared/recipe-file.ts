// The recipe of a file: a recipe file, or the one that a clip carries.
import { AppError, cutText } from './errors'
import { MAX_FILE_BYTES } from './file-bounds'
import { isPng, readPngText } from './png-text'
import { parseRecipe, RECIPE_KEYWORD, RECIPE_TAG, type ReadRecipe } from './recipe'

/** Limit of an image in bytes, which is read as a whole. */
const MAX_IMAGE_BYTES = 256 * 2 ** 20

/** Reads a text tag of a video file by its name; null if it has none. */
export type ReadVideoTag = (file: Blob, name: string) => Promise<string | null>

/**
 * Reads the recipe of a recipe file, or the one embedded in a PNG, WebM or MP4.
 * @throws AppError bad-request if there is none or it is invalid
 */
export async function readRecipeFile(file: File, readVideoTag: ReadVideoTag): Promise<ReadRecipe> {
  const name = cutText(file.name)
  const text = await recipeIn(file, name, readVideoTag)
  if (text === null) throw new AppError('bad-request', `${name} has no recipe. Expected a recipe file, or an unmodified clip made with Kinora.`, { file: name })
  if (text.length > MAX_FILE_BYTES.recipe) throw tooLong(name, text.length)
  let data: unknown
  try {
    data = JSON.parse(text)
  } catch {
    throw new AppError('bad-request', `${name} is not a recipe. Expected JSON, got other text.`, { file: name })
  }
  return parseRecipe(data)
}

/** @param bytes or characters */
function tooLong(name: string, bytes: number): AppError {
  return new AppError('bad-request', `${name} is not a recipe. Expected a few kilobytes, got ${Math.round(bytes / 2 ** 20)} MiB.`, { file: name })
}

async function recipeIn(file: File, name: string, readVideoTag: ReadVideoTag): Promise<string | null> {
  if (/\.json$/i.test(file.name) || file.type === 'application/json') {
    if (file.size > MAX_FILE_BYTES.recipe) throw tooLong(name, file.size)
    return file.text()
  }
  if (isPng(new Uint8Array(await file.slice(0, 8).arrayBuffer()))) {
    return file.size > MAX_IMAGE_BYTES ? null : readPngText(new Uint8Array(await file.arrayBuffer()), RECIPE_KEYWORD)
  }
  // other images, texts and audio files carry no recipe
  return /^(image|text|audio)\//.test(file.type) ? null : readVideoTag(file, RECIPE_TAG)
}
