// `vae/config.json` of LTX-Video's autoencoder.
import * as v from 'valibot'
import { AppError } from '../../../src/shared/errors'
import { listUpTo, misfitError, MOST, numberIn, parseFields, wholeIn } from '../../../src/shared/file-bounds'

/** Stages of a direction. */
const MOST_STAGES = 32
const channels = wholeIn(1, MOST.channels)
const widths = listUpTo(channels, MOST_STAGES)
const counts = listUpTo(wholeIn(1, MOST.layers), MOST_STAGES)
const flags = listUpTo(v.boolean(), MOST_STAGES)
const patch = wholeIn(1, 64)

/** What is missing has the reference's default: the sizes of the first release. */
export const LtxAutoencoderConfigSchema = v.object({
  in_channels: v.optional(channels, 3),
  out_channels: v.optional(channels, 3),
  latent_channels: v.optional(channels, 128),
  block_out_channels: v.optional(widths, [128, 256, 512, 512]),
  down_block_types: v.optional(
    listUpTo(v.picklist(['LTXVideoDownBlock3D', 'LTXVideo095DownBlock3D']), MOST_STAGES),
    Array(4).fill('LTXVideoDownBlock3D') as [],
  ),
  decoder_block_out_channels: v.optional(widths, [128, 256, 512, 512]),
  layers_per_block: v.optional(counts, [4, 3, 3, 3, 4]),
  decoder_layers_per_block: v.optional(counts, [4, 3, 3, 3, 4]),
  spatio_temporal_scaling: v.optional(flags, [true, true, true, false]),
  decoder_spatio_temporal_scaling: v.optional(flags, [true, true, true, false]),
  decoder_inject_noise: v.optional(flags, Array(5).fill(false) as []),
  downsample_type: v.optional(listUpTo(v.picklist(['conv', 'spatial', 'temporal', 'spatiotemporal']), MOST_STAGES), Array(4).fill('conv') as []),
  upsample_residual: v.optional(flags, Array(4).fill(false) as []),
  upsample_factor: v.optional(counts, [1, 1, 1, 1]),
  timestep_conditioning: v.optional(v.boolean(), false),
  patch_size: v.optional(patch, 4),
  patch_size_t: v.optional(patch, 1),
  resnet_norm_eps: v.optional(numberIn(0, 1), 1e-6),
  scaling_factor: v.optional(numberIn(-1000, 1000), 1),
  encoder_causal: v.optional(v.boolean(), true),
  decoder_causal: v.optional(v.boolean(), false),
})
export type LtxAutoencoderConfig = v.InferOutput<typeof LtxAutoencoderConfigSchema>

/** How a residual block is built. */
export interface ResidualSize {
  name: string
  in: number
  out: number
  conditioned: boolean
  noisy: boolean
}

/** Time, height and width are divided by (or multiplied by) these. */
export type Steps = readonly [time: number, space: number]

/** A stage of the encoder: residual blocks, then perhaps a smaller grid, then perhaps other channels. */
export interface DownStage {
  name: string
  channels: number
  layers: number
  down?: { kind: 'conv' } | { kind: 'fold'; steps: Steps; out: number }
  convOut?: ResidualSize
}

/** A stage of the decoder: perhaps other channels, then perhaps a larger grid, then residual blocks. */
export interface UpStage {
  name: string
  channels: number
  layers: number
  noisy: boolean
  convIn?: ResidualSize
  up?: { in: number; factor: number; residual: boolean }
}

/** The whole network, stage by stage, as the config's lists say it. */
export interface LtxAutoencoderPlan {
  encoder: { first: number; stages: DownStage[]; middle: number; last: number }
  decoder: { first: number; middle: number; middleNoisy: boolean; stages: UpStage[]; last: number }
}

const FOLDS: Record<'spatial' | 'temporal' | 'spatiotemporal', Steps> = { spatial: [1, 2], temporal: [2, 1], spatiotemporal: [2, 2] }

/** @throws AppError weights-corrupt naming the field */
export function parseLtxAutoencoderConfig(config: unknown): LtxAutoencoderConfig {
  return parseFields(LtxAutoencoderConfigSchema, config, (misfit) =>
    misfitError('weights-corrupt', 'vae/config.json', "The autoencoder's config.json does not fit", misfit),
  )
}

/** Reads the config's lists; the decoder's are written from the picture's side and run backwards. */
export function planLtxAutoencoder(config: LtxAutoencoderConfig): LtxAutoencoderPlan {
  return { encoder: planEncoder(config), decoder: planDecoder(config) }
}

