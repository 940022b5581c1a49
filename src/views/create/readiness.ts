import { errorSentence } from '../../components/error-sentence'
import type { AdapterReport } from '../../shared/worker-apis'
import type { ErrorData } from '../../shared/errors'
import type { ModelManifest } from '../../shared/model'
import { requestProblems } from '../../shared/request-problems'
import type { GenerateRequest } from '../../shared/request'

/** All that decides whether a clip can be made now. */
export interface Situation {
  model: ModelManifest | null
  modelError: ErrorData | null
  adapter: AdapterReport | null
  adapterError: ErrorData | null
  request: GenerateRequest | null
  /** what is missing of what the clip is made from */
  missing: string | null
}

/** Why Generate is off, in one sentence; null when it is on. Pure. */
export function whyOff({ model, modelError, adapter, adapterError, request, missing }: Situation): string | null {
  if (adapterError) return errorSentence(adapterError).title
  if (modelError) return errorSentence(modelError).title
  if (!model || !request) return 'The model is loading.'
  if (adapter?.codec === null) return errorSentence({ code: 'no-encoder', message: '', details: {} }).title
  if (request.prompt === '' && !request.shots) return 'Write a few words first.'
  if (missing !== null) return missing
  const problem = requestProblems(request, model)[0]
  if (problem) return problem.reason ?? 'A setting needs another value.'
  if (!adapter) return 'Looking for the GPU…'
  return null
}
