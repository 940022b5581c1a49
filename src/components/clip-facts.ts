import type { GenerateRequest } from '../shared/request'
import type { JobReport } from '../shared/job'
import { cacheLevelName } from '../shared/cache-levels'
import { formatDuration, formatSeconds } from './quantities'

type Fact = readonly [name: string, value: string]

/** A clip's settings as facts to show. Pure. */
export function requestFacts(request: GenerateRequest): Fact[] {
  return [
    ['Seed', String(request.seed)],
    ['Size', `${request.width} × ${request.height}`],
    ...lengthFacts(request),
    ['Rate', `${request.fps} fps`],
    ['Steps', String(request.steps)],
    ['Guidance', String(request.guidance)],
    ...(request.cacheThreshold ? ([['Reuse', cacheLevelName(request.cacheThreshold)]] as const) : []),
  ]
}

function lengthFacts({ frames, fps, prefix, suffix, loop, shots }: GenerateRequest): Fact[] {
  if (shots) return [['Shots', String(shots.length)]]
  const length = `${formatSeconds(frames / fps)}, ${frames} frames`
  // beside a clip that was there; the whole is longer
  return [[prefix ?? suffix ?? loop ? 'New part' : 'Length', length]]
}

/** How a clip was made, as facts to show. Pure. */
export function reportFacts(report: JobReport, codec: string): Fact[] {
  return [
    ['Made in', formatDuration(report.totalMs)],
    ['Words', formatDuration(report.textMs)],
    ...(report.compileMs ? [['Compiling', formatDuration(report.compileMs)] as const] : []),
    ['Denoising', formatDuration(report.stepMs.reduce((sum, ms) => sum + ms, 0))],
    ...reuseFacts(report),
    ['Decoding', formatDuration(report.decodeMs)],
    ['Encoding', formatDuration(report.encodeMs)],
    ['Codec', codecName(codec)],
    ['Precision', report.precision],
    ['GPU', report.adapter],
  ]
}

function reuseFacts({ evaluations, evaluationsSkipped }: JobReport): Fact[] {
  return evaluations === undefined ? [] : [['Reused', `${evaluationsSkipped} of ${evaluations} evaluations`]]
}

/** `vp09.00.10.08` → "VP9"; a codec that has no name here stays as it is. Pure. */
export function codecName(codec: string): string {
  const names: Record<string, string> = { vp09: 'VP9', vp9: 'VP9', vp8: 'VP8', av01: 'AV1', av1: 'AV1' }
  return names[codec.toLowerCase().split('.')[0] ?? ''] ?? codec
}
