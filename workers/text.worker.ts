// The text API: fetches a model's tokenizer and text encoder, and encodes prompts.
import { expose, transfer } from 'comlink'
import type { TextApi, TextEmbeddings } from '../src/shared/worker-apis'
import { registerErrorTransfer } from '../src/shared/error-transfer'
import { openTextEncoder } from './text/encoder'
import { createTokenizer } from './text/tokenizer'
import { fetchManifest, fetchModelFile, modelFile } from './weights/fetch-file'

registerErrorTransfer()

const ENCODER = 'text_encoder/onnx/model_quantized.onnx'

const text: TextApi = {
  async encode(modelUrl, prompts) {
    const manifest = await fetchManifest(modelUrl)
    const fetchChecked = (path: string) => fetchModelFile(modelUrl, modelFile(manifest, path))
    const [tokenizer, config, model] = await Promise.all([
      fetchChecked('tokenizer/tokenizer.json'),
      fetchChecked('tokenizer/tokenizer_config.json'),
      fetchChecked(ENCODER),
    ])
    const tokenize = createTokenizer(tokenizer, config, manifest.text.maxTokens)
    const encoder = await openTextEncoder(model, ENCODER)
    try {
      const embeddings: TextEmbeddings['prompts'] = []
      for (const prompt of prompts) {
        const { ids, usedPrompt } = tokenize(prompt)
        embeddings.push({ ...(await encoder.encode(ids)), usedPrompt })
      }
      return transfer({ prompts: embeddings }, embeddings.map((e) => e.values.buffer))
    } finally {
      await encoder.release()
    }
  },
}

expose(text)
