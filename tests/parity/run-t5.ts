import type { Scope } from '../../workers/engine/scope'
import { T5Encoder } from '../../workers/models/t5/encoder'
import { parseT5EncoderConfig } from '../../workers/models/t5/encoder-config'
import { streamInMemory } from '../../workers/models/stream-in-memory'
import { need, readWeights, type ParityCase } from './read-case'
import type { Outputs, Precision } from './read-case'
import { transformerOptions } from './run-transformer'

/** T5EncoderModel.forward: each prompt by its true length, zeros at padded positions, as the cases record them. */
export async function runT5(scope: Scope, parityCase: ParityCase, precision: Precision): Promise<Outputs> {
  const { values: ids, shape } = need(parityCase, 'input_ids')
  const { values: mask } = need(parityCase, 'attention_mask')
  const [batch = 0, tokens = 0] = shape
  const config = parseT5EncoderConfig(parityCase.config)
  const encoder = new T5Encoder(config, transformerOptions(scope, precision), streamInMemory(readWeights(parityCase.folder)))
  const prompts = Array.from({ length: batch }, (_, row) => {
    const end = mask.subarray(row * tokens, (row + 1) * tokens).lastIndexOf(1) + 1
    return Uint32Array.from(ids.subarray(row * tokens, row * tokens + end))
  })
  const embeds = await encoder.encode(new AbortController().signal, scope, prompts)
  const values = new Float32Array(batch * tokens * config.d_model)
  for (const [row, embed] of embeds.entries()) values.set(await scope.gpu.read(embed), row * tokens * config.d_model)
  return new Map([['last_hidden_state', { shape: [batch, tokens, config.d_model], values }]])
}
