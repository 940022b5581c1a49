// Prompt embeds that depend on the prompt alone: a text encoder's values depend on the processor.
import { createHash } from 'node:crypto'
import type { Embeds } from '../../src/shared/prompt-embeds'
import { gaussianNoise } from '../../workers/pipeline/noise'

/** One token per word, and one for the end. @param width E */
export function fixedEmbeds(prompt: string, width: number): Embeds {
  const tokens = prompt.split(' ').length + 1
  const seed = createHash('sha256').update(prompt).digest().readUInt32LE()
  return { values: gaussianNoise(seed, tokens * width), tokens, width, usedPrompt: prompt }
}
