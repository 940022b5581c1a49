// Token ids → embeds, by a small BERT-style ONNX model.
import { AppError } from '../../src/shared/errors'
import type { Embeds } from '../../src/shared/prompt-embeds'
import { openSession, Tensor, type InferenceSession } from './runtime'

/** An encoder in memory; release it when the embeds are there. */
export interface TextEncoderModel {
  encode(ids: readonly number[]): Promise<Omit<Embeds, 'usedPrompt'>>
  release(): Promise<void>
}

/**
 * Loads an encoder with the inputs `input_ids`, `attention_mask` and optionally `token_type_ids`, i64 [1, L],
 * and the output `last_hidden_state`, f32 [1, L, E].
 * @param model the verified bytes of an ONNX file
 * @param file its name, for the error
 * @throws AppError weights-corrupt when the runtime rejects it
 */
export async function openTextEncoder(model: Uint8Array<ArrayBuffer>, file: string): Promise<TextEncoderModel> {
  const session = await openSession(model).catch((error: unknown) => {
    throw new AppError(
      'weights-corrupt',
      `${file}: expected an ONNX model that ONNX Runtime can load, got: ${error instanceof Error ? error.message : String(error)}`,
      { file },
    )
  })
  return {
    encode: (ids) => run(session, ids, file),
    release: () => session.release(),
  }
}

async function run(session: InferenceSession, ids: readonly number[], file: string): Promise<Omit<Embeds, 'usedPrompt'>> {
  const tokens = ids.length
  const inputs: Record<string, BigInt64Array> = {
    input_ids: BigInt64Array.from(ids, BigInt),
    attention_mask: new BigInt64Array(tokens).fill(1n), // one prompt at a time: no padding, no mask
    token_type_ids: new BigInt64Array(tokens),
  }
  const feeds: Record<string, Tensor> = {}
  for (const name of session.inputNames) {
    const values = inputs[name]
    if (!values)
      throw new AppError('weights-corrupt', `${file}: expected the inputs ${Object.keys(inputs).join(', ')}, got one named ${name}.`, { file, input: name })
    feeds[name] = new Tensor('int64', values, [1, tokens])
  }
  const output = (await session.run(feeds, ['last_hidden_state']))['last_hidden_state']
  const [batch, length, width] = output?.dims ?? []
  if (!output || output.type !== 'float32' || batch !== 1 || length !== tokens || !width) {
    const found = output ? `${output.type} [${output.dims.join(', ')}]` : 'nothing'
    throw new AppError('weights-corrupt', `${file}: expected last_hidden_state of float32 [1, ${tokens}, width], got ${found}.`, { file, found })
  }
  // a copy: the runtime frees its memory with the session
  return { values: Float32Array.from(output.data as Float32Array), tokens, width }
}
