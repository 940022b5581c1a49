// GenerateApi without a GPU, for tests of the page: real requests, plans, media, files, records and checkpoints around frames that are
// painted instead of generated. The content of a frame depends on its prompt, seed and number alone.
import { expose } from 'comlink'
import type { GenerateApi, GenerateOptions, JobCallbacks } from '../../src/shared/worker-apis'
import { fetchManifest } from '../../src/rpc/manifest'
import { registerErrorTransfer } from '../../src/shared/error-transfer'
import { announceWorker } from '../../src/shared/worker-life'
import { AppError, toErrorData } from '../../src/shared/errors'
import type { GenerateResult, JobProgress, JobReport, Preview } from '../../src/shared/job'
import { leadsToNext, parsePlan, planOf, retainedFrames, shownFrames, truncatedRequest, type ChunkPiece, type Piece } from '../../src/shared/plan'
import { recipeOf } from '../../src/shared/recipe'
import type { GenerateRequest } from '../../src/shared/request'
import { parseRequest } from '../../src/shared/request-problems'
import { chooseEncoder } from '../../workers/media/encode'
import { openClipSink, requireEncoder, saveRecord } from '../../workers/pipeline/clip-sink'
import { FrameWriter } from '../../workers/pipeline/frame-writer'
import { countFrames, storedMedia } from '../../workers/pipeline/media-frames'
import { openStillSink } from '../../workers/pipeline/still-sink'
import { forgetJobs, openCheckpoint, sweepJobs } from '../../workers/storage/checkpoints'
import { SCRIPT_CACHE, SCRIPT_URL, type Script } from './script'

registerErrorTransfer()
announceWorker()

const ADAPTER = 'Scripted adapter'
const jobs = new Map<string, AbortController>()
const ending = new Set<string>()
let queue: Promise<unknown> = Promise.resolve()

async function readScript(): Promise<Script> {
  const answer = await (await caches.open(SCRIPT_CACHE)).match(SCRIPT_URL)
  return answer ? ((await answer.json()) as Script) : {}
}

async function writeScript(script: Script): Promise<void> {
  await (await caches.open(SCRIPT_CACHE)).put(SCRIPT_URL, new Response(JSON.stringify(script)))
}

const thrown = ({ code, message, details }: { code: AppError['code']; message: string; details: AppError['details'] }) => new AppError(code, message, details)

function pause(signal: AbortSignal, ms: number): Promise<void> {
  return new Promise((done, fail) => {
    const stop = () => fail(signal.reason as Error)
    if (signal.aborted) return stop()
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', stop)
      done()
    }, ms)
    signal.addEventListener(
      'abort',
      () => {
        clearTimeout(timer)
        stop()
      },
      { once: true },
    )
  })
}

/** RGBA u8 [height, width, 4]: a color of the prompt and seed under a light bar that moves with the frame. */
function paint({ width, height }: { width: number; height: number }, prompt: string, seed: number, frame: number): Uint8ClampedArray<ArrayBuffer> {
  let hash = seed >>> 0
  for (const letter of prompt) hash = (Math.imul(hash, 31) + (letter.codePointAt(0) ?? 0)) >>> 0
  const color = [64 + (hash & 127), 64 + ((hash >>> 8) & 127), 64 + ((hash >>> 16) & 127)] as const
  const bar = (frame * Math.max(1, width >> 4)) % width
  const rgba = new Uint8ClampedArray(width * height * 4)
  for (let at = 0; at < width * height; at++) {
    const lit = (at % width) - bar
    const light = lit >= 0 && lit < width >> 3 ? 60 : 0
    rgba.set([color[0] + light, color[1] + light, color[2] + light, 255], 4 * at)
  }
  return rgba
}

function previewOf({ width, height }: GenerateRequest, { prompt, seed }: ChunkPiece, step: number): Preview {
  const small = { width: Math.max(1, width >> 3), height: Math.max(1, height >> 3) }
  const rgba = new Uint8ClampedArray(2 * small.width * small.height * 4)
  for (const frame of [0, 1]) rgba.set(paint(small, prompt, seed + step, frame), frame * small.width * small.height * 4)
  return { ...small, frames: 2, rgba }
}

/** A hash for the report that depends on its input alone, so that tests can compare it. */
const sha256 = async (value: unknown) =>
  [...new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(JSON.stringify(value))))]
    .map((byte) => byte.toString(16).padStart(2, '0'))
    .join('')

