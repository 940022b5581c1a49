// Prompts in the place of embeddings: a text encoder's numbers depend on the processor, these on the words alone.
import { createHash } from 'node:crypto'
import type { PromptEmbedding } from '../../workers/pipeline/model'
import { gaussianNoise } from '../../workers/pipeline/noise'

/** A token for each word, and one for the end. @param width of an embedding */
export function fixedWords(prompt: string, width: number): PromptEmbedding {
  const tokens = prompt.split(' ').length + 1
  const seed = createHash('sha256').update(prompt).digest().readUInt32LE()
  return { values: gaussianNoise(seed, tokens * width), tokens, width, usedPrompt: prompt }
}
