// The configs inside LTX-Video's single-file checkpoints (the `config` of the safetensors metadata), as diffusers writes them.
// Source of the block names and their meaning: Lightricks/LTX-Video, causal_video_autoencoder.py and diffusers_config_mapping.py.
import * as v from 'valibot'
import { AppError } from '../../../src/shared/errors'
import { listUpTo, MAX_FILE_BYTES, MOST, numberIn, parseFields, textUpTo, wholeIn } from '../../../src/shared/file-bounds'
import type { LtxAutoencoderConfig } from './autoencoder-config'

const channels = wholeIn(1, MOST.channels)
const layers = wholeIn(0, MOST.layers)

/** A block of the autoencoder: its kind, and its numbers (a bare number is `num_layers`). */
const BlockSchema = v.tuple([
  textUpTo(MOST.nameCharacters),
  v.union([
    layers,
    v.object({
      num_layers: v.optional(layers, 1),
      multiplier: v.optional(numberIn(0, 64)),
      residual: v.optional(v.boolean(), false),
      inject_noise: v.optional(v.boolean(), false),
    }),
  ]),
])
type Block = v.InferOutput<typeof BlockSchema>
const blocks = listUpTo(BlockSchema, 64)

const AutoencoderSchema = v.object({
  _class_name: v.literal('CausalVideoAutoencoder'),
  in_channels: v.optional(channels, 3),
  out_channels: v.optional(channels, 3),
  latent_channels: channels,
  /** both directions in one list, or each its own; the decoder's is written from the picture's side */
  blocks: v.optional(blocks),
  encoder_blocks: v.optional(blocks),
  decoder_blocks: v.optional(blocks),
  encoder_base_channels: v.optional(channels, 128),
  decoder_base_channels: v.optional(channels, 128),
  patch_size: wholeIn(1, 64),
  norm_layer: v.literal('pixel_norm'),
  causal_decoder: v.optional(v.boolean(), false),
  timestep_conditioning: v.optional(v.boolean(), false),
  spatial_padding_mode: v.optional(v.literal('zeros'), 'zeros'),
  scaling_factor: v.optional(numberIn(-1000, 1000), 1),
})

const ConfigSchema = v.object({
  transformer: v.looseObject({
    _class_name: v.literal('Transformer3DModel'),
    num_attention_heads: layers,
    attention_head_dim: wholeIn(1, 1024),
    num_layers: layers,
    in_channels: channels,
    out_channels: channels,
    cross_attention_dim: channels,
    caption_channels: channels,
    qk_norm: v.literal('rms_norm'),
    positional_embedding_type: v.literal('rope'),
  }),
  vae: AutoencoderSchema,
  scheduler: v.looseObject({
    _class_name: v.literal('RectifiedFlowScheduler'),
    shifting: v.nullish(v.picklist(['SD3'])),
    target_shift_terminal: v.nullish(numberIn(0, 1)),
    sampler: v.optional(v.picklist(['Uniform', 'LinearQuadratic']), 'Uniform'),
  }),
  /** distilled models: the only timesteps that they were taught, from 1 downwards */
  allowed_inference_steps: v.optional(v.nullable(listUpTo(numberIn(0, 1), MOST.steps))),
})

/** What a single-file checkpoint says of itself, by diffusers' names. */
export interface LtxOriginalConfig {
  /** of LTXVideoTransformer3DModel */
  transformer: Record<string, unknown>
  /** of AutoencoderKLLTXVideo */
  autoencoder: Partial<LtxAutoencoderConfig>
  /** of FlowMatchEulerDiscreteScheduler */
  scheduler: Record<string, unknown>
  sampler: 'Uniform' | 'LinearQuadratic'
  /** sigmas that a distilled model was taught; undefined: any */
  allowedSigmas?: readonly number[]
}

/**
 * Translates the text of the metadata's `config`.
 * @throws AppError weights-corrupt naming what is not supported
 */
export function parseLtxOriginalConfig(text: string, file: string): LtxOriginalConfig {
  const unfit = (reason: string) => new AppError('weights-corrupt', `${file} holds a config that Kinora cannot run: ${reason}.`, { file, reason })
  if (text.length > MAX_FILE_BYTES.config) throw unfit(`it has ${text.length} characters, more than ${MAX_FILE_BYTES.config}`)
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    throw unfit('it is not JSON')
  }
  const parsed = parseFields(ConfigSchema, json, (misfit) => unfit(misfit.text))
  const { transformer, vae, scheduler, allowed_inference_steps: steps } = parsed
  const encoder = vae.encoder_blocks ?? vae.blocks
  const decoder = vae.decoder_blocks ?? vae.blocks
  if (!encoder || !decoder) throw unfit('vae: neither blocks nor encoder_blocks and decoder_blocks')
  return {
    transformer: { ...transformer, _class_name: 'LTXVideoTransformer3DModel', qk_norm: 'rms_norm_across_heads', patch_size: 1, patch_size_t: 1 },
    autoencoder: {
      in_channels: vae.in_channels,
      out_channels: vae.out_channels,
      latent_channels: vae.latent_channels,
      patch_size: vae.patch_size,
      patch_size_t: 1,
      scaling_factor: vae.scaling_factor,
      encoder_causal: true,
      decoder_causal: vae.causal_decoder,
      timestep_conditioning: vae.timestep_conditioning,
      ...encoderLists(encoder, vae.encoder_base_channels, unfit),
      ...decoderLists(decoder, vae.decoder_base_channels, unfit),
    },
    scheduler: {
      _class_name: 'FlowMatchEulerDiscreteScheduler',
      num_train_timesteps: 1000,
      shift: 1,
      ...(scheduler.shifting === 'SD3' && {
        use_dynamic_shifting: true,
        base_image_seq_len: 1024,
        max_image_seq_len: 4096,
        base_shift: 0.95,
        max_shift: 2.05,
      }),
      ...(scheduler.target_shift_terminal != null && { shift_terminal: scheduler.target_shift_terminal }),
    },
    sampler: scheduler.sampler,
    ...(steps && { allowedSigmas: steps }),
  }
}

