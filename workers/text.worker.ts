// The text API: fetches a model's tokenizer and encoder, and turns prompts into embeds. The page hands it a port for whoever calls it.
import { expose, transfer } from 'comlink'
import type { Embeds } from '../src/shared/prompt-embeds'
import type { TextApi } from '../src/shared/worker-apis'
import { registerErrorTransfer } from '../src/shared/error-transfer'
import { openTextEncoder } from './text/encoder'
import { createTokenizer } from './text/tokenizer'
import { fetchManifest, fetchModelFile, modelFile } from './weights/fetch-file'

registerErrorTransfer()

/** The page ends this worker instead of a call. */
const never = new AbortController().signal
const ENCODER = 'text_encoder/onnx/model_quantized.onnx'

const api: TextApi = {
  async encode(modelUrl, prompts) {
    const manifest = await fetchManifest(never, modelUrl)
    const fetchChecked = (path: string) => fetchModelFile(never, modelUrl, modelFile(manifest, path))
    const [tokenizer, config, model] = await Promise.all([
      fetchChecked('tokenizer/tokenizer.json'),
      fetchChecked('tokenizer/tokenizer_config.json'),
      fetchChecked(ENCODER),
    ])
    const tokenize = createTokenizer(tokenizer, config, manifest.text.maxTokens)
    const encoder = await openTextEncoder(model, ENCODER)
    try {
      const embeds: Embeds[] = []
      for (const prompt of prompts) {
        const { ids, usedPrompt } = tokenize(prompt)
        embeds.push({ ...(await encoder.encode(ids)), usedPrompt })
      }
      return transfer(
        embeds,
        embeds.map(({ values }) => values.buffer),
      )
    } finally {
      await encoder.release()
    }
  },
}

addEventListener('message', ({ data }: MessageEvent<MessagePort>) => expose(api, data))
