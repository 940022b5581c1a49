// LTX-Video so small that a processor runs it: a single-file checkpoint with the published names, a T5 encoder and a tokenizer, their
// weights drawn at random. The decoder halves and doubles as often as the real one: 32×32 pixels of 8 frames are a latent pixel.
import { readFileSync } from 'node:fs'
import { gaussianNoise } from '../../workers/pipeline/noise'
import { writeSafetensors } from '../../workers/weights/safetensors'

const read = (path: string) => readFileSync(new URL(path, import.meta.url))

/** The checkpoint's config, and the shape of each tensor: training/fake_ltx.py's, with narrower sizes and without the encoder. */
const { config, shapes } = JSON.parse(read('fixtures/ltx-tiny.json').toString()) as { config: object; shapes: Record<string, number[]> }

/** Words that it knows: a, red, sail, boat, sea, sun, … */
export const tinyTokenizer = read('../unit/fixtures/unigram-tokenizer.json')

export function tinyLtx(): Uint8Array<ArrayBuffer> {
  return randomFile(shapes, { config: JSON.stringify(config) })
}

/** transformers' names of T5 v1.1; two blocks, four heads of 8 */
export function tinyT5(): Uint8Array<ArrayBuffer> {
  const [width, wide, vocabulary, buckets, heads] = [32, 64, 64, 32, 4]
  const block = (index: number): Record<string, number[]> => {
    const [attention, feed] = [0, 1].map((half) => `encoder.block.${index}.layer.${half}`)
    return {
      ...Object.fromEntries(['q', 'k', 'v', 'o'].map((part) => [`${attention}.SelfAttention.${part}.weight`, [width, width]])),
      [`${attention}.layer_norm.weight`]: [width],
      [`${feed}.DenseReluDense.wi_0.weight`]: [wide, width],
      [`${feed}.DenseReluDense.wi_1.weight`]: [wide, width],
      [`${feed}.DenseReluDense.wo.weight`]: [width, wide],
      [`${feed}.layer_norm.weight`]: [width],
    }
  }
  return randomFile({
    'shared.weight': [vocabulary, width],
    'encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight': [buckets, heads],
    'encoder.final_layer_norm.weight': [width],
    ...block(0),
    ...block(1),
  })
}

/** Matrices keep the size of what they are given, gains and deviations are about 1, and the decoder's timestep is 0 … 1000. */
function randomFile(tensors: Record<string, number[]>, metadata: Record<string, string> = {}): Uint8Array<ArrayBuffer> {
  const written = Object.entries(tensors).map(([name, shape], index) => {
    const count = shape.reduce((product, size) => product * size, 1)
    const inputs = shape.length > 1 ? count / shape[0]! : 1
    const centre = name.endsWith('timestep_scale_multiplier') ? 1000 : /norm|std/.test(name) ? 1 : 0
    const spread = shape.length > 1 ? 1 / Math.sqrt(inputs) : shape.length === 1 ? 0.05 : 0
    const values = gaussianNoise(1, count, index).map((value) => centre + spread * value)
    return [name, { dtype: 'F32', shape, values }] as const
  })
  return writeSafetensors(Object.fromEntries(written), metadata)
}
