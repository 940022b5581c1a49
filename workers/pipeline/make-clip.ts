// A request to a saved WebM, one sentence a row of the data flow. The only file that sees every row.
import type { GenerateOptions, JobCallbacks } from '../../src/shared/doors'
import type { GenerateResult, JobReport, ProgressEvent } from '../../src/shared/job'
import { planOf, sharedFrames } from '../../src/shared/plan'
import { parseRequest } from '../../src/shared/request'
import { openClipSink, requireEncoder, saveRecord } from './clip-sink'
import { embedPrompts } from './conditioning'
import { ValuesHash } from './hashes'
import { JobClock } from './job-clock'
import { latentGrid, tokenCount } from './latent-grid'
import { openModel } from './open-model'
import { Reel } from './reel'
import { runWindow } from './run-window'
import { countFrames, showSource } from './show-source'
import type { Studio } from './studio'

/** A finished job; `latents` f32 [C, F', H', W'] of its last window when they were asked for. */
export type ClipResult = GenerateResult & { latents?: Float32Array<ArrayBuffer> }

/**
 * Makes one clip and saves it. `signal` stops it at the next wait, at most a step away.
 * @throws AppError (its codes: src/shared/errors); AbortError
 */
export async function makeClip(
  signal: AbortSignal,
  studio: Studio,
  modelUrl: string,
  data: unknown,
  callbacks: JobCallbacks,
  options: GenerateOptions,
): Promise<ClipResult> {
  const clock = new JobClock()
  const gpu = await studio.gpu()
  gpu.pool.resetPeak()
  const { precision = gpu.facts.f16 ? 'f16' : 'f32', weights } = options
  const opened = await openModel(signal, modelUrl, options.picks)
  const request = parseRequest(data, opened.manifest)
  const plan = planOf(request, opened.manifest)
  await requireEncoder(request)
  const frames = await countFrames(signal, plan, request)

  const tell = (event: ProgressEvent) => void callbacks.onProgress(event)
  tell({ stage: 'encoding-text' })
  clock.lap()
  const windows = plan.filter((piece) => piece.kind === 'window')
  const words = await embedPrompts(signal, studio, gpu, opened, { request, prompts: windows.map(({ prompt }) => prompt) }, callbacks, options.embeds)
  clock.textMs = clock.lap()
  const latentsHash = new ValuesHash()
  let latents: Float32Array<ArrayBuffer> | undefined
  let model = await studio.load(signal, gpu, opened, { precision, weights }, tell)

  const sink = await openClipSink({ ...request, frames, signal })
  const reel = new Reel(sink, sharedFrames(opened.manifest))
  try {
    for (const [index, piece] of plan.entries()) {
      const tellPiece = (event: ProgressEvent) => tell(plan.length > 1 ? { ...event, piece: index + 1, pieces: plan.length } : event)
      reel.begin(piece.dissolve, plan[index + 1]?.dissolve ?? 0)
      if (piece.kind === 'source') {
        await showSource(signal, piece, request, reel, tellPiece)
        continue
      }
      // decoding may have put the decoder in the transformer's place
      model = await studio.load(signal, gpu, opened, { precision, weights }, tellPiece)
      const noise = index === 0 ? options.noise : undefined
      latents = await runWindow(signal, gpu, { model, request, window: piece, words: words(piece.prompt), reel, noise, clock, tell: tellPiece })
      latentsHash.add(latents)
    }
    await reel.end(signal)
    tell({ stage: 'saving' })
    clock.lap()
    const clip = await sink.finish()
    clock.encodeMs += clock.lap()
    const report: JobReport = {
      adapter: gpu.facts.name,
      precision,
      kernels: gpu.kernels.variants(),
      tokens: Math.max(0, ...windows.map((window) => tokenCount(latentGrid({ ...request, frames: window.frames }, opened.manifest)))),
      textMs: clock.textMs,
      stepMs: clock.stepMs,
      decodeMs: clock.decodeMs,
      encodeMs: clock.encodeMs,
      totalMs: clock.totalMs,
      weightGpuBytes: model.weightGpuBytes,
      peakGpuBytes: gpu.pool.peakBytes,
      peakHostBytes: null,
      latentsSha256: latentsHash.hex(),
      framesSha256: reel.hex(),
    }
    const { name: modelName, version: modelVersion } = model.manifest
    const saved = await saveRecord(clip, { request, modelName, modelVersion, report })
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
    throw error
  }
}
