// A request becomes a saved clip. The only file that sees every stage.
import type { GenerateResult, JobReport } from '../../src/shared/job'
import { parsePlan, planOf, retainedFrames, truncatedRequest } from '../../src/shared/plan'
import { recipeOf } from '../../src/shared/recipe'
import type { GenerateRequest } from '../../src/shared/request'
import { parseRequest } from '../../src/shared/request-problems'
import { requestIdentity } from '../../src/shared/upgrade'
import type { GenerateOptions, JobCallbacks } from '../../src/shared/worker-apis'
import { kernelVariants } from '../engine/kernel'
import { KernelSelector } from '../engine/kernel-selector'
import type { LoadOptions, OpenModel } from '../models/architecture'
import { latentGrid, tokenCount } from '../models/latent-grid'
import { openCheckpoint } from '../storage/checkpoints'
import { openTuningCache } from '../storage/tuning-cache'
import { openClipSink, requireEncoder, saveRecord } from './clip-sink'
import { FrameWriter } from './frame-writer'
import { JobClock, type JobContext } from './job-context'
import { countFrames, storedMedia } from './media-frames'
import type { ModelHost } from './model-host'
import { openModel } from './open-model'
import { encodePrompts } from './prompt-embeds'
import { chunksOf, runPlan } from './run-plan'
import { openStillSink } from './still-sink'
import { textWorkerEncoder } from './text-worker'

/** A finished job; `latents` f32 [C, F', H', W'] of its last chunk when they were requested. */
export type ClipResult = GenerateResult & { latents?: Float32Array<ArrayBuffer> }

/** What to generate, and how it may end. */
export interface ClipJob {
  /** its checkpoint is stored under it */
  id: string
  modelUrl: string
  /** a GenerateRequest that is not checked yet */
  request: unknown
  /** asked after each chunk: whether the clip ends with it */
  endsEarly: () => boolean
}

/**
 * Generates one clip and saves it. `signal` stops it at the next wait, at most a step away.
 * @throws AppError (its codes: src/shared/errors); AbortError
 */
export async function makeClip(
  signal: AbortSignal,
  modelHost: ModelHost,
  clip: ClipJob,
  callbacks: JobCallbacks,
  options: GenerateOptions,
): Promise<ClipResult> {
  const gpu = await modelHost.gpu()
  gpu.pool.resetPeak()
  gpu.queue.used.clear()
  gpu.selector = new KernelSelector()
  const compiledMs = gpu.compileMs
  const { precision = gpu.facts.f16 ? 'f16' : 'f32', weights } = options
  const loadOptions: LoadOptions = { precision, weights }

  const opened = await openModel(signal, clip.modelUrl, options.localFiles)
  const request = parseRequest(clip.request, opened.manifest)
  const plan = options.plan ? parsePlan(options.plan, request, opened.manifest) : planOf(request, opened.manifest)
  const frames = await countFrames(signal, storedMedia, plan, request)
  if (frames > 1) await requireEncoder(request)
  const job: JobContext = {
    signal,
    gpu,
    clock: new JobClock(),
    report: (progress) => void callbacks.onProgress(progress),
    checkpoint: options.checkpoint ? await openCheckpoint(clip.id, checkpointIdentity(request, opened, loadOptions, options.plan)) : null,
    // the fixed table was measured on software adapters
    tuningCache: (options.autotune ?? !gpu.facts.software) ? openTuningCache(gpu.facts.name) : undefined,
  }
  const { clock, report, checkpoint } = job

  report({ stage: 'encoding-text' })
  const chunks = chunksOf(plan)
  const prompts = chunks.map(({ prompt }) => prompt)
  const embeds = await encodePrompts(job, modelHost, { model: opened, request, prompts, encodeText: textWorkerEncoder(callbacks), given: options.embeds })
  clock.textMs = clock.lap()
  let model = await modelHost.load(signal, gpu, opened, loadOptions, report)

  const sink = frames > 1 ? await openClipSink({ ...request, frames, signal }) : await openStillSink(request)
  const writer = new FrameWriter(sink, retainedFrames(plan, opened.manifest))
  try {
    const { pieces, latents, latentsSha256 } = await runPlan(job, {
      request,
      plan,
      embeds,
      writer,
      model: async (own) => (model = await modelHost.load(signal, gpu, opened, loadOptions, own.report)),
      media: storedMedia,
      noise: options.noise,
      endsEarly: clip.endsEarly,
    })
    report({ stage: 'saving' })
    clock.lap()
    const made = options.plan ? request : truncatedRequest(request, plan, pieces)
    const file = await sink.finish(writer.written, recipeOf(made, opened.manifest))
    clock.encodeMs += clock.lap()
    const jobReport: JobReport = {
      adapter: gpu.facts.name,
      precision,
      kernels: kernelVariants(gpu.queue.used),
      tokens: Math.max(0, ...chunks.map((chunk) => tokenCount(latentGrid({ ...request, frames: chunk.frames }, opened.manifest), model.patch))),
      textMs: clock.textMs,
      compileMs: gpu.compileMs - compiledMs,
      stepMs: clock.stepMs,
      ...(request.cacheThreshold && { evaluations: clock.evaluations, evaluationsSkipped: clock.evaluationsSkipped }),
      decodeMs: clock.decodeMs,
      encodeMs: clock.encodeMs,
      totalMs: clock.totalMs,
      weightGpuBytes: model.weightGpuBytes,
      peakGpuBytes: gpu.pool.peakBytes,
      peakHostBytes: null,
      latentsSha256,
      framesSha256: writer.hex(),
    }
    const { name: modelName, version: modelVersion } = model.manifest
    const saved = await saveRecord(file, { ...(options.once && { jobId: clip.id }), request: made, modelName, modelVersion, report: jobReport })
    await checkpoint?.remove()
    const [first] = prompts
    const usedPrompt = first === undefined ? undefined : embeds(first).positive.usedPrompt
    return {
      ...saved,
      codec: file.codec,
      report: jobReport,
      ...(usedPrompt !== first && usedPrompt !== undefined && { usedPrompt }),
      ...(options.keepLatents && latents && { latents }),
    }
  } catch (error) {
    await sink.abort()
    await checkpoint?.settle()
    throw error
  }
}

/** What the frames follow from. A checkpoint of anything else is dropped. */
function checkpointIdentity(
  request: GenerateRequest,
  { identity, manifest }: OpenModel,
  { precision, weights }: LoadOptions,
  plan: GenerateOptions['plan'],
): string {
  return JSON.stringify([requestIdentity(request), identity, manifest.version, precision, weights ?? null, ...(plan ? [plan] : [])])
}
