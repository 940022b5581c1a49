// The starter for benchmarks: its autoencoder alone, or loaded with random prompt embeds, which do not affect time or memory.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from '../../scripts/process.mjs'
import type { Gpu } from '../../workers/engine/device'
import type { FloatDType } from '../../workers/engine/tensor'
import { openModel } from '../../workers/pipeline/open-model'
import type { Embeds } from '../../src/shared/prompt-embeds'
import type { LoadedModel } from '../../workers/models/architecture'
import { weightSource } from '../../workers/models/weight-source'
import { openSafetensors } from '../../workers/weights/safetensors'
import { serveFolder } from '../evaluate/serve-folder'
import { randomValues } from '../gpu/reference'
import type { StarterAutoencoder } from './decoder-rows'

const TEXT_TOKENS = 8

/** Config and weights of the starter's autoencoder. */
export function readStarterAutoencoder(): StarterAutoencoder {
  const file = (name: string) => readFileSync(join(root, 'public/models/starter/vae', name))
  return {
    config: JSON.parse(file('config.json').toString('utf8')) as unknown,
    weights: weightSource(openSafetensors(new Uint8Array(file('diffusion_pytorch_model.safetensors')))),
  }
}

/** Loads the starter for as long as `body` runs. @param dtype of activations */
export async function withStarter<T>(gpu: Gpu, dtype: FloatDType, body: (model: LoadedModel, embed: (prompt: string) => Embeds) => Promise<T>): Promise<T> {
  const { signal } = new AbortController()
  const server = await serveFolder('public/models/starter')
  try {
    const model = await (await openModel(signal, server.url)).load(signal, gpu, { precision: dtype }, () => undefined)
    try {
      const width = model.textWidth
      return await body(model, (prompt) => ({ values: randomValues(prompt.length, TEXT_TOKENS * width), tokens: TEXT_TOKENS, width, usedPrompt: prompt }))
    } finally {
      model.close()
    }
  } finally {
    server.close()
  }
}
