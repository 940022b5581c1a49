// Prompts → embeddings in Node: the page's tokenizer, and the model's own encoder on ONNX Runtime's native build.
import { InferenceSession, Tensor } from 'onnxruntime-node'
import type { ModelManifest } from '../../src/shared/model'
import type { Embeds } from '../../src/shared/prompt-embeds'
import { createTokenizer } from '../../workers/text/tokenizer'
import { fetchModelFile, modelFile } from '../../workers/weights/fetch-file'

const ENCODER = 'text_encoder/onnx/model_quantized.onnx'

export interface NodeTextEncoder {
  embed(prompt: string): Promise<Embeds>
  close(): Promise<void>
}

/**
 * @param url the model folder's address, ending in /
 * @throws AppError weights-missing, weights-truncated, weights-corrupt
 */
export async function openNodeTextEncoder(url: string, manifest: ModelManifest): Promise<NodeTextEncoder> {
  const fetchChecked = (path: string) => fetchModelFile(new AbortController().signal, url, modelFile(manifest, path))
  const [tokenizerJson, config, model] = await Promise.all([
    fetchChecked('tokenizer/tokenizer.json'),
    fetchChecked('tokenizer/tokenizer_config.json'),
    fetchChecked(ENCODER),
  ])
  const tokenize = createTokenizer(tokenizerJson, config, manifest.text.maxTokens)
  const session = await InferenceSession.create(model)
  const known = new Map<string, Embeds>()

  async function encode(prompt: string): Promise<Embeds> {
    const { ids, usedPrompt } = tokenize(prompt)
    const tokens = ids.length
    const inputs: Record<string, BigInt64Array> = {
      input_ids: BigInt64Array.from(ids, BigInt),
      attention_mask: new BigInt64Array(tokens).fill(1n),
      token_type_ids: new BigInt64Array(tokens),
    }
    const feed = (name: string) => new Tensor('int64', inputs[name] ?? new BigInt64Array(tokens), [1, tokens])
    const feeds = Object.fromEntries(session.inputNames.map((name) => [name, feed(name)]))
    const { last_hidden_state: output } = await session.run(feeds)
    const width = output?.dims[2]
    if (!output || !width) throw new Error(`${ENCODER} gives no last_hidden_state.`)
    return { values: Float32Array.from(output.data as Float32Array), tokens, width, usedPrompt }
  }

  return {
    async embed(prompt) {
      const embedding = known.get(prompt) ?? (await encode(prompt))
      known.set(prompt, embedding)
      return embedding
    },
    close: () => session.release(),
  }
}
