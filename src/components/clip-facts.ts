import type { GenerateRequest } from '../shared/request'
import type { JobReport } from '../shared/job'
import { cacheLevelName } from '../shared/cache-levels'
import { formatDuration, formatSeconds } from './quantities'

type Fact = readonly [name: string, value: string]

/** Name and value of each setting of a clip. Pure. */
export function requestFacts(request: GenerateRequest): Fact[] {
  return [
    ['Seed', String(request.seed)],
    ['Resolution', `${request.width} × ${request.height}`],
    ...lengthFacts(request),
    ['Frame rate', `${request.fps} fps`],
    ['Steps', String(request.steps)],
    ['Guidance', String(request.guidance)],
    ...(request.cacheThreshold ? ([['First-block cache', cacheLevelName(request.cacheThreshold)]] as const) : []),
  ]
}

function lengthFacts({ frames, fps, prefix, suffix, loop, shots }: GenerateRequest): Fact[] {
  if (shots) return [['Shots', String(shots.length)]]
  const length = `${formatSeconds(frames / fps)}, ${frames} frames`
  return [[(prefix ?? suffix ?? loop) ? 'New frames' : 'Duration', length]]
}

/** Name and value of what a job measured. Pure. */
export function reportFacts(report: JobReport, codec: string): Fact[] {
  return [
    ['Total time', formatDuration(report.totalMs)],
    ['Text encoding', formatDuration(report.textMs)],
    ...(report.compileMs ? [['Compiling', formatDuration(report.compileMs)] as const] : []),
    ['Denoising', formatDuration(report.stepMs.reduce((sum, ms) => sum + ms, 0))],
    ...cacheFacts(report),
    ['Decoding', formatDuration(report.decodeMs)],
    ['Encoding', formatDuration(report.encodeMs)],
    ['Codec', codecName(codec)],
    ['Precision', report.precision],
    ['GPU', report.adapter],
  ]
}

function cacheFacts({ evaluations, evaluationsSkipped }: JobReport): Fact[] {
  return evaluations === undefined ? [] : [['Cache hits', `${evaluationsSkipped} of ${evaluations} forward passes`]]
}

/** `vp09.00.10.08` → "VP9"; an unknown codec is returned unchanged. Pure. */
export function codecName(codec: string): string {
  const names: Record<string, string> = { vp09: 'VP9', vp9: 'VP9', vp8: 'VP8', av01: 'AV1', av1: 'AV1' }
  return names[codec.toLowerCase().split('.')[0] ?? ''] ?? codec
}
