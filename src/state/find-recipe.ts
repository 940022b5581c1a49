// The recipe in a file that a person gives: a recipe file, a picture or a video that carries one.
import { videoTag } from '../rpc/library'
import { AppError } from '../shared/errors'
import { isPng, readPngText } from '../shared/png-text'
import { parseRecipe, RECIPE_KEYWORD, RECIPE_TAG, type ReadRecipe } from '../shared/recipe'

/** A recipe is a few kilobytes. */
const MOST_TEXT = 4 * 2 ** 20
/** Of a picture that is read whole. */
const MOST_PICTURE = 256 * 2 ** 20

/** Reads the recipe of a file. @throws AppError bad-request where it has none, or one that cannot be read */
export async function findRecipe(file: File): Promise<ReadRecipe> {
  const text = await recipeIn(file)
  if (text === null) {
    throw new AppError('bad-request', `${file.name} carries no recipe: expected a recipe file, or a clip or still that Kinora made and nothing else has rewritten.`, { file: file.name })
  }
  let data: unknown
  try {
    data = JSON.parse(text)
  } catch {
    throw new AppError('bad-request', `${file.name} is no recipe: expected JSON, got other text.`, { file: file.name })
  }
  return parseRecipe(data)
}

async function recipeIn(file: File): Promise<string | null> {
  if (/\.json$/i.test(file.name) || file.type === 'application/json') {
    if (file.size > MOST_TEXT) throw new AppError('bad-request', `${file.name} is no recipe: expected a few kilobytes, got ${Math.round(file.size / 2 ** 20)} MiB.`, { file: file.name })
    return file.text()
  }
  if (isPng(new Uint8Array(await file.slice(0, 8).arrayBuffer()))) {
    return file.size > MOST_PICTURE ? null : readPngText(new Uint8Array(await file.arrayBuffer()), RECIPE_KEYWORD)
  }
  // other pictures and texts have nothing that could be read
  return /^(image|text|audio)\//.test(file.type) ? null : videoTag(file, RECIPE_TAG)
}
