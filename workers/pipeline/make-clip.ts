// A request to a saved WebM, one sentence a row of the data flow. The only file that sees every row.
import type { GenerateOptions, JobCallbacks } from '../../src/shared/worker-apis'
import type { GenerateResult, JobReport, JobProgress } from '../../src/shared/job'
import { truncatedRequest, retainedFrames, planOf } from '../../src/shared/plan'
import { recipeOf } from '../../src/shared/recipe'
import { parseRequest, type GenerateRequest } from '../../src/shared/request'
import { kernelVariants } from '../engine/kernel'
import { KernelSelector } from '../engine/kernel-selector'
import { openCheckpoint } from '../storage/checkpoints'
import { openTuningCache } from '../storage/tuning-cache'
import { openClipSink, requireEncoder, saveRecord } from './clip-sink'
import { embedPrompts } from './prompt-embeds'
import { JobClock } from './job-clock'
import { latentGrid, tokenCount } from './latent-grid'
import type { OpenModel } from './model'
import { openModel } from './open-model'
import { FrameWriter } from './frame-writer'
import { runPlan, chunksOf } from './run-plan'
import { countFrames } from './write-media'
import { storedMedia } from './media-frames'
import { openStillSink } from './still-sink'
import type { ModelHost } from './model-host'

/** A finished job; `latents` f32 [C, F', H', W'] of its last window when they were asked for. */
export type ClipResult = GenerateResult & { latents?: Float32Array<ArrayBuffer> }

/** What is to be made, and how it may end. */
export interface ClipJob {
  /** what its checkpoints are kept under */
  id: string
  modelUrl: string
  /** a GenerateRequest, not checked yet */
  request: unknown
  /** asked after each window: whether the clip ends with it */
  endsEarly: () => boolean
}

/**
 * Makes one clip and saves it. `signal` stops it at the next wait, at most a step away.
 * @throws AppError (its codes: src/shared/errors); AbortError
 */
export async function makeClip(
  signal: AbortSignal,
  modelHost: ModelHost,
  job: ClipJob,
  callbacks: JobCallbacks,
  options: GenerateOptions,
): Promise<ClipResult> {
  const clock = new JobClock()
  const gpu = await modelHost.gpu()
  gpu.pool.resetPeak()
  gpu.queue.used.clear()
  gpu.choices = new KernelSelector()
  const compiledMs = gpu.compileMs
  // of software adapters the fixed table was measured on the very ones
  const tuningCache = (options.autotune ?? !gpu.facts.software) ? openTuningCache(gpu.facts.name) : undefined
  const { precision = gpu.facts.f16 ? 'f16' : 'f32', weights } = options
  const opened = await openModel(signal, job.modelUrl, options.localFiles)
  const request = parseRequest(job.request, opened.manifest)
  const plan = planOf(request, opened.manifest)
  const frames = await countFrames(signal, storedMedia, plan, request)
  if (frames > 1) await requireEncoder(request)

  const tell = (event: JobProgress) => void callbacks.onProgress(event)
  tell({ stage: 'encoding-text' })
  clock.lap()
  const windows = chunksOf(plan)
  const words = await embedPrompts(signal, modelHost, gpu, opened, { request, prompts: windows.map(({ prompt }) => prompt) }, callbacks, options.embeds)
  clock.textMs = clock.lap()
  let model = await modelHost.load(signal, gpu, opened, { precision, weights }, tell)

  const checkpoint = options.checkpoint ? await openCheckpoint(job.id, framesFollowFrom(request, opened, precision, options)) : null
  const sink = frames > 1 ? await openClipSink({ ...request, frames, signal }) : await openStillSink(request)
  const reel = new FrameWriter(sink, retainedFrames(plan, opened.manifest))
  try {
    const { pieces, latents, latentsSha256 } = await runPlan(signal, gpu, {
      request, plan, words, reel, checkpoint, tuningCache, clock, tell,
      model: async (tellPiece) => (model = await modelHost.load(signal, gpu, opened, { precision, weights }, tellPiece)),
      sources: storedMedia,
      noise: options.noise,
      endsEarly: job.endsEarly,
    })
    tell({ stage: 'saving' })
    clock.lap()
    const made = truncatedRequest(request, plan, pieces)
    const clip = await sink.finish(reel.shown, recipeOf(made, opened.manifest))
    clock.encodeMs += clock.lap()
    const report: JobReport = {
      adapter: gpu.facts.name,
      precision,
      kernels: kernelVariants(gpu.queue.used),
      tokens: Math.max(0, ...windows.map((window) => tokenCount(latentGrid({ ...request, frames: window.frames }, opened.manifest)))),
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
      framesSha256: reel.hex(),
    }
    const { name: modelName, version: modelVersion } = model.manifest
    const saved = await saveRecord(clip, { request: made, modelName, modelVersion, report })
    await checkpoint?.remove()
    const [first] = windows
    const usedPrompt = first && words(first.prompt).prompt.usedPrompt
    return {
      ...saved,
      codec: clip.codec,
      report,
      ...(usedPrompt !== first?.prompt && { usedPrompt }),
      ...(options.keepLatents && latents && { latents }),
    }
  } catch (error) {
    await sink.abort()
    await checkpoint?.settle()
    throw error
  }
}

/** Where any of it differs, what an earlier run kept is of other frames. */
function framesFollowFrom(request: GenerateRequest, { identity, manifest }: OpenModel, precision: string, { weights }: GenerateOptions): string {
  return JSON.stringify([request, identity, manifest.version, precision, weights ?? null])
}
