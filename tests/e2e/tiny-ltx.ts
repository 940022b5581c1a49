// LTX-Video small enough for a software adapter: a single-file checkpoint with the published names, a T5 encoder and a tokenizer, with
// random weights. The autoencoder compresses like the real one: 32×32 pixels of 8 frames are a latent pixel.
import { readFileSync } from 'node:fs'
import { parseLtxOriginalConfig } from '../../workers/models/ltx/original-config'
import { gaussianNoise } from '../../workers/pipeline/noise'
import { writeSafetensors } from '../../workers/weights/safetensors'

const read = (path: string) => readFileSync(new URL(path, import.meta.url))

/** The checkpoint's config, and the shape of each tensor: training/fake_ltx.py's, with narrower sizes. */
const { config, shapes } = JSON.parse(read('fixtures/ltx-tiny.json').toString()) as {
  config: { transformer: object; vae: object; scheduler: object; allowed_inference_steps: number[] }
  shapes: Record<string, number[]>
}
export const tinyConfig = config

/** Its vocabulary: a, red, sail, boat, sea, sun, … */
export const tinyTokenizer = read('../unit/fixtures/unigram-tokenizer.json')

/** A distilled checkpoint: its metadata lists the steps. */
export function tinyLtx(): Uint8Array<ArrayBuffer> {
  return randomFile(shapes, { config: JSON.stringify(config) })
}

/** The same weights as a folder in diffusers' layout, with the encoder and its tokenizer: path → bytes. */
export function tinyLtxFolder(): Record<string, Uint8Array<ArrayBuffer>> {
  const tensors = randomTensors(shapes)
  const part = (prefix: string, rename: (name: string) => string | null) =>
    writeSafetensors(
      Object.fromEntries(
        Object.entries(tensors).flatMap(([name, tensor]) => {
          const own = name.startsWith(prefix) ? rename(name.slice(prefix.length)) : null
          return own === null ? [] : [[own, tensor]]
        }),
      ),
    )
  const json = (value: object) => new TextEncoder().encode(JSON.stringify(value))
  const { transformer, autoencoder, scheduler } = parseLtxOriginalConfig(JSON.stringify(config), 'ltx-tiny.json')
  return {
    'transformer/config.json': json(transformer),
    'transformer/diffusion_pytorch_model.safetensors': part('model.diffusion_model.', diffusersTransformerName),
    'vae/config.json': json({ _class_name: 'AutoencoderKLLTXVideo', ...autoencoder }),
    'vae/diffusion_pytorch_model.safetensors': part('vae.', diffusersAutoencoderName),
    'scheduler/scheduler_config.json': json(scheduler),
    'text_encoder/model.safetensors': tinyT5(),
    'tokenizer/tokenizer.json': Uint8Array.from(tinyTokenizer),
  }
}

/** Stages of the encoder before its middle block. */
const DOWN_STAGES = 4

const diffusersTransformerName = (name: string) =>
  name.replace('patchify_proj', 'proj_in').replace('adaln_single', 'time_embed').replace('q_norm', 'norm_q').replace('k_norm', 'norm_k')

/** diffusers' middle block is the first of the decoder's and the last of the encoder's; resamplers and stages alternate. null: diffusers has no such tensor. */
function diffusersAutoencoderName(name: string): string | null {
  const statistic = /^per_channel_statistics\.(.*)/.exec(name)?.[1]
  if (statistic !== undefined) return { 'mean-of-means': 'latents_mean', 'std-of-means': 'latents_std' }[statistic] ?? null
  return name
    .replace(/up_blocks\.(\d+)/, (_, number: string) => {
      const stage = Math.ceil(Number(number) / 2) - 1
      return stage < 0 ? 'mid_block' : Number(number) % 2 === 1 ? `up_blocks.${stage}.upsamplers.0` : `up_blocks.${stage}`
    })
    .replace(/down_blocks\.(\d+)/, (_, number: string) => {
      const stage = Math.floor(Number(number) / 2)
      return stage === DOWN_STAGES ? 'mid_block' : Number(number) % 2 === 1 ? `down_blocks.${stage}.downsamplers.0` : `down_blocks.${stage}`
    })
    .replace('res_blocks', 'resnets')
    .replace('last_', '')
}

/** A checkpoint that is not distilled, with this number of blocks. */
export function tinyDevLtx(blocks: number): Uint8Array<ArrayBuffer> {
  const { transformer, vae, scheduler } = config
  const first = /^(model\.diffusion_model\.transformer_blocks)\.0\.(.+)$/
  const outside = Object.entries(shapes).filter(([name]) => !name.includes('.transformer_blocks.'))
  const inside = Object.entries(shapes).flatMap(([name, shape]) => {
    const [, stem, rest] = first.exec(name) ?? []
    return rest === undefined ? [] : Array.from({ length: blocks }, (_, block) => [`${stem}.${block}.${rest}`, shape] as const)
  })
  const metadata = { config: JSON.stringify({ transformer: { ...transformer, num_layers: blocks }, vae, scheduler }) }
  return randomFile(Object.fromEntries([...outside, ...inside]), metadata)
}

/** transformers' names of T5 v1.1; two blocks, four heads of 8. @param wide of the feed-forward */
export function t5Shapes(wide: number): Record<string, number[]> {
  const [width, vocabulary, buckets, heads] = [32, 64, 32, 4]
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
  return {
    'shared.weight': [vocabulary, width],
    'encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight': [buckets, heads],
    'encoder.final_layer_norm.weight': [width],
    ...block(0),
    ...block(1),
  }
}

export function tinyT5(): Uint8Array<ArrayBuffer> {
  return randomFile(t5Shapes(64))
}

type Tensors = Parameters<typeof writeSafetensors>[0]

const randomFile = (tensors: Record<string, number[]>, metadata: Record<string, string> = {}) => writeSafetensors(randomTensors(tensors), metadata)

function randomTensors(tensors: Record<string, number[]>): Tensors {
  return Object.fromEntries(
    Object.entries(tensors).map(([name, shape], index) => [name, { dtype: 'F32', shape, values: randomValues(name, shape, index) }] as const),
  )
}

/** Matrices preserve the scale of their inputs, gains and deviations are about 1, and the decoder's timestep is 0 … 1000. */
export function randomValues(name: string, shape: readonly number[], index: number): Float32Array<ArrayBuffer> {
  const count = shape.reduce((product, size) => product * size, 1)
  const inputs = shape.length > 1 ? count / shape[0]! : 1
  const center = name.endsWith('timestep_scale_multiplier') ? 1000 : /norm|std/.test(name) ? 1 : 0
  const spread = shape.length > 1 ? 1 / Math.sqrt(inputs) : shape.length === 1 ? 0.05 : 0
  return gaussianNoise(1, count, index).map((value) => center + spread * value)
}
