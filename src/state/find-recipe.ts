// The recipe in a file: a recipe file, or an image or a video that contains one.
import { videoTag } from '../rpc/library'
import { AppError } from '../shared/errors'
import { isPng, readPngText } from '../shared/png-text'
import { parseRecipe, RECIPE_KEYWORD, RECIPE_TAG, type ReadRecipe } from '../shared/recipe'

/** A recipe is a few kilobytes. */
const MOST_TEXT = 4 * 2 ** 20
/** An image is read whole. */
const MOST_IMAGE = 256 * 2 ** 20

/** Reads the recipe of a file. @throws AppError bad-request where it has none, or an unreadable one */
export async function findRecipe(file: File): Promise<ReadRecipe> {
  const text = await recipeIn(file)
  if (text === null) {
    throw new AppError('bad-request', `${file.name} contains no recipe: expected a recipe file, or a clip or still that Kinora made and no other program has saved since.`, { file: file.name })
  }
  let data: unknown
  try {
    data = JSON.parse(text)
  } catch {
    throw new AppError('bad-request', `${file.name} is not a recipe: expected JSON, got other text.`, { file: file.name })
  }
  return parseRecipe(data)
}

async function recipeIn(file: File): Promise<string | null> {
  if (/\.json$/i.test(file.name) || file.type === 'application/json') {
    if (file.size > MOST_TEXT) throw new AppError('bad-request', `${file.name} is not a recipe: expected a few kilobytes, got ${Math.round(file.size / 2 ** 20)} MiB.`, { file: file.name })
    return file.text()
  }
  if (isPng(new Uint8Array(await file.slice(0, 8).arrayBuffer()))) {
    return file.size > MOST_IMAGE ? null : readPngText(new Uint8Array(await file.arrayBuffer()), RECIPE_KEYWORD)
  }
  // other images and texts have no place for a recipe
  return /^(image|text|audio)\//.test(file.type) ? null : videoTag(file, RECIPE_TAG)
}
