// What the small language model is told, so that a few words become a paragraph as LTX-Video was trained on: what is seen and
// what it does, in its order, then its looks, the place, the camera and the light.
import type { Decoding, Message } from './language-model'
import instructions from './enhancer-instructions.json'

/** What is said to the model for these words: the task, two examples, and they. */
export function enhancerMessages(words: string): Message[] {
  return [
    { role: 'system', content: instructions.system },
    ...instructions.examples.flatMap(({ words: short, paragraph }): Message[] => [
      { role: 'user', content: short },
      { role: 'assistant', content: paragraph },
    ]),
    { role: 'user', content: words },
  ]
}

/** How an answer is read off. @param seed for another one than the likeliest */
export function enhancerDecoding(seed?: number): Decoding {
  return { ...instructions.decoding, ...(seed !== undefined && { seed }) }
}
