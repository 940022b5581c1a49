// What a weights file contains, detected from the tensor names and shapes in its header.
import { AppError } from '../../src/shared/errors'

/** A part of a model that Kinora can run. */
export type CheckpointPart = 'transformer' | 'autoencoder' | 'text-encoder'

/** The content of a file. */
export interface CheckpointKind {
  /** a single-file checkpoint contains a transformer and an autoencoder */
  parts: readonly CheckpointPart[]
  /** the naming scheme of the keys: that of diffusers (transformers for T5), or of the original code */
  names: 'diffusers' | 'original'
  /** channels and blocks of the transformer or text encoder, if there is one */
  width?: number
  blocks?: number
}

/** The header's tensors by name. */
export type TensorShapes = ReadonlyMap<string, { shape: readonly number[] }>

const SUPPORTED = 'Kinora runs LTX-Video 2B (0.9.0 to 0.9.8) and T5 v1.1 encoders'

/** Tensors that identify a part of a supported model; `input` has the shape [width, input channels]. */
const LTX_TRANSFORMER = {
  original: { input: 'patchify_proj.weight', block: /transformer_blocks\.(\d+)\.attn1\.q_norm\.weight$/ },
  diffusers: { input: 'proj_in.weight', block: /transformer_blocks\.(\d+)\.attn1\.norm_q\.weight$/ },
} as const
const LTX_AUTOENCODER = { original: 'decoder.up_blocks.0.res_blocks.0.conv1.conv.weight', diffusers: 'decoder.mid_block.resnets.0.conv1.conv.weight' } as const
const T5 = { input: /^(?:shared|encoder\.embed_tokens)\.weight$/, block: /^encoder\.block\.(\d+)\.layer\.1\.DenseReluDense\.wi_1\.weight$/ }
/** Tokens of T5 v1.1, with those that it reserves. */
export const T5_VOCABULARY = 32128
/** Other encoders with the tensor names of T5 v1.1, by a tensor, by its shape if its name is not enough, and their name. */
const FOREIGN_T5: readonly (readonly [tensor: RegExp, fits: ((shape: readonly number[]) => boolean) | undefined, name: string])[] = [
  [/^encoder\.block\.[1-9]\d*\.layer\.0\.SelfAttention\.relative_attention_bias\.weight$/, undefined, 'UMT5, which has a position bias in every block'],
  [T5.input, ([rows = 0]) => rows > T5_VOCABULARY, 'mT5, which has a vocabulary of its own'],
]
/** Prefixes that single-file checkpoints put before the names of a part. */
const PREFIXES = { transformer: ['', 'model.diffusion_model.'], autoencoder: ['', 'vae.'] } as const

/** Other models that people may try, by a tensor that only they have. The first match is named in the error. */
const OTHERS: readonly (readonly [tensor: RegExp, name: string])[] = [
  [/(^|\.)(audio_)?patchify_proj\.weight$|audio_to_video_attn/, 'LTX-2, which has audio'],
  [/blocks\.0\.cross_attn\.k_img\.weight$/, 'Wan image to video'],
  [/blocks\.0\.self_attn\.norm_q\.weight$|condition_embedder\.time_embedder/, 'Wan'],
  [/txt_in\.individual_token_refiner|context_embedder\.token_refiner/, 'HunyuanVideo'],
  [/transformer_blocks\.0\.attn1\.to_q\.weight.*$|patch_embed\.pos_embedding/, 'CogVideoX'],
  [/double_blocks\.0\.img_attn|single_transformer_blocks\.0\./, 'FLUX'],
  [/joint_blocks\.0\.|transformer_blocks\.0\.norm1_context/, 'Stable Diffusion 3'],
  [/input_blocks\.0\.0\.weight$|down_blocks\.0\.attentions\.0\.transformer_blocks/, 'Stable Diffusion (a U-Net)'],
  [/lora_[AB]\.|lora_(up|down)\./, 'a LoRA, which is an adapter for another model'],
  [/text_model\.encoder\.layers\.0\./, 'CLIP'],
  [/^encoder\.block\.0\.layer\.1\.DenseReluDense\.wi\.weight$/, 'T5 v1.0, without a gated feed-forward'],
  [/model\.layers\.0\.self_attn\.q_proj\.weight$/, 'a language model'],
]

/**
 * Detects the content of a file.
 * @param file its name, for the error
 * @throws AppError weights-corrupt, naming the unsupported model if it is recognized
 */
export function checkpointKind(tensors: TensorShapes, file: string): CheckpointKind {
  for (const names of ['original', 'diffusers'] as const) {
    const { input, block } = LTX_TRANSFORMER[names]
    const transformer = PREFIXES.transformer.map((prefix) => tensors.get(prefix + input)).find((tensor) => tensor)
    const autoencoder = PREFIXES.autoencoder.some((prefix) => tensors.has(prefix + LTX_AUTOENCODER[names]))
    const blocks = countBlocks(tensors, block)
    if (transformer && blocks > 0) {
      return { parts: autoencoder ? ['transformer', 'autoencoder'] : ['transformer'], names, width: transformer.shape[0] ?? 0, blocks }
    }
    if (autoencoder) return { parts: ['autoencoder'], names }
  }
  const foreign = FOREIGN_T5.find(([tensor, fits = () => true]) => [...tensors].some(([name, { shape }]) => tensor.test(name) && fits(shape)))?.[2]
  if (foreign !== undefined) throw unsupported(file, foreign)
  const blocks = countBlocks(tensors, T5.block)
  const table = [...tensors].find(([name]) => T5.input.test(name))?.[1]
  if (table && blocks > 0) return { parts: ['text-encoder'], names: 'diffusers', width: table.shape[1] ?? 0, blocks }

  const names = [...tensors.keys()]
  const found =
    OTHERS.find(([tensor]) => names.some((name) => tensor.test(name)))?.[1] ?? `an unknown model (${names.length} tensors, the first is ${names[0] ?? 'none'})`
  throw unsupported(file, found)
}

function unsupported(file: string, found: string): AppError {
  return new AppError('weights-corrupt', `${file} contains ${found}; ${SUPPORTED}.`, { file, expected: SUPPORTED, found })
}

const PARTS: Readonly<Record<CheckpointPart, string>> = {
  transformer: 'a transformer of LTX-Video',
  autoencoder: 'an autoencoder of LTX-Video',
  'text-encoder': 'a T5 v1.1 encoder',
}

/** @throws AppError weights-corrupt when a file lacks a part, naming those that it has */
export function requirePart({ parts }: CheckpointKind, part: CheckpointPart, file: string): void {
  if (parts.includes(part)) return
  const found = parts.map((one) => PARTS[one]).join(' and ')
  throw new AppError('weights-corrupt', `${file} holds ${found}; expected ${PARTS[part]}.`, { file, expected: PARTS[part], found })
}

/** One more than the highest block index. */
function countBlocks(tensors: TensorShapes, block: RegExp): number {
  let count = 0
  for (const name of tensors.keys()) {
    const number = block.exec(name)?.[1]
    if (number !== undefined) count = Math.max(count, Number(number) + 1)
  }
  return count
}