async function play(
  signal: AbortSignal,
  jobId: string,
  modelUrl: string,
  data: unknown,
  callbacks: JobCallbacks,
  options: GenerateOptions,
): Promise<GenerateResult> {
  const startedAt = performance.now()
  const script = await readScript()
  const { stepMs = 80, fail, noGpu } = script
  if (noGpu) throw thrown(noGpu)
  const failAt = async (step: number) => {
    if (!fail || fail.times < 1 || fail.atStep !== step) return
    await writeScript({ ...script, fail: { ...fail, times: fail.times - 1 } })
    throw thrown(fail.error)
  }
  const manifest = await fetchManifest(modelUrl)
  const request = parseRequest(data, manifest)
  const plan = options.plan ? parsePlan(options.plan, request, manifest) : planOf(request, manifest)
  const frames = await countFrames(signal, storedMedia, plan, request)
  if (frames > 1) await requireEncoder(request)
  const emit = (event: JobProgress) => void callbacks.onProgress(event)
  emit({ stage: 'encoding-text' })
  await failAt(0)
  for (const share of [0, 0.5, 1]) emit({ stage: 'loading', loadedBytes: share * 1e6, totalBytes: 1e6 })
  for (const step of [0, 4, 8]) emit({ stage: 'compiling', step, steps: 8 })

  const checkpoint = options.checkpoint ? await openCheckpoint(jobId, JSON.stringify([request, modelUrl, manifest.version])) : null
  const sink = frames > 1 ? await openClipSink({ ...request, frames, signal }) : await openStillSink(request)
  const writer = new FrameWriter(sink, retainedFrames(plan, manifest))
  const reportPiece = (piece: number) => (event: JobProgress) => emit(plan.length > 1 ? { ...event, piece, pieces: plan.length } : event)
  const stepTimes: number[] = []

  const denoise = async (piece: ChunkPiece, index: number) => {
    const { steps } = request
    const chunk = checkpoint?.chunk(index)
    const done = (await chunk?.read())?.step ?? 0
    const first = done === 0
    if (first) reportPiece(index + 1)({ stage: 'denoising', steps })
    for (let step = done + 1; step <= steps; step++) {
      if (index === 0) await failAt(step)
      await pause(signal, stepMs)
      stepTimes.push(stepMs)
      chunk?.save({ step, tokens: new Float32Array(4).fill(step) })
      reportPiece(index + 1)({ stage: 'denoising', step, steps, etaSeconds: ((steps - step) * stepMs) / 1000, preview: previewOf(request, piece, step) })
    }
  }
  const show = async (piece: Piece, index: number) => {
    writer.begin(piece.dissolve, plan[index + 1]?.dissolve ?? 0)
    if ('part' in piece) {
      const part = await storedMedia.openPart(signal, piece.part, request)
      for await (const frame of part.read(signal, 0, part.count)) await writer.add(signal, frame)
      return part.close()
    }
    const count = shownFrames(piece)
    for (let frame = 0; frame < count; frame++) {
      await writer.add(signal, paint(request, piece.prompt, piece.seed, piece.skipFirst + frame))
      reportPiece(index + 1)({ stage: 'decoding', step: frame + 1, steps: count })
    }
  }

  try {
    let pieces = 0
    for (const [index, piece] of plan.entries()) {
      if (!('part' in piece)) await denoise(piece, index)
      await show(piece, index)
      pieces++
      if (ending.has(jobId) && !('part' in piece) && !leadsToNext(plan[0]) && plan.slice(index + 1).some((later) => !('part' in later))) break
    }
    await writer.end(signal)
    emit({ stage: 'saving' })
    const made = options.plan ? request : truncatedRequest(request, plan, pieces)
    const clip = await sink.finish(writer.written, recipeOf(made, manifest))
    const cached = request.cacheThreshold ? { evaluations: request.steps, evaluationsSkipped: request.steps >> 1 } : {}
    const report: JobReport = {
      adapter: ADAPTER,
      precision: 'f32',
      kernels: {},
      tokens: 64,
      textMs: 1,
      compileMs: 1,
      stepMs: stepTimes,
      ...cached,
      decodeMs: 1,
      encodeMs: 1,
      totalMs: Math.max(1, performance.now() - startedAt),
      weightGpuBytes: 1e6,
      peakGpuBytes: 2e6,
      peakHostBytes: null,
      latentsSha256: await sha256(made),
      framesSha256: writer.hex(),
    }
    const saved = await saveRecord(clip, { ...(options.once && { jobId }), request: made, modelName: manifest.name, modelVersion: manifest.version, report })
    await checkpoint?.remove()
    return { ...saved, codec: clip.codec, report }
  } catch (error) {
    await sink.abort()
    await checkpoint?.settle()
    throw error
  }
}

/** Runs an action after the jobs before it. */
function inTurn<Result>(action: () => Promise<Result>): Promise<Result> {
  const answer = queue.then(action)
  queue = answer.catch(() => undefined)
  return answer
}

const api: GenerateApi = {
  async probe() {
    const { noGpu } = await readScript()
    if (noGpu) throw thrown(noGpu)
    const codec = await chooseEncoder(128, 128, 8)
    return { adapter: ADAPTER, software: true, f16: false, codec: codec?.codecString ?? null }
  },
  async generate(jobId, modelUrl, request, callbacks, options = {}) {
    const controller = new AbortController()
    jobs.set(jobId, controller)
    try {
      return await inTurn(() => play(controller.signal, jobId, modelUrl, request, callbacks, options))
    } catch (error) {
      throw thrown(toErrorData(error))
    } finally {
      jobs.delete(jobId)
      ending.delete(jobId)
    }
  },
  async cancel(jobId) {
    jobs.get(jobId)?.abort(new AppError('cancelled', 'The job was cancelled.', {}))
    await queue
  },
  finishEarly(jobId) {
    if (jobs.has(jobId)) ending.add(jobId)
    return Promise.resolve()
  },
  forgetJobs: (ids) => forgetJobs(ids.filter((id) => !jobs.has(id))),
  sweepJobs: (knownIds, beforeMs) => sweepJobs([...knownIds, ...jobs.keys()], beforeMs),
  fits: (bytes) => inTurn(async () => bytes <= ((await readScript()).budgetBytes ?? Infinity)),
  measure: () =>
    inTurn(async () => ({
      measured: [
        { tokens: 64, ms: 1 },
        { tokens: 512, ms: 5 },
        { tokens: 2048, ms: 30 },
      ],
      width: 192,
      blocks: 6,
      decoderFlops: 1e6,
      budgetBytes: (await readScript()).budgetBytes ?? 8e9,
    })),
  gpuBuffers: () => Promise.resolve({ live: 0, weights: 0 }),
  unload: () => Promise.resolve(),
}

expose(api)
