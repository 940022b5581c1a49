import * as v from 'valibot'
import { misfitOf, MOST, textUpTo } from '../shared/file-bounds'
import type { ModelManifest } from '../shared/model'
import {
  emptyInputs,
  hasUnreadInputs,
  inputProblems,
  inputsToRequest,
  modeById,
  ModeIdSchema,
  ModeInputsSchema,
  requestToInputs,
  type ModeId,
} from '../shared/modes'
import type { InputProblem, MediaInput } from '../shared/modes/mode'
import type { GenerateRequest } from '../shared/request'
import { upgradeDraft } from '../shared/upgrade'
import { mediaAssets } from './media-assets.svelte'
import { isStored, moveStored, readStored, writeStored } from './stored'

/** A number of the form; a field that was left empty is stored as null. */
const setting = (most: number) =>
  v.pipe(
    v.nullable(v.number()),
    v.transform((value) => value ?? 0),
    v.minValue(0),
    v.maxValue(most),
  )

const StoredDraft = v.object({
  /** drafts of the first version have none: they are the starter's */
  model: v.optional(textUpTo(MOST.nameCharacters), 'starter'),
  prompt: textUpTo(MOST.promptCharacters),
  negativePrompt: textUpTo(MOST.promptCharacters),
  width: setting(MOST.side),
  height: setting(MOST.side),
  frames: setting(MOST.frames),
  fps: setting(120),
  steps: setting(MOST.steps),
  guidance: setting(1000),
  cacheThreshold: v.optional(setting(1), 0),
  seedMode: v.picklist(['random', 'fixed']),
  seed: setting(0xffffffff),
  /** a mode or inputs that this version cannot read do not cost the prompt */
  mode: v.optional(v.fallback(ModeIdSchema, 't2v'), 't2v'),
  inputs: v.optional(v.fallback(ModeInputsSchema, emptyInputs), emptyInputs),
})

/** Key of the last draft that could not be restored. */
const ASIDE = 'draft.aside'

/** A random u32. */
export function drawSeed(): number {
  return crypto.getRandomValues(new Uint32Array(1))[0] ?? 0
}

/** The form of the create view: the next request, as far as it is filled in. Stored, so that it is there after a reload. */
class Draft {
  /** id of the model whose settings these are */
  model = $state('')
  prompt = $state('')
  negativePrompt = $state('')
  /** pixels */
  width = $state(0)
  height = $state(0)
  frames = $state(0)
  /** frames per second */
  fps = $state(0)
  steps = $state(0)
  guidance = $state(1)
  /** of the first-block cache; 0: off */
  cacheThreshold = $state(0)
  seedMode = $state<'random' | 'fixed'>('random')
  /** u32; used when the seed is fixed, and shown as grain on the screen before a clip is made */
  seed = $state(drawSeed())

  /** why the stored draft could not be restored, or not all of it: it is kept under another key */
  setAside = $state<string | null>(null)

  mode = $state<ModeId>('t2v')
  /** of every mode: those of the others stay while one is chosen */
  inputs = $state(emptyInputs())

  constructor() {
    if (!isStored('draft')) return
    const data = upgradeDraft(readStored('draft'))
    const stored = v.safeParse(StoredDraft, data, { abortEarly: true })
    if (stored.success) Object.assign(this, stored.output)
    else this.setAside = `${misfitOf(stored.issues[0]).text}.`
    if (stored.success && hasUnreadInputs((data as { inputs?: unknown }).inputs)) this.setAside = 'Its images, clips or cards do not fit; the words are here.'
    if (this.setAside !== null) moveStored('draft', ASIDE)
  }

  /** Fills in the model's defaults where nothing was chosen yet, or for another model. The prompts stay. */
  adopt(model: ModelManifest): void {
    if (this.frames !== 0 && this.model === model.id) return
    this.model = model.id
    const { width, height } = model.sizes[0] ?? { width: 0, height: 0 }
    Object.assign(this, {
      width,
      height,
      frames: model.frames.default,
      fps: model.fps.default,
      steps: model.steps.default,
      guidance: model.guidance.default,
    })
  }

  /** Back to the model's defaults; the prompts stay. */
  reset(model: ModelManifest): void {
    this.frames = 0
    this.cacheThreshold = 0
    this.seedMode = 'random'
    this.adopt(model)
  }

  /** Takes over the prompts, settings and mode of a clip, and fixes its seed, so that the same clip can be made again. */
  use(request: GenerateRequest): void {
    const { model, prompt, negativePrompt = '', width, height, frames, fps, steps, guidance, cacheThreshold = 0, seed } = request
    Object.assign(this, {
      model,
      prompt,
      negativePrompt,
      width,
      height,
      frames,
      fps,
      steps,
      guidance,
      cacheThreshold,
      seed,
      seedMode: 'fixed',
      ...requestToInputs(request),
    })
  }

  /** Sets up a clip that is made from a clip of the library, or an image of it: in its size and at its rate, with a new seed. */
  makeFrom({ prompt, negativePrompt = '', width, height, fps }: GenerateRequest, mode: ModeId, media: MediaInput): void {
    Object.assign(this, { prompt, negativePrompt, width, height, fps, seedMode: 'random' })
    this.begin(mode, media)
  }

  /** Chooses a mode, and puts media into its first input. */
  begin(mode: ModeId, media: MediaInput): void {
    this.mode = mode
    Object.assign(this.inputs, { [mode]: modeById(mode).from?.inputs(media) })
  }

  /** Takes over single settings, such as the nearest allowed size. */
  take(settings: Partial<GenerateRequest>): void {
    Object.assign(this, settings)
  }

  /** The request as it stands, with this seed. */
  request(model: ModelManifest): GenerateRequest {
    const guided = this.guidance > 1 ? model.guided : undefined
    const negativePrompt = model.capabilities.negativePrompt ? this.negativePrompt.trim() || (guided?.negativePrompt ?? '') : ''
    return {
      model: model.id,
      prompt: this.prompt.trim(),
      ...(negativePrompt && { negativePrompt }),
      width: this.width,
      height: this.height,
      frames: this.frames,
      fps: this.fps,
      steps: this.steps,
      guidance: this.guidance,
      ...(guided && { guidanceRescale: guided.guidanceRescale }),
      ...(guided?.stg && { stg: guided.stg }),
      ...(this.cacheThreshold > 0 && { cacheThreshold: this.cacheThreshold }),
      seed: this.seed,
      ...inputsToRequest(this.mode, this.inputs, { frames: this.frames, fps: this.fps, model }),
    }
  }

  /** What is missing or wrong of the mode's inputs. */
  problems(model: ModelManifest): InputProblem[] {
    const { mode, inputs, prompt, frames, fps } = this
    const problems = inputProblems(mode, inputs, { prompt: prompt.trim(), frames, fps, model, isGone: (id) => mediaAssets.gone.has(id) })
    return mediaAssets.reading > 0 ? [{ at: 'reading', text: 'The chosen file is loading.', missing: true }, ...problems] : problems
  }

  save(): void {
    const { model, prompt, negativePrompt, width, height, frames, fps, steps, guidance, cacheThreshold, seedMode, seed, mode, inputs } = this
    writeStored('draft', { model, prompt, negativePrompt, width, height, frames, fps, steps, guidance, cacheThreshold, seedMode, seed, mode, inputs })
  }
}

export const draft = new Draft()
