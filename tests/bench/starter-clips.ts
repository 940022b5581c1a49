// The starter, loaded for clips whose words are made up: what words say costs neither time nor memory.
import type { Gpu } from '../../workers/engine/device'
import type { FloatDType } from '../../workers/engine/tensor'
import { openModel } from '../../workers/pipeline/open-model'
import type { Embeds } from '../../src/shared/prompt-embeds'
import type { LoadedModel } from '../../workers/models/architecture'
import { serveFolder } from '../evaluate/serve-folder'
import { randomValues } from '../gpu/reference'

const WORDS = 8

/** Loads the starter for as long as `body` runs. @param dtype of activations */
export async function withStarter<T>(gpu: Gpu, dtype: FloatDType, body: (model: LoadedModel, embed: (prompt: string) => Embeds) => Promise<T>): Promise<T> {
  const { signal } = new AbortController()
  const server = await serveFolder('public/models/starter')
  try {
    const model = await (await openModel(signal, server.url)).load(signal, gpu, { precision: dtype }, () => undefined)
    try {
      const width = model.textWidth
      return await body(model, (prompt) => ({ values: randomValues(prompt.length, WORDS * width), tokens: WORDS, width, usedPrompt: prompt }))
    } finally {
      model.close()
    }
  } finally {
    server.close()
  }
}
