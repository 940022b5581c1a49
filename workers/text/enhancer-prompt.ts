// The prompt of the prompt enhancer: a small language model turns a few words into a paragraph like those that LTX-Video was trained on:
// the subject and its action in order of time, then its appearance, the place, the camera and the light.
import type { Decoding, Message } from './language-model'
import instructions from './enhancer-instructions.json'

/** The messages for a prompt: the instructions, two examples and the prompt. */
export function enhancerMessages(prompt: string): Message[] {
  return [
    { role: 'system', content: instructions.system },
    ...instructions.examples.flatMap(({ words: short, paragraph }): Message[] => [
      { role: 'user', content: short },
      { role: 'assistant', content: paragraph },
    ]),
    { role: 'user', content: prompt },
  ]
}

/** The decoding parameters. @param seed samples another answer than the most likely one */
export function enhancerDecoding(seed?: number): Decoding {
  return { ...instructions.decoding, ...(seed !== undefined && { seed }) }
}
