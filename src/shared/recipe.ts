// A recipe: everything that a clip was made from, as a file of its own or inside the clip's file. It may come from another version:
// what is not understood is listed, and the rest is used.
import * as v from 'valibot'
import { AppError } from './errors'
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
    v.record(v.string(), v.unknown()),
    v.transform((request) => upgradeRequest(request) as Record<string, unknown>),
  ),
  model: v.object({ id: v.string(), name: v.string(), version: v.optional(v.number()) }),
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
  const parsed = v.safeParse(RecipeSchema, data)
  if (!parsed.success) {
    const issue = parsed.issues[0]
    const field = v.getDotPath(issue) ?? 'file'
    throw new AppError('bad-request', `This is not a Kinora recipe: ${field}: expected ${issue.expected ?? 'another value'}, got ${issue.received}.`, { field })
  }
  const { version, model } = parsed.output
  const { request, refused } = readRequest(parsed.output.request)
  const recipe: Recipe = { format: RECIPE_FORMAT, version, request, model }
  const newer = version > RECIPE_VERSION ? [`version ${version} is newer than ${RECIPE_VERSION}, which is understood`] : []
  return {
    recipe,
    ignored: [...newer, ...refused, ...lostFields({ ...(data as object), request: parsed.output.request }, recipe).filter((path) => !refused.includes(path))],
  }
}

/** The request, field by field. @throws AppError bad-request */
function readRequest(given: Record<string, unknown>): { request: GenerateRequest; refused: string[] } {
  const kept: Record<string, unknown> = {}
  const refused: string[] = []
  for (const [field, schema] of Object.entries(GenerateRequestSchema.entries)) {
    const parsed = v.safeParse(schema as v.GenericSchema, given[field])
    if (parsed.success) {
      if (parsed.output !== undefined) kept[field] = parsed.output
    } else if (schema.type === 'optional') {
      refused.push(`request.${field}`)
    } else {
      const [issue] = parsed.issues
      throw new AppError('bad-request', `The recipe does not fit: request.${field}: expected ${issue.expected ?? issue.message}, got ${issue.received}.`, {
        field,
      })
    }
  }
  return { request: v.parse(GenerateRequestSchema, kept), refused }
}

/** Paths of `given` that are not in `kept`. */
function lostFields(given: unknown, kept: unknown, path = ''): string[] {
  if (given === null || typeof given !== 'object' || kept === null || typeof kept !== 'object') return []
  const others = kept as Record<string, unknown>
  return Object.entries(given).flatMap(([field, value]) => {
    const at = path === '' ? field : `${path}.${field}`
    return field in others ? lostFields(value, others[field], at) : value === undefined ? [] : [at]
  })
}

/** Every clip, image and video that a request names, each once. Pure. */
export function mediaRefsOf({ conditions = [], initVideo, prefix, suffix, shots = [] }: GenerateRequest): MediaRef[] {
  const all = [...conditions, ...shots.flatMap((shot) => shot.conditions ?? []), initVideo, prefix, suffix].flatMap((part) => part?.source ?? [])
  return all.filter(({ kind, id }, index) => all.findIndex((other) => other.kind === kind && other.id === id) === index)
}
