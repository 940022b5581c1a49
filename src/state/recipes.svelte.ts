import { openAsset, videoTag } from '../rpc/library'
import { cutText, toErrorData } from '../shared/errors'
import type { ErrorData } from '../shared/errors'
import { MODE_FIELDS } from '../shared/modes'
import { mediaRefsOf, type Recipe } from '../shared/recipe'
import { readRecipeFile } from '../shared/recipe-file'
import type { GenerateRequest, MediaRef } from '../shared/request'
import { draft } from './draft.svelte'
import { library } from './library.svelte'
import { VIDEO_ENTRIES } from './model-set'
import { models } from './models.svelte'
import { session, STARTER } from './session.svelte'

/** The result of opening a recipe. */
export interface OpenedRecipe {
  /** file name */
  name: string
  prompt: string
  /** sentences about the model and the media that the recipe needs and that are missing */
  missing: string[]
  /** fields that are unknown or not supported by the form */
  ignored: string[]
}

/** Loads the settings of recipe files into the form. */
class Recipes {
  reading = $state(false)
  opened = $state.raw<OpenedRecipe | null>(null)
  error = $state.raw<ErrorData | null>(null)

  /** Loads every setting of a recipe file into the form, and collects what is missing. Never rejects. @returns whether the file has a recipe */
  async open(file: File): Promise<boolean> {
    this.reading = true
    this.dismiss()
    try {
      const { recipe, ignored } = await readRecipeFile(file, videoTag)
      const { request } = recipe
      const model = await this.#findModel(recipe)
      const sources = await missingSources(request)
      draft.use(model.usable ? request : { ...request, model: session.modelId })
      this.opened = {
        name: cutText(file.name),
        prompt: request.prompt,
        missing: [...model.missing, ...sources],
        ignored: [...ignored, ...this.#unsupportedFields(request)],
      }
      return true
    } catch (thrown) {
      this.error = toErrorData(thrown)
      return false
    } finally {
      this.reading = false
    }
  }

  dismiss(): void {
    this.opened = null
    this.error = null
  }

  /** The model of a recipe for a request. */
  modelOf({ model: id }: GenerateRequest): Recipe['model'] {
    const current = session.model
    if (current?.id === id) return { id, name: current.name, version: current.version }
    return { id, name: VIDEO_ENTRIES.find((source) => source.id === id)?.name ?? id }
  }

  /** Switches to the recipe's model if it is installed. */
  async #findModel({ model: { id, name, version }, request }: Recipe): Promise<{ usable: boolean; missing: string[] }> {
    const fallback = () => `Using ${session.model?.name ?? 'the current model'} instead.`
    const source = VIDEO_ENTRIES.find((one) => one.id === request.model)
    if (!session.canUse(request.model))
      return { usable: false, missing: [`This version of Kinora does not support the model “${name}” (${id}). ${fallback()}`] }
    if (source && request.model !== STARTER) {
      await models.load()
      if (models.progress(source).status !== 'complete')
        return { usable: false, missing: [`${source.name} is not installed. Download it in Models. ${fallback()}`] }
    }
    await session.use(request.model)
    const current = session.model
    const differs = current !== null && version !== undefined && version !== current.version
    return {
      usable: true,
      missing: differs
        ? [`The recipe uses version ${version} of ${current.name}, but version ${current.version} is installed. The clip will look different.`]
        : [],
    }
  }

  /** Fields of a request that the form does not support. */
  #unsupportedFields(request: GenerateRequest): string[] {
    const model = session.model
    if (!model) return []
    const restored = draft.request(model)
    const fields = [...MODE_FIELDS, 'guidanceRescale', 'stg', 'cacheThreshold'] as const
    return fields.filter((field) => request[field] !== undefined && sorted(request[field]) !== sorted(restored[field])).map((field) => `request.${field}`)
  }
}

/** Sentences about the clips and files of a request that are missing. */
async function missingSources(request: GenerateRequest): Promise<string[]> {
  const sources = mediaRefsOf(request)
  if (sources.some(({ kind }) => kind === 'clip') && library.status !== 'ready') await library.load()
  const available = await Promise.all(sources.map(isAvailable))
  const notes: Record<MediaRef['kind'], string> = {
    clip: 'An input clip is no longer in Library',
    image: 'An input image is not on this device',
    video: 'An input video is not on this device',
  }
  return sources.flatMap(({ kind, id }, index) => (available[index] ? [] : [`${notes[kind]} (${id.slice(0, 8)}).`]))
}

async function isAvailable({ kind, id }: MediaRef): Promise<boolean> {
  if (kind === 'clip') return library.clips.some((clip) => clip.id === id)
  return openAsset(id).then(
    () => true,
    () => false,
  )
}

/** JSON with sorted keys, for comparison. */
function sorted(value: unknown): string | undefined {
  return JSON.stringify(value, (_field, part: unknown) =>
    part !== null && typeof part === 'object' && !Array.isArray(part) ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1))) : part,
  )
}

export const recipes = new Recipes()
