// Words to a saved WebM, one sentence a row of the data flow. The only file that sees every row.
import type { GenerateOptions, JobCallbacks } from '../../src/shared/doors'
import type { GenerateResult, JobReport, ProgressEvent } from '../../src/shared/job'
import { parseRequest } from '../../src/shared/request'
import { withScope } from '../engine/scope'
import { openClipSink, requireEncoder, saveRecord } from './clip-sink'
import { embedPrompts } from './conditioning'
import { decodeFrames } from './decode-frames'
import { runDenoise } from './denoise-job'
import { sha256Hex } from './hashes'
import { JobClock } from './job-clock'
import { latentGrid, tokenCount } from './latent-grid'
import { openModel } from './open-model'
import type { Studio } from './studio'

/** A finished job; `latents` f32 [C, F', H', W'] when they were asked for. */
export type ClipResult = GenerateResult & { latents?: Float32Array<ArrayBuffer> }

/**
 * Makes one clip and saves it. `signal` stops it at the next wait, at most a step away.
 * @throws AppError (its codes: src/shared/errors); AbortError
 */
export async function textToVideo(
  signal: AbortSignal,
  studio: Studio,
  modelUrl: string,
  data: unknown,
  callbacks: JobCallbacks,
  options: GenerateOptions,
): Promise<ClipResult> {
  const clock = new JobClock()
  const tell = (event: ProgressEvent) => void callbacks.onProgress(event)

  const gpu = await studio.gpu()
  gpu.pool.resetPeak()
  const { precision = gpu.facts.f16 ? 'f16' : 'f32', weights } = options
  const opened = await openModel(signal, modelUrl)
  const request = parseRequest(data, opened.manifest)
  const grid = latentGrid(request, opened.manifest)
  await requireEncoder(request)

  tell({ stage: 'encoding-text' })
  clock.lap()
  const words = await embedPrompts(signal, studio, gpu, opened, request, callbacks, options.embeds)
  clock.textMs = clock.lap()
  const model = await studio.load(signal, gpu, opened, { precision, weights }, tell)

  return withScope(gpu, async (scope) => {
    const { tokens, latents } = await runDenoise(signal, scope, { model, request, grid, words, noise: options.noise, clock, tell })

    const sink = await openClipSink({ ...request, signal })
    try {
      const framesSha256 = await decodeFrames(signal, scope, { model, request, tokens, grid, sink, clock, tell })
      tell({ stage: 'saving' })
      clock.lap()
      const clip = await sink.finish()
      clock.encodeMs += clock.lap()
      const report: JobReport = {
        adapter: gpu.facts.name,
        precision,
        kernels: gpu.kernels.variants(),
        tokens: tokenCount(grid),
        textMs: clock.textMs,
        stepMs: clock.stepMs,
        decodeMs: clock.decodeMs,
        encodeMs: clock.encodeMs,
        totalMs: clock.totalMs,
        weightGpuBytes: model.weightGpuBytes,
        peakGpuBytes: gpu.pool.peakBytes,
        peakHostBytes: null,
        latentsSha256: sha256Hex(latents),
        framesSha256,
      }
      const { name: modelName, version: modelVersion } = model.manifest
      const saved = await saveRecord(clip, { request, modelName, modelVersion, report })
      const { usedPrompt } = words.prompt
      return {
        ...saved,
        codec: clip.codec,
        report,
        ...(usedPrompt !== request.prompt && { usedPrompt }),
        ...(options.keepLatents && { latents }),
      }
    } catch (error) {
      await sink.abort()
      throw error
    }
  })
}
