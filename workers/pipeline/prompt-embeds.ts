// The text stage of a job: every prompt of its chunks becomes embeds before the first step.
import type { PromptEmbeds } from '../../src/shared/prompt-embeds'
import { AppError } from '../../src/shared/errors'
import type { GenerateRequest } from '../../src/shared/request'
import { untilAborted } from '../engine/until-aborted'
import type { OpenModel, TextServices } from '../models/architecture'
import type { JobContext } from './job-context'
import type { ModelHost } from './model-host'

/** The prompts of a job, and how they become embeds. */
export interface TextStage {
  model: OpenModel
  request: GenerateRequest
  /** of the chunks, in order; repeated ones are encoded once */
  prompts: readonly string[]
  encodeText: TextServices['encodeText']
  /** embeds handed in from outside: they serve every chunk, and no encoder runs */
  given?: PromptEmbeds | undefined
}

/**
 * Encodes a job's prompts, and with guidance the negative prompt (the empty one unless the request has one).
 * @returns the embeds of each prompt
 * @throws AppError bad-request
 */
export async function encodePrompts(
  { signal, gpu, report }: JobContext,
  modelHost: ModelHost,
  { model, request, prompts, encodeText, given }: TextStage,
): Promise<(prompt: string) => PromptEmbeds> {
  const guided = request.guidance !== 1
  if (given) {
    const { positive, negative } = checkEmbeds(given, guided)
    return () => ({ positive, ...(guided && negative && { negative }) })
  }
  const unique = [...new Set(prompts)]
  const texts = guided ? [...unique, request.negativePrompt ?? ''] : unique
  const embeds = await untilAborted(signal, modelHost.embed(signal, gpu, model, texts, { encodeText, report }))
  const negative = guided ? embeds.at(-1) : undefined
  return (prompt) => {
    const positive = embeds[unique.indexOf(prompt)]
    if (!positive) throw new Error(`The prompt “${prompt}” was not encoded.`)
    return { positive, ...(negative && { negative }) }
  }
}

function checkEmbeds(embeds: PromptEmbeds, guided: boolean): PromptEmbeds {
  if (guided && !embeds.negative) {
    throw new AppError('bad-request', 'embeds: expected negative embeds too, because guidance is not 1, got none.', { field: 'embeds' })
  }
  for (const { values, tokens, width } of [embeds.positive, ...(embeds.negative ? [embeds.negative] : [])]) {
    if (tokens < 1 || !Number.isInteger(tokens) || values.length !== tokens * width) {
      throw new AppError('bad-request', `embeds: expected rows of ${width} values, got ${values.length} values.`, { field: 'embeds' })
    }
  }
  return embeds
}
