// Writes a short prompt out: the files of a downloaded language model, from this disk, and the model that reads them.
import type { PromptEnhancerApi } from '../../src/shared/worker-apis'
import { PROMPT_ENHANCER } from '../../src/shared/model-catalogue'
import { openLanguageModel, type LanguageModel, type LanguageModelFile } from '../text/language-model'
import { enhancerDecoding, enhancerMessages } from '../text/enhancer-prompt'
import { openDownloadedSource } from '../weights/downloaded-source'

const never = new AbortController().signal

/** The door of writer.worker. The model stays in memory until the worker ends. */
export function openPromptEnhancer(): PromptEnhancerApi {
  let loaded: Promise<LanguageModel> | undefined
  let writing = new AbortController()

  /** One that could not be loaded is tried again: its files may have been mended. */
  const load = (): Promise<LanguageModel> =>
    (loaded ??= openLanguageModel(readStored).catch((error: unknown) => {
      loaded = undefined
      throw error
    }))

  return {
    async write(words, seed, onProgress) {
      writing.abort()
      const { signal } = (writing = new AbortController())
      onProgress({ stage: 'loading' })
      const model = await load()
      onProgress({ stage: 'reading' })
      const { text } = await model.answer(signal, enhancerMessages(words), enhancerDecoding(seed ?? undefined), (soFar) => onProgress({ stage: 'writing', text: soFar }))
      return text
    },
    async stop() {
      writing.abort()
    },
  }
}

/** A file of the model, each chunk compared with its hash. @throws AppError weights-missing, weights-corrupt */
async function readStored(path: LanguageModelFile): Promise<Uint8Array<ArrayBuffer>> {
  const file = await openDownloadedSource(never, PROMPT_ENHANCER.id, path)
  return file.read(never, 0, file.bytes)
}
