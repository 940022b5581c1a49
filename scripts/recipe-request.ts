// `--recipe FILE`: the request of a recipe, with the flags that override it and the media that it names.
import { existsSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { AppError } from '../src/shared/errors'
import type { ModelManifest } from '../src/shared/model'
import { CATALOGUE, encodersOf } from '../src/shared/model-catalogue'
import { MODE_FIELDS, requestToInputs, type ModeId } from '../src/shared/modes'
import { mediaRefsOf, type Recipe } from '../src/shared/recipe'
import { readRecipeFile } from '../src/shared/recipe-file'
import type { GenerateRequest, MediaRef } from '../src/shared/request'
import { readVideoTag } from '../workers/media/inspect-video'
import { dist } from './build.mjs'
import { requireKind, UsageError, type GenerateFlags } from './generate-flags'
import { loadMedia, modeOf, type Keep } from './mode-request'

/** Characters of an id that messages show and `--media` takes at least. */
const SHOWN = 8

/** Reads the recipe of a file; says on stderr what in it was not understood. @throws UsageError */
export async function openRecipe(path: string): Promise<Recipe> {
  let bytes: Buffer<ArrayBuffer>
  try {
    bytes = readFileSync(path)
  } catch {
    throw new UsageError(`--recipe: ${path} cannot be read: expected a WebM, MP4, PNG or JSON file`)
  }
  try {
    const { recipe, ignored } = await readRecipeFile(new File([bytes], basename(path)), readVideoTag)
    for (const field of ignored) console.error(`recipe: not understood: ${field}`)
    return recipe
  } catch (error) {
    throw error instanceof AppError ? new UsageError(`--recipe: ${error.message}`) : error
  }
}

/**
 * The value of `--model` for a recipe's model: the name of a model that ships with the page.
 * @throws UsageError naming the flag for any other: a recipe does not say which text encoder was used, nor where a folder is
 */
export function modelFlagOf({ request: { model: id }, model: { name } }: Recipe): string {
  if (/^[\w.-]+$/.test(id) && existsSync(join(dist, 'models', id, 'kinora.json'))) return id
  const entry = CATALOGUE.find((one) => one.role === 'video' && one.id === id)
  if (!entry) throw new UsageError(`--model is missing: the recipe was made with ${name} (${id}); name its folder or address`)
  const encoders = encodersOf(entry.encoderKind ?? '').map((encoder) => encoder.id)
  throw new UsageError(
    `--model is missing: the recipe was made with ${entry.name}; expected --model "download:${id}?encoder=ENCODER" with the text encoder that was used (${encoders.join(', ')})`,
  )
}

/** Says on stderr where the model is not the recipe's. */
export function compareModel({ model: made }: Recipe, { id, name, version }: ModelManifest): void {
  if (made.id !== id) console.error(`recipe: made with ${made.name}, not with ${name}: the frames will differ`)
  else if (made.version !== undefined && made.version !== version)
    console.error(`recipe: made with version ${made.version} of ${name}, this is version ${version}: the frames will differ`)
}

/** Whether the flags say a mode, which then replaces the recipe's. @throws UsageError when they contradict each other */
function isModeGiven(flags: GenerateFlags): boolean {
  return flags.mode !== undefined || modeOf(flags) !== 't2v'
}

/** The mode that is meant: of the flags, else of the recipe. @throws UsageError */
export function recipeMode(flags: GenerateFlags, { request }: Recipe): ModeId {
  return isModeGiven(flags) ? modeOf(flags) : requestToInputs(request).mode
}

/** The request of a recipe, with the flags in place of its settings. @throws UsageError */
export function recipeRequest(flags: GenerateFlags, { request: made }: Recipe, { id: model }: Pick<ModelManifest, 'id'>): GenerateRequest {
  const { prompt, negative, width, height, frames, fps, steps, guidance, cache, seed } = flags
  const given = { prompt, negativePrompt: negative, width, height, frames, fps, steps, guidance, cacheThreshold: cache, seed }
  const request = { ...made, model, ...(Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as Partial<GenerateRequest>) }
  if (isModeGiven(flags)) for (const field of MODE_FIELDS) delete request[field]
  if (flags.seconds === undefined) requireKind(request.frames, flags.out)
  return request
}

/** The files of `--media`, each with the reference of the request that it stands for. @throws UsageError when the request has no such media */
export function givenMedia({ media = [] }: GenerateFlags, request: GenerateRequest): { ref: MediaRef; path: string }[] {
  const refs = mediaRefsOf(request)
  return media.map((entry) => {
    const at = entry.indexOf('=')
    const id = entry.slice(0, at)
    const ref = refs.find((one) => one.id.startsWith(id))
    if (ref) return { ref, path: entry.slice(at + 1) }
    const known = refs.map((one) => `${one.kind} ${one.id.slice(0, SHOWN)}`)
    throw new UsageError(`--media: expected the id of what the recipe is made from (${known.join(', ') || 'nothing'}), got ${id}`)
  })
}

/** @param isStored whether the page has it. @throws UsageError naming the flag that gives media which the request names and are not here */
export async function requireMedia(flags: GenerateFlags, request: GenerateRequest, isStored: (ref: MediaRef) => Promise<boolean>): Promise<void> {
  const given = givenMedia(flags, request)
  const missing: MediaRef[] = []
  for (const ref of mediaRefsOf(request)) if (!given.some((one) => one.ref === ref || one.ref.id === ref.id) && !(await isStored(ref))) missing.push(ref)
  if (missing.length === 0) return
  const what = missing.map(({ kind, id }) => `the ${kind} ${id.slice(0, SHOWN)}`).join(' and ')
  const how = missing.map(({ id }) => `--media ${id.slice(0, SHOWN)}=FILE`).join(' ')
  throw new UsageError(`--media is missing: the recipe is made from ${what}, not found here: expected ${how}`)
}

/** The request with the files of `--media`, which are stored in the page. Says on stderr which are other files than the recipe's. @throws UsageError */
export async function withGivenMedia(flags: GenerateFlags, request: GenerateRequest, keep: Keep): Promise<GenerateRequest> {
  let full = request
  for (const { ref, path } of givenMedia(flags, request)) {
    const { kind, id } = await loadMedia(path, keep)
    // images and videos are named by their SHA-256, clips of the library by the id of their record
    if (ref.kind !== 'clip' && id !== ref.id) console.error(`recipe: ${path} is another file than the recipe's: the frames will differ`)
    full = replaceMedia(full, ref, { kind, id })
  }
  return full
}

function replaceMedia(request: GenerateRequest, from: MediaRef, to: MediaRef): GenerateRequest {
  const isFrom = (value: unknown) => (value as MediaRef).kind === from.kind && (value as MediaRef).id === from.id
  return JSON.parse(JSON.stringify(request), (field, value: unknown) => (field === 'source' && isFrom(value) ? to : value)) as GenerateRequest
}
