// Writes a short prompt out: the files of a downloaded language model, from this disk, and the model that reads them.
import type { WriterDoor } from '../../src/shared/doors'
import { WRITER } from '../../src/shared/sources'
import { openLanguageModel, type LanguageModel, type LanguageModelFile } from '../text/language-model'
import { sceneDecoding, sceneMessages } from '../text/scene-writing'
import { openStoredSource } from '../weights/stored-source'

const never = new AbortController().signal

/** The door of writer.worker. The model stays in memory until the worker ends. */
export function openPromptWriter(): WriterDoor {
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
      const { text } = await model.answer(signal, sceneMessages(words), sceneDecoding(seed ?? undefined), (soFar) => onProgress({ stage: 'writing', text: soFar }))
      return text
    },
    async stop() {
      writing.abort()
    },
  }
}

/** A file of the model, each chunk compared with its hash. @throws AppError weights-missing, weights-corrupt */
async function readStored(path: LanguageModelFile): Promise<Uint8Array<ArrayBuffer>> {
  const file = await openStoredSource(never, WRITER.id, path)
  return file.read(never, 0, file.bytes)
}
