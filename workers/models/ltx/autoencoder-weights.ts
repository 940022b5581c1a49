// The weights of LTX-Video's autoencoder, by diffusers' names or the original checkpoint's.
import { reshape, type Tensor } from '../../engine/tensor'
import type { ConvWeight } from '../../ops/conv'
import { inTurn, renamedFloats, streamFloats, type FloatStream, type StreamLoader } from '../float-stream'
import { loadConv3d, loadResidual, loadStageTime, RESIDUAL_SLOTS, type Residual, type StageTime } from './autoencoder-block'
import { originalAutoencoderName, type DownStage, type LtxAutoencoderConfig, type LtxAutoencoderPlan, type UpStage } from './autoencoder-config'

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
export function withDiffusersNames(weights: FloatStream, plan: LtxAutoencoderPlan): FloatStream {
  if (weights.has('decoder.mid_block.resnets.0.conv1.conv.weight')) return weights
  const prefix = ['vae.', ''].find((candidate) => weights.has(`${candidate}decoder.conv_in.conv.weight`)) ?? ''
  const original = originalAutoencoderName(plan)
  return renamedFloats(weights, (name) => prefix + original(name))
}

/** Uploads everything below `encoder.`. @throws AppError weights-corrupt */
export async function loadEncoder(loader: StreamLoader, config: LtxAutoencoderConfig, plan: LtxAutoencoderPlan['encoder']): Promise<Encoder> {
  const { resnet_norm_eps: eps, latent_channels: latents } = config
  const plain = { conditioned: false, noisy: false }
  const loadBlocks = (name: string, count: number, channels: number) =>
    inTurn(Array(count).keys(), (index) => loadResidual(loader, { name: `${name}.resnets.${index}`, in: channels, out: channels, ...plain }, eps))
  const pixels = config.in_channels * config.patch_size_t * config.patch_size ** 2
  return {
    convIn: await loadConv3d(loader, 'encoder.conv_in', plan.first, pixels),
    stages: await inTurn(plan.stages, async (stage) => ({
      plan: stage,
      residuals: await loadBlocks(stage.name, stage.layers, stage.channels),
      ...(stage.down && { down: await loadDown(loader, stage, stage.down) }),
      ...(stage.convOut && { convOut: await loadResidual(loader, stage.convOut, eps) }),
    })),
    middle: await loadBlocks('encoder.mid_block', plan.middle, plan.last),
    ...(await loadEncoderOut(loader, latents, plan.last)),
  }
}

function loadDown(loader: StreamLoader, stage: DownStage, down: NonNullable<DownStage['down']>): Promise<ConvWeight> {
  if (down.kind === 'conv') return loadConv3d(loader, `${stage.name}.downsamplers.0`, stage.channels, stage.channels)
  const [time, space] = down.steps
  return loadConv3d(loader, `${stage.name}.downsamplers.0.conv`, Math.floor(down.out / (time * space * space)), stage.channels)
}

/** The last convolution has a row for each latent channel's mean and one for the variance of all. */
async function loadEncoderOut(
  { signal, upload, weights, dtype }: StreamLoader,
  latents: number,
  inputs: number,
): Promise<Pick<Encoder, 'toMean' | 'toLogVariance'>> {
  const name = 'encoder.conv_out.conv'
  const shape = [latents + 1, inputs, 3, 3, 3]
  const biases = await weights.floats(signal, `${name}.bias`, [latents + 1])
  const values = await weights.floats(signal, `${name}.weight`, shape) // a few MB
  const perOut = values.length / (latents + 1)
  const rows = (first: number, out: number) =>
    upload.conv(values.subarray(first * perOut, (first + out) * perOut), [out, ...shape.slice(1)], biases.subarray(first, first + out), dtype)
  return { toMean: rows(0, latents), toLogVariance: rows(latents, 1) }
}

/** Uploads everything below `decoder.`. @throws AppError weights-corrupt */
export async function loadDecoder(loader: StreamLoader, config: LtxAutoencoderConfig, plan: LtxAutoencoderPlan['decoder']): Promise<Decoder> {
  const { signal, weights } = loader
  const { resnet_norm_eps: eps, timestep_conditioning: conditioned } = config
  const loadStage = async (name: string, channels: number, layers: number, noisy: boolean): Promise<Stage> => ({
    residuals: await inTurn(Array(layers).keys(), (index) =>
      loadResidual(loader, { name: `${name}.resnets.${index}`, in: channels, out: channels, conditioned, noisy }, eps),
    ),
    ...(conditioned && { time: await loadStageTime(loader, name, RESIDUAL_SLOTS, channels) }),
  })
  const table = 'decoder.scale_shift_table'
  return {
    convIn: await loadConv3d(loader, 'decoder.conv_in', plan.first, config.latent_channels),
    middle: await loadStage('decoder.mid_block', plan.first, plan.middle, plan.middleNoisy),
    stages: await inTurn(plan.stages, async (stage) => ({
      plan: stage,
      ...(await loadStage(stage.name, stage.channels, stage.layers, stage.noisy)),
      ...(stage.convIn && { convIn: await loadResidual(loader, stage.convIn, eps) }),
      ...(stage.up && { up: await loadConv3d(loader, `${stage.name}.upsamplers.0.conv`, (stage.up.in * 8) / stage.up.factor, stage.up.in) }),
    })),
    ...(conditioned && {
      last: {
        time: await loadStageTime(loader, 'decoder', LAST_SLOTS, plan.last),
        table: reshape(await streamFloats(loader, table, [LAST_SLOTS, plan.last]), [LAST_SLOTS * plan.last]),
        scale: (await weights.floats(signal, 'decoder.timestep_scale_multiplier', []))[0] as number,
      },
    }),
    convOut: await loadConv3d(loader, 'decoder.conv_out', config.out_channels * config.patch_size ** 2, plan.last),
  }
}