type Unfit = (reason: string) => AppError
type Encoder = Pick<LtxAutoencoderConfig, 'block_out_channels' | 'down_block_types' | 'layers_per_block' | 'spatio_temporal_scaling' | 'downsample_type'>
type Decoder = Pick<
  LtxAutoencoderConfig,
  | 'decoder_block_out_channels'
  | 'decoder_layers_per_block'
  | 'decoder_spatio_temporal_scaling'
  | 'decoder_inject_noise'
  | 'upsample_residual'
  | 'upsample_factor'
>

const FOLDING = { compress_space_res: 'spatial', compress_time_res: 'temporal', compress_all_res: 'spatiotemporal' } as const

/** Runs of residual blocks, each but the last followed by a smaller grid, by wider channels, or by both. */
function encoderLists(blocks: readonly Block[], base: number, unfit: Unfit): Encoder {
  const folding = blocks.some(([kind]) => kind in FOLDING)
  const layers: number[] = []
  const widths = [base]
  const scaling: boolean[] = []
  const types: Encoder['downsample_type'] = []
  for (const [index, [kind, numbers]] of blocks.entries()) {
    const { num_layers, multiplier } = parameters(numbers)
    const width = widths.at(-1) ?? base
    if (kind === 'res_x') {
      // the last run is the middle block, which belongs to no stage
      const follows = blocks[index - 1]?.[0]
      if (follows === 'res_x' && index !== blocks.length - 1) throw unfit('vae encoder: two runs of res_x in the middle')
      if (follows === 'res_x' && !folding) {
        scaling.push(false)
        types.push('conv')
        widths.push(width)
      }
      layers.push(num_layers)
    } else if (kind in FOLDING) {
      scaling.push(true)
      types.push(FOLDING[kind as keyof typeof FOLDING])
      widths.push(width * (multiplier ?? 2))
    } else if (kind === 'compress_all' && !folding) {
      scaling.push(true)
      types.push('conv')
      widths.push(width)
    } else if (kind === 'res_x_y' && blocks[index - 1]?.[0] === 'compress_all') {
      widths[widths.length - 1] = width * (multiplier ?? 2)
    } else {
      throw unfit(`vae encoder: the block ${kind} in this place`)
    }
  }
  const stages = scaling.length
  if (layers.length !== stages + 1) throw unfit(`vae encoder: ${layers.length} runs of res_x around ${stages} steps`)
  return {
    block_out_channels: folding ? widths : widths.slice(0, stages),
    down_block_types: Array<Encoder['down_block_types'][number]>(stages).fill(folding ? 'LTXVideo095DownBlock3D' : 'LTXVideoDownBlock3D'),
    layers_per_block: layers,
    spatio_temporal_scaling: scaling,
    downsample_type: types,
  }
}

/** The same backwards: the list is written from the picture's side, as diffusers' lists are. */
function decoderLists(blocks: readonly Block[], base: number, unfit: Unfit): Decoder {
  const layers: number[] = []
  const noise: boolean[] = []
  const widths: number[] = []
  const scaling: boolean[] = []
  const residual: boolean[] = []
  const factors: number[] = []
  let width = base
  for (const [index, [kind, numbers]] of blocks.entries()) {
    const { num_layers, inject_noise, multiplier, residual: kept } = parameters(numbers)
    if (kind === 'res_x') {
      if (blocks[index - 1]?.[0] === 'res_x') {
        // no step between two runs: a stage that keeps the grid
        if (index !== blocks.length - 1) throw unfit('vae decoder: two runs of res_x in the middle')
        widths.push(width)
        scaling.push(false)
        residual.push(false)
        factors.push(1)
      }
      layers.push(num_layers)
      noise.push(inject_noise)
    } else if (kind === 'compress_all') {
      width *= multiplier ?? 1
      widths.push(width)
      scaling.push(true)
      residual.push(kept)
      factors.push(multiplier ?? 1)
    } else if (kind === 'res_x_y' && blocks[index - 1]?.[0] === 'compress_all') {
      width *= multiplier ?? 2
    } else {
      throw unfit(`vae decoder: the block ${kind} in this place`)
    }
  }
  if (layers.length !== scaling.length + 1) throw unfit(`vae decoder: ${layers.length} runs of res_x around ${scaling.length} steps`)
  return {
    decoder_block_out_channels: widths,
    decoder_layers_per_block: layers,
    decoder_spatio_temporal_scaling: scaling,
    decoder_inject_noise: noise,
    upsample_residual: residual,
    upsample_factor: factors,
  }
}

function parameters(numbers: Block[1]): Exclude<Block[1], number> {
  return typeof numbers === 'number' ? { num_layers: numbers, residual: false, inject_noise: false } : numbers
}
