// LTX-Video's autoencoder: diffusers' AutoencoderKLLTXVideo of all three releases, one clip at a time.
//
// F, H, W  frames and pixels   f, h, w  their latents   Z latent channels   C features
import type { Scope } from '../../engine/scope'
import type { FloatDType, Tensor } from '../../engine/tensor'
import { conv } from '../../ops/conv'
import { pixelShuffle, pixelUnshuffle } from '../../ops/pixel-shuffle'
import { checkingLoader, uploadTo, type FloatStream, type StreamLoader } from '../float-stream'
import { conditionBy, embedStageTime, foldDown, normSilu, runResidual, unfoldUp, type NoiseField, type Pass, type Residual } from './autoencoder-block'
import { parseLtxAutoencoderConfig, planLtxAutoencoder, type LtxAutoencoderConfig } from './autoencoder-config'
import {
  LAST_SLOTS,
  loadDecoder,
  loadEncoder,
  withDiffusersNames,
  type Decoder,
  type DownWeights,
  type Encoder,
  type Stage,
  type UpWeights,
} from './autoencoder-weights'

/** Latents of a clip: f32 [f, h, w, Z] and, the same for all channels, f32 [f, h, w, 1]. */
export interface LatentDistribution {
  mean: Tensor
  /** before the reference's clamp to −30 … 20 */
  logVariance: Tensor
}

/** What decoding takes besides the latents. */
export interface DecodeOptions {
  /** 0 … 1: with `timestep_conditioning` */
  timestep?: number
  /** with `decoder_inject_noise` */
  noise?: NoiseField
}

/** What of an autoencoder is uploaded: making a clip from words needs no encoder. */
export type AutoencoderPart = 'encoder' | 'decoder' | 'both'

/** What the latents of an autoencoder are like. */
export type LatentStatistics = Pick<LtxAutoencoder, 'latentsMean' | 'latentsStd' | 'config'>

/** Mean and standard deviation of raw latents, as VideoDecoder has them: whitened ones times std plus mean. */
export function rawStatistics({ latentsMean, latentsStd, config }: LatentStatistics): { latents_mean: readonly number[]; latents_std: readonly number[] } {
  return { latents_mean: [...latentsMean], latents_std: Array.from(latentsStd, (std) => std / config.scaling_factor) }
}

/** Reads an autoencoder's statistics and nothing else. @throws AppError weights-corrupt */
export async function readStatistics(signal: AbortSignal, config: unknown, source: FloatStream): Promise<LatentStatistics> {
  const parsed = parseLtxAutoencoderConfig(config)
  return { config: parsed, ...(await statisticsOf(signal, parsed, withDiffusersNames(source, planLtxAutoencoder(parsed)))) }
}

async function statisticsOf(
  signal: AbortSignal,
  { latent_channels: channels }: LtxAutoencoderConfig,
  weights: FloatStream,
): Promise<Pick<LtxAutoencoder, 'latentsMean' | 'latentsStd'>> {
  const statistic = (name: string, otherwise: number) =>
    weights.has(name) ? weights.floats(signal, name, [channels]) : new Float32Array(channels).fill(otherwise)
  return { latentsMean: await statistic('latents_mean', 0), latentsStd: await statistic('latents_std', 1) }
}

/** The weights on the GPU, and both directions. Its tensors belong to the scope it was loaded in. */
export class LtxAutoencoder {
  private constructor(
    readonly config: LtxAutoencoderConfig,
    /** f32 [Z]: the transformer's latents are (z − mean)·scaling_factor / std */
    readonly latentsMean: Float32Array,
    readonly latentsStd: Float32Array,
    readonly encoder: Encoder | undefined,
    readonly decoder: Decoder | undefined,
    readonly dtype: FloatDType,
  ) {}

  /**
   * Uploads the weights of one direction, or of both, as they are read: one tensor after the other, a piece at a time. Key names may be
   * diffusers' or the original checkpoint's.
   * @param config `vae/config.json`, parsed as JSON
   * @param dtype of weights and convolutions' inputs; residual streams and sums are f32 in any case
   * @throws AppError weights-corrupt; the signal's reason when it fires
   */
  static async load(
    signal: AbortSignal,
    scope: Scope,
    config: unknown,
    source: FloatStream,
    dtype: FloatDType,
    part: AutoencoderPart = 'both',
  ): Promise<LtxAutoencoder> {
    const parsed = parseLtxAutoencoderConfig(config)
    const plan = planLtxAutoencoder(parsed)
    const weights = withDiffusersNames(source, plan)
    const loader: StreamLoader = { signal, upload: uploadTo(scope), weights, dtype }
    const { latentsMean, latentsStd } = await statisticsOf(signal, parsed, weights)
    return new LtxAutoencoder(
      parsed,
      latentsMean,
      latentsStd,
      part === 'decoder' ? undefined : await loadEncoder(loader, parsed, plan.encoder),
      part === 'encoder' ? undefined : await loadDecoder(loader, parsed, plan.decoder),
      dtype,
    )
  }

  /**
   * Checks by the file's headers that both directions will find all that they read.
   * @param config `vae/config.json`, parsed as JSON
   * @throws AppError weights-corrupt
   */
  static async requireWeights(signal: AbortSignal, config: unknown, source: Parameters<typeof checkingLoader>[1]): Promise<void> {
    const parsed = parseLtxAutoencoderConfig(config)
    const plan = planLtxAutoencoder(parsed)
    const checking = checkingLoader(signal, source)
    const loader: StreamLoader = { ...checking, weights: withDiffusersNames(checking.weights, plan) }
    await statisticsOf(signal, parsed, loader.weights)
    await loadEncoder(loader, parsed, plan.encoder)
    await loadDecoder(loader, parsed, plan.decoder)
  }

