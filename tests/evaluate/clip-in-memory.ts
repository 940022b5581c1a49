// A request run as the page runs it, from sources in memory to frames in memory: no page, no files, no codec.
import { retainedFrames, planOf, type Piece } from '../../src/shared/plan'
import type { GenerateRequest } from '../../src/shared/request'
import type { Gpu } from '../../workers/engine/device'
import type { ClipSink } from '../../workers/pipeline/clip-sink'
import { RGBA_FORMAT, type FrameFormat } from '../../workers/pipeline/frame-format'
import { JobClock, type JobContext } from '../../workers/pipeline/job-context'
import type { Embeds } from '../../src/shared/prompt-embeds'
import type { LoadedModel } from '../../workers/models/architecture'
import { FrameWriter } from '../../workers/pipeline/frame-writer'
import { runPlan, chunksOf, type PlanResult, type PlanRun } from '../../workers/pipeline/run-plan'
import type { Clip } from './clip'
import { memoryMedia } from './memory-sources'

export interface MemoryJob extends Pick<PlanRun, 'endsEarly'>, Partial<Pick<JobContext, 'report' | 'checkpoint'>> {
  model: LoadedModel
  /** one that fits the model */
  request: GenerateRequest
  /** clips that the request names, by their ids */
  given?: ReadonlyMap<string, Clip> | undefined
  embed: (prompt: string) => Promise<Embeds>
  /** of the clip's frames; RGBA where nothing is said */
  form?: FrameFormat | undefined
}

/** A job's context on this GPU that reports to nobody and stores nothing, unless `more` says so. */
export function testJob(gpu: Gpu, more: Partial<JobContext> = {}): JobContext {
  return { signal: new AbortController().signal, gpu, clock: new JobClock(), report: () => undefined, checkpoint: null, tuningCache: undefined, ...more }
}

/** Makes the clip. `plan`: what it was made of; `framesSha256`: hex, of all frames. @throws as runPlan */
export async function clipInMemory(
  signal: AbortSignal,
  gpu: Gpu,
  { model, request, given = new Map<string, Clip>(), embed, form = RGBA_FORMAT, endsEarly, ...context }: MemoryJob,
): Promise<{ clip: Clip; plan: Piece[]; result: PlanResult; framesSha256: string; clock: JobClock }> {
  const { width, height } = request
  const plan = planOf(request, model.manifest)
  const frames: Uint8ClampedArray[] = []
  const sink: ClipSink = {
    format: form,
    add: (frame) => Promise.resolve(void frames.push(frame.slice())),
    finish: () => Promise.reject(new Error('The frames are the clip.')),
    abort: () => Promise.resolve(),
  }
  const embedded = new Map<string, Embeds>()
  for (const prompt of [...chunksOf(plan).map((window) => window.prompt), request.negativePrompt ?? '']) embedded.set(prompt, await embed(prompt))
  const words = (prompt: string) => embedded.get(prompt) as Embeds
  const job = testJob(gpu, { signal, ...context })
  const writer = new FrameWriter(sink, retainedFrames(plan, model.manifest))
  const result = await runPlan(job, {
    request,
    plan,
    model: () => Promise.resolve(model),
    embeds: (prompt) => ({ positive: words(prompt), ...(request.guidance !== 1 && { negative: words(request.negativePrompt ?? '') }) }),
    media: memoryMedia(given),
    writer,
    endsEarly,
  })
  return { clip: { width, height, frames }, plan, result, framesSha256: writer.hex(), clock: job.clock }
}
