// A request run as the page runs it, from sources in memory to frames in memory: no page, no files, no codec.
import { retainedFrames, planOf, type Piece } from '../../src/shared/plan'
import type { GenerateRequest } from '../../src/shared/request'
import type { Gpu } from '../../workers/engine/device'
import type { ClipSink } from '../../workers/pipeline/clip-sink'
import { RGBA_FORMAT, type FrameFormat } from '../../workers/pipeline/frame-format'
import { JobClock } from '../../workers/pipeline/job-clock'
import type { LoadedModel, PromptEmbedding } from '../../workers/pipeline/model'
import { FrameWriter } from '../../workers/pipeline/frame-writer'
import { runPlan, chunksOf, type PlanJob, type PlanResult } from '../../workers/pipeline/run-plan'
import type { Clip } from './clip'
import { memoryMedia } from './memory-sources'

export interface MemoryJob extends Pick<PlanJob, 'checkpoint' | 'endsEarly'>, Partial<Pick<PlanJob, 'tell'>> {
  model: LoadedModel
  /** one that fits the model */
  request: GenerateRequest
  /** clips that the request names, by their ids */
  given?: ReadonlyMap<string, Clip> | undefined
  embed: (prompt: string) => Promise<PromptEmbedding>
  /** of the clip's frames; RGBA where nothing is said */
  form?: FrameFormat | undefined
}

/** Makes the clip. `plan`: what it was made of; `framesSha256`: hex, of all frames. @throws as runPlan */
export async function clipInMemory(signal: AbortSignal, gpu: Gpu, { model, request, given = new Map<string, Clip>(), embed, form = RGBA_FORMAT, ...job }: MemoryJob): Promise<{ clip: Clip; plan: Piece[]; result: PlanResult; framesSha256: string; clock: JobClock }> {
  const { width, height } = request
  const plan = planOf(request, model.manifest)
  const frames: Uint8ClampedArray[] = []
  const sink: ClipSink = {
    form,
    add: (frame) => Promise.resolve(void frames.push(frame.slice())),
    finish: () => Promise.reject(new Error('The frames are the clip.')),
    abort: () => Promise.resolve(),
  }
  const embedded = new Map<string, PromptEmbedding>()
  for (const prompt of [...chunksOf(plan).map((window) => window.prompt), request.negativePrompt ?? '']) embedded.set(prompt, await embed(prompt))
  const words = (prompt: string) => embedded.get(prompt) as PromptEmbedding
  const clock = new JobClock()
  const reel = new FrameWriter(sink, retainedFrames(plan, model.manifest))
  const result = await runPlan(signal, gpu, {
    request,
    plan,
    model: () => Promise.resolve(model),
    words: (prompt) => ({ prompt: words(prompt), ...(request.guidance !== 1 && { away: words(request.negativePrompt ?? '') }) }),
    sources: memoryMedia(given),
    reel,
    clock,
    tell: () => undefined,
    ...job,
  })
  return { clip: { width, height, frames }, plan, result, framesSha256: reel.hex(), clock }
}
