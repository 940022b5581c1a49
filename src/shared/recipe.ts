// A recipe: everything that a clip was made from, as a file of its own or inside the clip's file. It may come from another version:
// what is not understood is listed, and the rest is used.
import * as v from 'valibot'
import { AppError, cutText } from './errors'
import { misfitError, misfitOf, MOST, parseFields, textUpTo } from './file-bounds'
import { GenerateRequestSchema, type GenerateRequest, type MediaRef } from './request'
import { upgradeRequest } from './upgrade'

/** The newest version that is understood. */
export const RECIPE_VERSION = 2
export const RECIPE_FORMAT = 'kinora-recipe'
/** Where a clip's file has it: the name of a WebM tag, and the keyword of a PNG text chunk. */
export const RECIPE_TAG = 'KINORA_RECIPE'
export const RECIPE_KEYWORD = 'kinora-recipe'

const RecipeSchema = v.object({
  format: v.literal(RECIPE_FORMAT),
  version: v.pipe(v.number(), v.minValue(1)),
  request: v.pipe(
    // v.record would drop keys such as __proto__ without a word
    v.custom<Record<string, unknown>>((value) => typeof value === 'object' && value !== null && !Array.isArray(value), 'expected an object'),
    v.transform((request) => upgradeRequest(request) as Record<string, unknown>),
  ),
  model: v.object({ id: textUpTo(MOST.nameCharacters), name: textUpTo(MOST.nameCharacters), version: v.optional(v.number()) }),
})

/** What a clip was made from. */
export interface Recipe {
  format: typeof RECIPE_FORMAT
  version: number
  request: GenerateRequest
  /** that made it; `version` where it is known */
  model: { id: string; name: string; version?: number | undefined }
}

/** A recipe that was read, and what in it was not understood. */
export interface ReadRecipe {
  recipe: Recipe
  /** fields by their path, and a newer version, for the person to know */
  ignored: string[]
}

/** The recipe of a clip. */
export function recipeOf(request: GenerateRequest, { id, name, version }: Recipe['model']): Recipe {
  return { format: RECIPE_FORMAT, version: RECIPE_VERSION, request, model: { id, name, ...(version !== undefined && { version }) } }
}

/** The text of a recipe file. */
export function recipeText(recipe: Recipe): string {
  return `${JSON.stringify(recipe, null, 2)}\n`
}

/**
 * Reads a recipe. Unknown fields, optional ones that do not fit, and a newer version are listed and left out. Pure.
 * @throws AppError bad-request when it is none, or something that every request has is missing or does not fit
 */
export function parseRecipe(data: unknown): ReadRecipe {
  const {
    version,
    model,
    request: given,
  } = parseFields(RecipeSchema, data, (misfit) => misfitError('bad-request', 'recipe', 'This is not a Kinora recipe', misfit))
  const { request, refused } = readRequest(given)
  const recipe: Recipe = { format: RECIPE_FORMAT, version, request, model }
  const newer = version > RECIPE_VERSION ? [`version ${version} is newer than ${RECIPE_VERSION}, which is understood`] : []
  return {
    recipe,
    ignored: listed([...newer, ...refused, ...lostFields({ ...(data as object), request: given }, recipe).filter((path) => !refused.includes(path))]),
  }
}

/** The request, field by field. @throws AppError bad-request */
function readRequest(given: Record<string, unknown>): { request: GenerateRequest; refused: string[] } {
  const kept: Record<string, unknown> = {}
  const refused: string[] = []
  for (const [field, schema] of Object.entries(GenerateRequestSchema.entries)) {
    const value = Object.hasOwn(given, field) ? given[field] : undefined
    const parsed = v.safeParse(schema as v.GenericSchema, value, { abortEarly: true })
    if (parsed.success) {
      if (parsed.output !== undefined) kept[field] = parsed.output
    } else if (schema.type === 'optional' && !isOutOfBounds(parsed.issues[0])) {
      refused.push(`request.${field}`)
    } else {
      const misfit = misfitOf(parsed.issues[0])
      const at = ['request', field, misfit.field].filter((part) => part !== '').join('.')
      throw new AppError('bad-request', `The recipe does not fit: ${at}: expected ${misfit.expected}, got ${misfit.got}.`, {
        field: at,
        expected: misfit.expected,
        found: misfit.got,
      })
    }
  }
  return { request: v.parse(GenerateRequestSchema, kept), refused }
}

/** Whether a list or a text is longer than any that is meant: such a recipe is refused as a whole. */
function isOutOfBounds({ type }: v.BaseIssue<unknown>): boolean {
  return type === 'max_length'
}

/** Most entries of the list of what was not understood. */
const LONGEST_LIST = 50

function listed(ignored: readonly string[]): string[] {
  const shown = ignored.slice(0, LONGEST_LIST).map((path) => cutText(path))
  return ignored.length > LONGEST_LIST ? [...shown, `${ignored.length - LONGEST_LIST} more`] : shown
}

/** Paths of `given` that are not in `kept`. */
function lostFields(given: unknown, kept: unknown, path = ''): string[] {
  if (given === null || typeof given !== 'object' || kept === null || typeof kept !== 'object') return []
  const others = kept as Record<string, unknown>
  return Object.entries(given).flatMap(([field, value]) => {
    const at = path === '' ? field : `${path}.${field}`
    return Object.hasOwn(others, field) ? lostFields(value, others[field], at) : value === undefined ? [] : [at]
  })
}

/** Every clip, image and video that a request names, each once. Pure. */
export function mediaRefsOf({ conditions = [], initVideo, prefix, suffix, shots = [] }: GenerateRequest): MediaRef[] {
  const all = [...conditions, ...shots.flatMap((shot) => shot.conditions ?? []), initVideo, prefix, suffix].flatMap((part) => part?.source ?? [])
  return all.filter(({ kind, id }, index) => all.findIndex((other) => other.kind === kind && other.id === id) === index)
}
