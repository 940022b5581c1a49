import * as v from 'valibot'
import type { ModelManifest } from '../shared/model'
import type { GenerateRequest } from '../shared/request'
import { fromWords, give, MadeFromSchema, type ClipMode, type Given } from './made-from'
import { madeFromProblems, type MadeFromProblem } from './made-from-problems'
import { madeFromOf, madeFromRequest } from './made-from-request'
import { sources } from './media-assets.svelte'
import { readStored, writeStored } from './stored'

const StoredDraft = v.object({
  /** before there were others, it was the starter's */
  model: v.optional(v.string(), 'starter'),
  prompt: v.string(),
  negativePrompt: v.string(),
  width: v.number(),
  height: v.number(),
  frames: v.number(),
  fps: v.number(),
  steps: v.number(),
  guidance: v.number(),
  /** there was none before */
  cacheThreshold: v.optional(v.number(), 0),
  seedMode: v.picklist(['random', 'fixed']),
  seed: v.number(),
  /** one that this version does not know does not cost the words */
  madeFrom: v.optional(v.fallback(MadeFromSchema, fromWords), fromWords),
})

/** A random u32. */
export function drawSeed(): number {
  return crypto.getRandomValues(new Uint32Array(1))[0] ?? 0
}

/** The form of the create view: the next request, as far as it is written. Kept across reloads. */
class Draft {
  /** id of the model whose settings these are */
  model = $state('')
  prompt = $state('')
  negativePrompt = $state('')
  /** pixels */
  width = $state(0)
  height = $state(0)
  frames = $state(0)
  /** pictures per second */
  fps = $state(0)
  steps = $state(0)
  guidance = $state(1)
  /** of reuse between steps; 0: off */
  cacheThreshold = $state(0)
  seedMode = $state<'random' | 'fixed'>('random')
  /** u32; used when the seed is fixed, and shown as grain on the screen before a clip is made */
  seed = $state(drawSeed())

  /** what the clip is made from besides words */
  madeFrom = $state(fromWords())

  constructor() {
    const stored = v.safeParse(StoredDraft, readStored('draft'))
    if (stored.success) Object.assign(this, stored.output)
  }

  /** Fills in the model's defaults where nothing was chosen yet, or for another model. The words stay. */
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

  /** Back to the model's defaults; the words stay. */
  reset(model: ModelManifest): void {
    this.frames = 0
    this.cacheThreshold = 0
    this.seedMode = 'random'
    this.adopt(model)
  }

  /** Takes over a made clip's words and settings, its seed fixed so that the same clip can come again. */
  use(request: GenerateRequest): void {
    const { model, prompt, negativePrompt = '', width, height, frames, fps, steps, guidance, cacheThreshold = 0, seed } = request
    Object.assign(this, { model, prompt, negativePrompt, width, height, frames, fps, steps, guidance, cacheThreshold, seed, seedMode: 'fixed', madeFrom: madeFromOf(request) })
  }

  /** Makes the next clip from a clip of the library, or a picture of it: in its size and at its rate, with a new seed. */
  makeFrom({ prompt, negativePrompt = '', width, height, fps }: GenerateRequest, mode: ClipMode | 'picture', given: Given): void {
    Object.assign(this, { prompt, negativePrompt, width, height, fps, seedMode: 'random' })
    give(this.madeFrom, mode, given)
  }

  /** Takes over single settings, such as the nearest allowed size. */
  take(settings: Partial<GenerateRequest>): void {
    Object.assign(this, settings)
  }

  /** The request as it stands, with this seed. */
  request(model: ModelManifest): GenerateRequest {
    const guided = this.guidance > 1 ? model.guided : undefined
    const negativePrompt = this.negativePrompt.trim() || (guided?.negativePrompt ?? '')
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
      ...madeFromRequest(this.madeFrom, this, model),
    }
  }

  /** What is missing or wrong of what the clip is made from. */
  problems(model: ModelManifest): MadeFromProblem[] {
    const { madeFrom: made, prompt, frames, fps } = this
    const problems = madeFromProblems({ made, prompt: prompt.trim(), frames, fps, model, isGone: (id) => sources.gone.has(id) })
    return sources.reading > 0 ? [{ at: 'reading', text: 'What you have chosen is being read.', missing: true }, ...problems] : problems
  }

  save(): void {
    const { model, prompt, negativePrompt, width, height, frames, fps, steps, guidance, cacheThreshold, seedMode, seed, madeFrom } = this
    writeStored('draft', { model, prompt, negativePrompt, width, height, frames, fps, steps, guidance, cacheThreshold, seedMode, seed, madeFrom })
  }
}

export const draft = new Draft()
