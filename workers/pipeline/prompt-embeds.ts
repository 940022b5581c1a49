// What a job's words become before the first step.
import type { GenerateOptions, JobCallbacks } from '../../src/shared/worker-apis'
import type { GenerateRequest } from '../../src/shared/request'
import { AppError } from '../../src/shared/errors'
import type { Gpu } from '../engine/device'
import type { OpenModel, PromptEmbedding } from './model'
import type { ModelHost } from './model-host'
import { untilAborted } from '../engine/until-aborted'

/** The prompt's embedding, and with guidance the embedding to steer away from (the empty prompt's unless the request names one). */
export interface Conditioning {
  prompt: PromptEmbedding
  away?: PromptEmbedding
}

/**
 * Embeds the words of a request's windows, or takes embeddings given from outside for all of them.
 * @returns what each prompt became
 * @throws AppError bad-request
 */
export async function embedPrompts(
  signal: AbortSignal,
  modelHost: ModelHost,
  gpu: Gpu,
  model: OpenModel,
  { request, prompts }: { request: GenerateRequest; prompts: readonly string[] },
  callbacks: JobCallbacks,
  given: GenerateOptions['embeds'],
): Promise<(prompt: string) => Conditioning> {
  const guided = request.guidance !== 1
  if (given) {
    if (guided && !given.negative) {
      throw new AppError('bad-request', 'embeds: expected a negative embedding too, for guidance is not 1, got none.', { field: 'embeds' })
    }
    const embedding = (values: Float32Array<ArrayBuffer>): PromptEmbedding => {
      if (values.length === 0 || values.length % given.width !== 0) {
        throw new AppError('bad-request', `embeds: expected rows of ${given.width} values, got ${values.length} values.`, { field: 'embeds' })
      }
      return { values, tokens: values.length / given.width, width: given.width, usedPrompt: request.prompt }
    }
    const conditioning = { prompt: embedding(given.prompt), ...(guided && given.negative && { away: embedding(given.negative) }) }
    return () => conditioning
  }
  const different = [...new Set(prompts)]
  const words = guided ? [...different, request.negativePrompt ?? ''] : different
  const embedded = await untilAborted(signal, modelHost.embed(signal, gpu, model, words, callbacks))
  const away = guided ? embedded.at(-1) : undefined
  return (prompt) => ({ prompt: embedded[different.indexOf(prompt)] as PromptEmbedding, ...(away && { away }) })
}