function planEncoder(config: LtxAutoencoderConfig): LtxAutoencoderPlan['encoder'] {
  const { block_out_channels: widths, down_block_types: types } = config
  const folding = types.at(-1) === 'LTXVideo095DownBlock3D'
  const count = widths.length - (folding ? 1 : 0)
  const stages: DownStage[] = []
  let channels = item(widths, 0)
  for (let index = 0; index < count; index++) {
    const name = `encoder.down_blocks.${index}`
    const out = item(widths, folding ? index + 1 : Math.min(index + 1, count - 1))
    const stage: DownStage = { name, channels, layers: item(config.layers_per_block, index) }
    const type = folding ? item(config.downsample_type, index) : 'conv'
    if (config.spatio_temporal_scaling[index]) stage.down = type === 'conv' ? { kind: 'conv' } : { kind: 'fold', steps: FOLDS[type], out }
    if (types[index] === 'LTXVideoDownBlock3D' && out !== channels) {
      stage.convOut = { name: `${name}.conv_out`, in: channels, out, conditioned: false, noisy: false }
    }
    stages.push(stage)
    channels = out
  }
  return { first: item(widths, 0), stages, middle: item(config.layers_per_block, config.layers_per_block.length - 1), last: channels }
}

function planDecoder(config: LtxAutoencoderConfig): LtxAutoencoderPlan['decoder'] {
  const widths = config.decoder_block_out_channels.toReversed()
  const layers = config.decoder_layers_per_block.toReversed()
  const noisy = config.decoder_inject_noise.toReversed()
  const scaling = config.decoder_spatio_temporal_scaling.toReversed()
  const residuals = config.upsample_residual.toReversed()
  const factors = config.upsample_factor.toReversed()
  const stages: UpStage[] = []
  let channels = item(widths, 0)
  widths.forEach((width, index) => {
    const name = `decoder.up_blocks.${index}`
    const factor = item(factors, index)
    const inputs = Math.floor(channels / factor)
    channels = Math.floor(width / factor)
    const stage: UpStage = { name, channels, layers: item(layers, index + 1), noisy: noisy[index + 1] ?? false }
    if (inputs !== channels) {
      stage.convIn = { name: `${name}.conv_in`, in: inputs, out: channels, conditioned: config.timestep_conditioning, noisy: stage.noisy }
    }
    if (scaling[index]) stage.up = { in: channels * factor, factor, residual: residuals[index] ?? false }
    stages.push(stage)
  })
  return { first: item(widths, 0), middle: item(layers, 0), middleNoisy: noisy[0] ?? false, stages, last: channels }
}

function item<T>(list: readonly T[], index: number): T {
  const value = list[index]
  if (value === undefined)
    throw new AppError('weights-corrupt', 'The autoencoder’s config.json does not fit: its lists have different lengths.', { file: 'vae/config.json' })
  return value
}

/**
 * Where the original checkpoint keeps what diffusers calls by `name`: its blocks are one list a direction, in the order in
 * which they run, and a few parts have other names.
 */
export function originalAutoencoderName(plan: LtxAutoencoderPlan): (name: string) => string {
  const down = plan.encoder.stages.flatMap(({ name, down, convOut }) => [name, ...(down ? [`${name}.downsamplers.0`] : []), ...(convOut ? [convOut.name] : [])])
  const up = plan.decoder.stages.flatMap(({ name, convIn, up }) => [...(convIn ? [convIn.name] : []), ...(up ? [`${name}.upsamplers.0`] : []), name])
  const blocks = new Map([
    ...[...down, 'encoder.mid_block'].map((name, index) => [name, `encoder.down_blocks.${index}`] as const),
    ...['decoder.mid_block', ...up].map((name, index) => [name, `decoder.up_blocks.${index}`] as const),
  ])
  const inOrder = [...blocks].sort(([a], [b]) => b.length - a.length) // a part of a block before the block
  return (name) => {
    const block = inOrder.find(([ours]) => name.startsWith(`${ours}.`))
    return (block ? block[1] + name.slice(block[0].length) : name)
      .replace('resnets', 'res_blocks')
      .replace('conv_shortcut.conv', 'conv_shortcut')
      .replace('norm3', 'norm3.norm')
      .replace(/^decoder\.(time_embedder|scale_shift_table)/, 'decoder.last_$1')
      .replace('latents_mean', 'per_channel_statistics.mean-of-means')
      .replace('latents_std', 'per_channel_statistics.std-of-means')
  }
}