  /** video f32 [F, H, W, 3] in −1..1, F = k·time + 1 → latents. Only dispatches; reads nothing back. */
  encode(scope: Scope, video: Tensor): LatentDistribution {
    const { patch_size: space, patch_size_t: time, encoder_causal: causal } = this.config
    const { encoder, dtype } = this
    if (!encoder) throw new Error('LtxAutoencoder: loaded without its encoder.')
    const pass: Pass = { dtype, time: causal ? 'causal' : 'both' }
    return scope.within((inner) => {
      const patches = pixelUnshuffle(inner, video, { time, space, order: 'ctxy', dtype }) // [F, H/4, W/4, 3·4·4]
      let x = conv(inner, patches, encoder.convIn, { time: pass.time, dtype: 'f32' }) // [F, H/4, W/4, C]
      for (const stage of encoder.stages) x = replace(inner, x, (own) => this.runDown(inner, own, x, stage, pass))
      x = runResiduals(inner, x, encoder.middle, pass) // [f, h, w, C]
      const y = normSilu(inner, x, dtype)
      return {
        mean: conv(scope, y, encoder.toMean, { time: pass.time, dtype: 'f32' }), // [f, h, w, Z]
        logVariance: conv(scope, y, encoder.toLogVariance, { time: pass.time, dtype: 'f32' }), // [f, h, w, 1]
      }
    })
  }

  /** z f32 [f, h, w, Z] → video f32 [F, H, W, 3] in about −1..1. Only dispatches; reads nothing back. */
  decode(scope: Scope, z: Tensor, options: DecodeOptions = {}): Tensor {
    const { patch_size: space, patch_size_t: patchTime, decoder_causal: causal } = this.config
    const { decoder, dtype } = this
    if (!decoder) throw new Error('LtxAutoencoder: loaded without its decoder.')
    const time = causal ? 'causal' : 'both'
    const scale = decoder.last?.scale ?? 1
    const pass: Pass = {
      dtype,
      time,
      ...(options.timestep !== undefined && { timestep: options.timestep * scale }),
      ...(options.noise && { noise: options.noise }),
    }
    return scope.within((inner) => {
      let x = conv(inner, z, decoder.convIn, { time, dtype: 'f32' }) // [f, h, w, C]
      x = runStage(inner, x, decoder.middle, pass)
      for (const stage of decoder.stages) x = replace(inner, x, (own) => this.runUp(inner, own, x, stage, pass))
      const { last } = decoder
      const conditioning = last && conditionBy(inner, embedStageTime(inner, last.time, pass), last.table, LAST_SLOTS)
      const y = conv(inner, normSilu(inner, x, dtype, conditioning), decoder.convOut, { time, dtype: 'f32' }) // [F, H/4, W/4, 3·4·4]
      return pixelShuffle(scope, y, { time: patchTime, space, order: 'ctxy' }) // [F, H, W, 3]
    })
  }

  /** A stage of the encoder; the result in `target`. */
  private runDown(target: Scope, scope: Scope, input: Tensor, { plan, residuals, down, convOut }: DownWeights, pass: Pass): Tensor {
    let x = runResiduals(scope, input, residuals, pass, plan.down || convOut ? scope : target) // [F, H, W, C]
    const owner = convOut ? scope : target
    if (plan.down?.kind === 'conv' && down) x = conv(owner, x, down, { time: pass.time, stride: [2, 2, 2], dtype: 'f32' })
    if (plan.down?.kind === 'fold' && down) x = foldDown(owner, x, down, plan.down.steps, pass) // [F', H', W', C']
    return convOut ? runResidual(target, x, convOut, pass) : x
  }

  /** A stage of the decoder; the result in `target`. */
  private runUp(target: Scope, scope: Scope, input: Tensor, stage: UpWeights, pass: Pass): Tensor {
    const { plan, convIn, up } = stage
    let x = convIn ? runResidual(scope, input, convIn, pass) : input // [F, H, W, C']
    if (plan.up && up) x = unfoldUp(scope, x, up, plan.up, pass) // [2·F − 1, 2·H, 2·W, C']
    return runStage(scope, x, stage, pass, target)
  }
}

/** Runs `step` with a scope of its own, then frees the input it replaces. */
function replace(scope: Scope, input: Tensor, step: (own: Scope) => Tensor): Tensor {
  const result = scope.within(step)
  if (result !== input) scope.free(input)
  return result
}

/** Residual blocks one after the other; the last one's result in `target`, `input` is left alone. */
function runResiduals(scope: Scope, input: Tensor, blocks: readonly Residual[], pass: Pass, target = scope, vectors?: Tensor): Tensor {
  return blocks.reduce((x, block, index) => {
    const result = runResidual(index === blocks.length - 1 ? target : scope, x, block, pass, vectors)
    if (x !== input) scope.free(x)
    return result
  }, input)
}

function runStage(scope: Scope, x: Tensor, stage: Stage, pass: Pass, target = scope): Tensor {
  return scope.within((inner) => runResiduals(scope, x, stage.residuals, pass, target, stage.time && embedStageTime(inner, stage.time, pass)))
}
