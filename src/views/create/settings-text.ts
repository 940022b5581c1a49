// Text about the settings of the form. All pure.
import { errorMessage } from '../../components/error-message'
import { formatBytes } from '../../components/quantities'
import { CACHE_LEVELS } from '../../shared/cache-levels'
import type { ErrorData } from '../../shared/errors'
import type { ModelManifest } from '../../shared/model'
import { requestProblems } from '../../shared/request'
import type { GenerateRequest, RequestProblem } from '../../shared/request'
import type { RequestWarning } from '../../shared/request-warnings'
import type { AdapterReport } from '../../shared/worker-apis'

/** What is wrong with a setting. Pure. */
export function problemText({ field, expected, got }: RequestProblem): string {
  switch (field) {
    case 'width':
    case 'height':
      return `This model does not support ${spaced(got)} pixels. Supported: ${expected}.`
    case 'frames':
      return `This model does not support ${got} frames. Supported: ${expected}.`
    default:
      return `This model does not support a value of ${got} for ${field}. Supported: ${expected}.`
  }
}

/** Label of the nearest supported value. Pure. */
export function nearestText(nearest: Partial<GenerateRequest>): string {
  if (nearest.width !== undefined && nearest.height !== undefined) return `${nearest.width} × ${nearest.height}`
  if (nearest.frames !== undefined) return `${nearest.frames} frames`
  return Object.values(nearest).map(String).join(', ')
}

/** Why settings may give a poor result. Pure. */
export function warningText({ kind, got, expected, chunks = 0 }: RequestWarning, modelName: string): string {
  switch (kind) {
    case 'size':
      return `${modelName} was not trained at ${spaced(got)}. Subjects may be duplicated, cropped or out of place.`
    case 'length':
      return `${modelName} was not trained on ${got} frames. Motion may be too fast, too slow or unstable.`
    case 'memory':
      return `This needs about ${formatBytes(Number(got))} of GPU memory, but only ${formatBytes(Number(expected))} was available when it was measured. Lower the resolution or the duration.`
    case 'chunks':
      return `Longer than ${modelName} was trained on. The clip is generated in ${chunks} parts, each continuing from the last frames of the previous one. The content may drift over time.`
  }
}

const [, LOW, HIGH] = CACHE_LEVELS

/** What a level of the first-block cache saves and costs. Pure. */
export function cacheText(threshold: number): string {
  switch (threshold) {
    case 0:
      return 'Every step runs the full model.'
    case LOW.threshold:
      return 'Skips most of the model in steps that change little. The starter model saves about a third of the denoising time at 30 steps and almost none at 10. Details differ slightly. Uses more GPU memory.'
    case HIGH.threshold:
      return 'Skips most of the model in steps that change little. The starter model saves about half of the denoising time at 30 steps and less at fewer. Details differ. Uses more GPU memory.'
    default:
      return `Skips most of the model in steps that change the clip by at most ${threshold}.`
  }
}

/** What decides whether Generate is enabled. */
export interface FormStatus {
  model: ModelManifest | null
  modelError: ErrorData | null
  adapter: AdapterReport | null
  adapterError: ErrorData | null
  request: GenerateRequest | null
  /** the mode input that is missing */
  missing: string | null
}

/** Why Generate is disabled; null if it is enabled. Pure. */
export function disabledReason({ model, modelError, adapter, adapterError, request, missing }: FormStatus): string | null {
  if (adapterError) return errorMessage(adapterError).title
  if (modelError) return errorMessage(modelError).title
  if (!model || !request) return 'Loading the model…'
  if (adapter?.codec === null) return errorMessage({ code: 'no-encoder', message: '', details: {} }).title
  if (request.prompt === '' && !request.shots) return 'Enter a prompt first.'
  if (missing !== null) return missing
  const problem = requestProblems(request, model)[0]
  if (problem) return 'Fix the invalid setting first.'
  if (!adapter) return 'Detecting the GPU…'
  return null
}

function spaced(size: string): string {
  return size.replace('×', ' × ')
}
