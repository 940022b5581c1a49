// The prompt enhancer: a downloaded language model that expands a short prompt into a paragraph.
import { PROMPT_ENHANCER } from '../../src/shared/model-catalogue'
import type { PromptEnhancerApi } from '../../src/shared/worker-apis'
import { enhancerDecoding, enhancerMessages } from '../text/enhancer-prompt'
import { openLanguageModel, type LanguageModel, type LanguageModelFile } from '../text/language-model'
import { openDownloadedSource } from '../weights/downloaded-source'

const never = new AbortController().signal

/** The API of prompt-enhancer.worker. The model stays in memory until the worker ends. */
export function openPromptEnhancer(): PromptEnhancerApi {
  let loaded: Promise<LanguageModel> | undefined
  let answering = new AbortController()

  /** A failed load is tried again by the next call: the person may have repaired the download. */
  const load = (): Promise<LanguageModel> =>
    (loaded ??= openLanguageModel(readDownloaded).catch((error: unknown) => {
      loaded = undefined
      throw error
    }))

  return {
    async enhance(prompt, seed, onProgress) {
      answering.abort()
      const { signal } = (answering = new AbortController())
      onProgress({ stage: 'loading' })
      const model = await load()
      onProgress({ stage: 'reading' })
      const { text } = await model.answer(signal, enhancerMessages(prompt), enhancerDecoding(seed ?? undefined), (soFar) =>
        onProgress({ stage: 'writing', text: soFar }),
      )
      return text
    },
    async stop() {
      answering.abort()
    },
  }
}

/** A file of the model, verified chunk by chunk. @throws AppError weights-missing, weights-corrupt */
async function readDownloaded(path: LanguageModelFile): Promise<Uint8Array<ArrayBuffer>> {
  const file = await openDownloadedSource(never, PROMPT_ENHANCER.id, path)
  return file.read(never, 0, file.bytes)
}
