import { openAsset } from '../rpc/library'
import { toErrorData } from '../shared/errors'
import type { ErrorData } from '../shared/errors'
import { mediaRefsOf, type Recipe } from '../shared/recipe'
import type { GenerateRequest, MediaRef } from '../shared/request'
import { draft } from './draft.svelte'
import { findRecipe } from './find-recipe'
import { library } from './library.svelte'
import { VIDEO_SOURCES } from './model-set'
import { models } from './models.svelte'
import { session, STARTER } from './session.svelte'

/** What came of a recipe that was given to the page. */
export interface OpenedRecipe {
  /** of the file */
  name: string
  prompt: string
  /** what the clip needs and is not here, in sentences */
  missing: string[]
  /** fields that were not understood, or that the form has no place for */
  ignored: string[]
}

/** Recipes that a person drops on the page or opens: their settings go into the form. */
class Recipes {
  reading = $state(false)
  opened = $state.raw<OpenedRecipe | null>(null)
  error = $state.raw<ErrorData | null>(null)

  /** Takes over every setting of a file's recipe, and says what of it is missing here. Never rejects. @returns whether there was one */
  async open(file: File): Promise<boolean> {
    this.reading = true
    this.dismiss()
    try {
      const { recipe, ignored } = await findRecipe(file)
      const { request } = recipe
      const model = await this.#findModel(recipe)
      const sources = await missingSources(request)
      draft.use(model.usable ? request : { ...request, model: session.modelId })
      this.opened = { name: file.name, prompt: request.prompt, missing: [...model.missing, ...sources], ignored: [...ignored, ...this.#withoutPlace(request)] }
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

  /** The model's part of a clip's recipe, where only its request is at hand. */
  modelOf({ model: id }: GenerateRequest): Recipe['model'] {
    const now = session.model
    if (now?.id === id) return { id, name: now.name, version: now.version }
    return { id, name: VIDEO_SOURCES.find((source) => source.id === id)?.name ?? id }
  }

  /** Makes the recipe's model the one of the form, where it is here. */
  async #findModel({ model: { id, name, version }, request }: Recipe): Promise<{ usable: boolean; missing: string[] }> {
    const instead = () => `The settings are tried with ${session.model?.name ?? 'the model that is here'}.`
    const source = VIDEO_SOURCES.find((one) => one.id === request.model)
    if (!session.canUse(request.model)) return { usable: false, missing: [`The model “${name}” (${id}) is not known to this page. ${instead()}`] }
    if (source && request.model !== STARTER) {
      await models.load()
      if (models.progress(source).status !== 'complete') return { usable: false, missing: [`The model ${source.name} is not installed: Models has it. ${instead()}`] }
    }
    await session.use(request.model)
    const here = session.model
    const other = here !== null && version !== undefined && version !== here.version
    return { usable: true, missing: other ? [`It was made with version ${version} of ${here.name}, and here is version ${here.version}: the clip will be another one.`] : [] }
  }

  /** Parts of a request that the form does not give back. */
  #withoutPlace(request: GenerateRequest): string[] {
    const model = session.model
    if (!model) return []
    const back = draft.request(model)
    const fields = ['conditions', 'start', 'before', 'after', 'loop', 'shots', 'sameSeed', 'guidanceRescale', 'stg', 'cacheThreshold'] as const
    return fields.filter((field) => request[field] !== undefined && sorted(request[field]) !== sorted(back[field])).map((field) => `request.${field}`)
  }
}

/** Which of a request's clips and files are not here, in sentences. */
async function missingSources(request: GenerateRequest): Promise<string[]> {
  const sources = mediaRefsOf(request)
  if (sources.some(({ kind }) => kind === 'clip') && library.status !== 'ready') await library.load()
  const here = await Promise.all(sources.map(isHere))
  const words: Record<MediaRef['kind'], string> = {
    clip: 'A clip that it is made from is no longer in the library',
    image: 'A picture that it is made from is not on this machine',
    video: 'A video that it is made from is not on this machine',
  }
  return sources.flatMap(({ kind, id }, index) => (here[index] ? [] : [`${words[kind]} (${id.slice(0, 8)}).`]))
}

async function isHere({ kind, id }: MediaRef): Promise<boolean> {
  if (kind === 'clip') return library.clips.some((clip) => clip.id === id)
  return openAsset(id).then(
    () => true,
    () => false,
  )
}

/** JSON with its fields in one order, to compare. */
function sorted(value: unknown): string | undefined {
  return JSON.stringify(value, (_field, part: unknown) =>
    part !== null && typeof part === 'object' && !Array.isArray(part) ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1))) : part,
  )
}

export const recipes = new Recipes()
