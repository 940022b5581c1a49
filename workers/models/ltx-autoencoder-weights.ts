// The weights of LTX-Video's autoencoder, by diffusers' names or the original checkpoint's.
import { reshape, type Tensor } from '../engine/tensor'
import { uploadConv, type ConvWeight } from '../ops/conv'
import { loadConv3d, loadResidual, loadStageTime, RESIDUAL_SLOTS, type Loader, type Residual, type StageTime } from './ltx-autoencoder-block'
import { originalAutoencoderName, type DownStage, type LtxAutoencoderConfig, type LtxAutoencoderPlan, type UpStage } from './ltx-autoencoder-config'
import { loadFloats } from './load-linear'
import { getShaped, getShapedRows, renamed, type WeightSource } from './weight-source'

export interface Stage {
  residuals: Residual[]
  time?: StageTime
}

export interface DownWeights extends Stage {
  plan: DownStage
  down?: ConvWeight
  convOut?: Residual
}

export interface UpWeights extends Stage {
  plan: UpStage
  convIn?: Residual
  up?: ConvWeight
}

export interface Encoder {
  convIn: ConvWeight
  stages: DownWeights[]
  middle: Residual[]
  toMean: ConvWeight
  toLogVariance: ConvWeight
}

export interface Decoder {
  convIn: ConvWeight
  middle: Stage
  stages: UpWeights[]
  last?: { time: StageTime; table: Tensor; scale: number }
  convOut: ConvWeight
}

/** Slots of the table that the timestep shifts and scales the last norm by. */
export const LAST_SLOTS = 2

/** Lets a checkpoint of the original LTX-Video code be asked by diffusers' names. */
export function withDiffusersNames(weights: WeightSource, plan: LtxAutoencoderPlan): WeightSource {
  if (weights.has('decoder.mid_block.resnets.0.conv1.conv.weight')) return weights
  const prefix = ['vae.', ''].find((candidate) => weights.has(`${candidate}decoder.conv_in.conv.weight`)) ?? ''
  const original = originalAutoencoderName(plan)
  return renamed(weights, (name) => prefix + original(name))
}

/** Uploads everything below `encoder.`. @throws AppError weights-corrupt */
export function loadEncoder(loader: Loader, config: LtxAutoencoderConfig, plan: LtxAutoencoderPlan['encoder']): Encoder {
  const { resnet_norm_eps: eps, latent_channels: latents } = config
  const plain = { conditioned: false, noisy: false }
  const load = (name: string, channels: number) => loadResidual(loader, { name, in: channels, out: channels, ...plain }, eps)
  const pixels = config.in_channels * config.patch_size_t * config.patch_size ** 2
  const { mean, logVariance } = loadEncoderOut(loader, latents, plan.last)
  return {
    convIn: loadConv3d(loader, 'encoder.conv_in', plan.first, pixels),
    stages: plan.stages.map((stage) => ({
      plan: stage,
      residuals: Array.from({ length: stage.layers }, (_, index) => load(`${stage.name}.resnets.${index}`, stage.channels)),
      ...(stage.down && { down: loadDown(loader, stage, stage.down) }),
      ...(stage.convOut && { convOut: loadResidual(loader, stage.convOut, eps) }),
    })),
    middle: Array.from({ length: plan.middle }, (_, index) => load(`encoder.mid_block.resnets.${index}`, plan.last)),
    toMean: mean,
    toLogVariance: logVariance,
  }
}

function loadDown(loader: Loader, stage: DownStage, down: NonNullable<DownStage['down']>): ConvWeight {
  if (down.kind === 'conv') return loadConv3d(loader, `${stage.name}.downsamplers.0`, stage.channels, stage.channels)
  const [time, space] = down.steps
  return loadConv3d(loader, `${stage.name}.downsamplers.0.conv`, Math.floor(down.out / (time * space * space)), stage.channels)
}

/** The last convolution has a row for each latent channel's mean and one for the variance of all. */
function loadEncoderOut(loader: Loader, latents: number, inputs: number): { mean: ConvWeight; logVariance: ConvWeight } {
  const { scope, weights, dtype } = loader
  const name = 'encoder.conv_out.conv'
  const shape = [latents + 1, inputs, 3, 3, 3]
  const biases = getShaped(weights, `${name}.bias`, [latents + 1])
  const upload = (first: number, out: number) =>
    uploadConv(scope, (from, count) => getShapedRows(weights, `${name}.weight`, shape, first + from, count), [out, ...shape.slice(1)], biases.subarray(first, first + out), dtype)
  return { mean: upload(0, latents), logVariance: upload(latents, 1) }
}

/** Uploads everything below `decoder.`. @throws AppError weights-corrupt */
export function loadDecoder(loader: Loader, config: LtxAutoencoderConfig, plan: LtxAutoencoderPlan['decoder']): Decoder {
  const { scope, weights } = loader
  const { resnet_norm_eps: eps, timestep_conditioning: conditioned } = config
  const loadStage = (name: string, channels: number, layers: number, noisy: boolean): Stage => ({
    residuals: Array.from({ length: layers }, (_, index) =>
      loadResidual(loader, { name: `${name}.resnets.${index}`, in: channels, out: channels, conditioned, noisy }, eps)),
    ...(conditioned && { time: loadStageTime(loader, name, RESIDUAL_SLOTS, channels) }),
  })
  const table = 'decoder.scale_shift_table'
  return {
    convIn: loadConv3d(loader, 'decoder.conv_in', plan.first, config.latent_channels),
    middle: loadStage('decoder.mid_block', plan.first, plan.middle, plan.middleNoisy),
    stages: plan.stages.map((stage) => ({
      plan: stage,
      ...loadStage(stage.name, stage.channels, stage.layers, stage.noisy),
      ...(stage.convIn && { convIn: loadResidual(loader, stage.convIn, eps) }),
      ...(stage.up && { up: loadConv3d(loader, `${stage.name}.upsamplers.0.conv`, (stage.up.in * 8) / stage.up.factor, stage.up.in) }),
    })),
    ...(conditioned && {
      last: {
        time: loadStageTime(loader, 'decoder', LAST_SLOTS, plan.last),
        table: reshape(loadFloats(scope, weights, table, [LAST_SLOTS, plan.last]), [LAST_SLOTS * plan.last]),
        scale: weights.get('decoder.timestep_scale_multiplier').values[0] ?? 1000,
      },
    }),
    convOut: loadConv3d(loader, 'decoder.conv_out', config.out_channels * config.patch_size ** 2, plan.last),
  }
}
