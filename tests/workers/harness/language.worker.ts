// Runs the language model for tests in a real browser: the ids that it reads and generates.
import { expose } from 'comlink'
import { registerErrorTransfer } from '../../../src/shared/error-transfer'
import { openLanguageModel, type Answer, type LanguageModel } from '../../../workers/text/language-model'
import { enhancerDecoding, enhancerMessages } from '../../../workers/text/enhancer-prompt'

registerErrorTransfer()

let model: LanguageModel | undefined

const language = {
  /** @param url of the model's folder, ending in / */
  async open(url: string): Promise<void> {
    model = await openLanguageModel(async (path) => new Uint8Array(await (await fetch(url + path)).arrayBuffer()))
  },

  /** @param stopAfter number of partial texts after which it is stopped */
  async write(words: string, seed?: number, stopAfter = Infinity): Promise<Answer & { partial: string[] }> {
    if (!model) throw new Error('No model is open.')
    const stop = new AbortController()
    const partial: string[] = []
    const answer = await model.answer(stop.signal, enhancerMessages(words), enhancerDecoding(seed), (text) => {
      if (partial.push(text) >= stopAfter) stop.abort()
    })
    return { ...answer, partial }
  },

  async close(): Promise<void> {
    await model?.release()
    model = undefined
  },
}
export type LanguageHarness = typeof language

expose(language)
