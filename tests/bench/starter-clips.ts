// The starter, loaded for clips whose words are made up: what words say costs neither time nor memory.
import type { Gpu } from '../../workers/engine/device'
import type { FloatDType } from '../../workers/engine/tensor'
import { loadModel } from '../../workers/models/starter/runtime'
import type { LoadedModel, PromptEmbedding } from '../../workers/pipeline/model'
import { fetchManifest } from '../../workers/weights/fetch-file'
import { serveFolder } from '../evaluate/serve-folder'
import { randomValues } from '../gpu/reference'

const WORDS = 8

/** Loads the starter for as long as `body` runs. @param dtype of activations */
export async function withStarter<T>(gpu: Gpu, dtype: FloatDType, body: (model: LoadedModel, embed: (prompt: string) => PromptEmbedding) => Promise<T>): Promise<T> {
  const { signal } = new AbortController()
  const server = await serveFolder('public/models/starter')
  try {
    const model = await loadModel(signal, gpu, server.url, await fetchManifest(server.url), { precision: dtype }, () => undefined)
    try {
      const width = model.transformer.config.caption_channels
      return await body(model, (prompt) => ({ values: randomValues(prompt.length, WORDS * width), tokens: WORDS, width, usedPrompt: prompt }))
    } finally {
      model.close()
    }
  } finally {
    server.close()
  }
}
