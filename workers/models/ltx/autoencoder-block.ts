// Parts of LTX-Video's autoencoder: residual blocks, down- and upsamplers. Activations are [F, H, W, C]; the residual
// stream is f32, and convolutions are given `dtype`.
import { AppError } from '../../../src/shared/errors'
import type { Scope } from '../../engine/scope'
import { dim, elementCount, reshape, type FloatDType, type Tensor } from '../../engine/tensor'
import { conv, type ConvWeight } from '../../ops/conv'
import { add } from '../../ops/elementwise'
import { norm, type NormOptions } from '../../ops/norm'
import { pixelShuffle, pixelUnshuffle } from '../../ops/pixel-shuffle'
import { streamConv, streamFloats, type StreamLoader } from '../float-stream'
import type { ResidualSize, Steps } from './autoencoder-config'
import { embedTimesteps, streamTimestepEmbedder, type TimestepEmbedder } from '../timestep-embedding'

/** The autoencoder's norms have no gain. */
export const RMS_EPS = 1e-8

/** A field of Gaussian noise, f32 [H, W], for the block's parameter of this name. */
export type NoiseField = (parameter: string, height: number, width: number) => Float32Array

/** What runs through a whole pass besides the picture. */
export interface Pass {
  /** of convolutions' inputs */
  dtype: FloatDType
  time: 'causal' | 'both'
  /** the clip's timestep, 0 … 1000, where the autoencoder is conditioned on one */
  timestep?: number
  /** where blocks inject noise */
  noise?: NoiseField
}

const KERNEL = [3, 3, 3] as const
const POINT = [1, 1, 1] as const

/** Loads `<name>.conv`, a convolution over time and space. */
export function loadConv3d(loader: StreamLoader, name: string, out: number, inputs: number, kernel: readonly number[] = KERNEL): Promise<ConvWeight> {
  return streamConv(loader, `${name}.conv`, { out, in: inputs, kernel })
}

/** Turns a norm into one that a timestep shifts and scales, where there is one. */
export interface Conditioning {
  /** f32 [1, slots, C] */
  table: Tensor
  /** zeros, u32 [at least the rows of any x]: one clip, one timestep. Uploaded for each norm where it is not given. */
  rowOf?: Tensor
}

function modulated(scope: Scope, x: Tensor, conditioning: Conditioning | undefined, shift: number): Pick<NormOptions, 'modulation'> {
  if (!conditioning) return {}
  const rows = elementCount(x.shape) / dim(x, -1)
  const { rowOf: given } = conditioning
  if (given && dim(given, 0) < rows) throw new Error(`normSilu: expected zeros for ${rows} rows, got ${dim(given, 0)}.`)
  const rowOf = given ? { ...given, shape: [rows] } : scope.upload(new Uint32Array(rows), [rows], 'u32')
  return { modulation: { table: conditioning.table, rowOf, scale: shift + 1, shift } }
}

/** silu(norm(x), shifted and scaled by slots `shift` and `shift + 1`) */
export function normSilu(scope: Scope, x: Tensor, dtype: FloatDType, conditioning?: Conditioning, shift = 0): Tensor {
  return norm(scope, x, { kind: 'rms', eps: RMS_EPS, ...modulated(scope, x, conditioning, shift), activation: 'silu', dtype })
}

/** A stage's embedding of the timestep. */
export interface StageTime {
  embedder: TimestepEmbedder
  slots: number
}

/** Loads `<name>.time_embedder`, which gives `slots` vectors of `channels`. Small and run once: kept in f32. */
export async function loadStageTime(loader: StreamLoader, name: string, slots: number, channels: number): Promise<StageTime> {
  return { embedder: await streamTimestepEmbedder(loader, `${name}.time_embedder.timestep_embedder`, slots * channels), slots }
}

/** The stage's vectors for this pass: f32 [1, slots·C] */
export function embedStageTime(scope: Scope, time: StageTime, pass: Pass): Tensor {
  if (pass.timestep === undefined) throw new AppError('internal', 'This autoencoder decodes at a timestep, and was given none.', {})
  return embedTimesteps(scope, time.embedder, Float32Array.of(pass.timestep))
}

/** Adds a block's own table to the stage's vectors. table f32 [slots·C] */
export function conditionBy(scope: Scope, vectors: Tensor, table: Tensor, slots: number): Conditioning {
  return { table: reshape(add(scope, vectors, table), [1, slots, dim(table, 0) / slots]) }
}

/** x + conv2(silu(norm2(conv1(silu(norm1(x)))))), with its options. */
export interface Residual {
  name: string
  conv1: ConvWeight
  conv2: ConvWeight
  /** where the channels change: a norm and a 1×1 convolution on the way around */
  around?: { weight: Tensor; bias: Tensor; eps: number; conv: ConvWeight }
  /** f32 [4·C] */
  table?: Tensor
  /** noise [F, H, W, 1] → [F, H, W, C], after each convolution */
  noise?: [ConvWeight, ConvWeight]
}

export const RESIDUAL_SLOTS = 4

/** Loads the block `size.name`. */
export async function loadResidual(loader: StreamLoader, size: ResidualSize, eps: number): Promise<Residual> {
  const { signal, upload, weights } = loader
  const { name, in: inputs, out } = size
  const spread = async (parameter: string) =>
    upload.conv(await weights.floats(signal, `${name}.${parameter}`, [out, 1, 1]), [out, 1, 1, 1, 1], undefined, 'f32')
  return {
    name,
    conv1: await loadConv3d(loader, `${name}.conv1`, out, inputs),
    conv2: await loadConv3d(loader, `${name}.conv2`, out, out),
    ...(inputs !== out && {
      around: {
        weight: await streamFloats(loader, `${name}.norm3.weight`, [inputs]),
        bias: await streamFloats(loader, `${name}.norm3.bias`, [inputs]),
        eps,
        conv: await loadConv3d(loader, `${name}.conv_shortcut`, out, inputs, POINT),
      },
    }),
    ...(size.conditioned && {
      table: reshape(await streamFloats(loader, `${name}.scale_shift_table`, [RESIDUAL_SLOTS, inputs]), [RESIDUAL_SLOTS * inputs]),
    }),
    ...(size.noisy && { noise: [await spread('per_channel_scale1'), await spread('per_channel_scale2')] }),
  }
}

/** x [F, H, W, C] f32 → [F, H, W, C'] f32. `vectors` f32 [1, 4·C] is the stage's embedding of the timestep. */
export function runResidual(scope: Scope, x: Tensor, block: Residual, pass: Pass, vectors?: Tensor): Tensor {
  return scope.within((inner) => {
    const { time, dtype } = pass
    const conditioning = block.table && vectors && conditionBy(inner, vectors, block.table, RESIDUAL_SLOTS)
    let y = conv(inner, normSilu(inner, x, dtype, conditioning, 0), block.conv1, { time, dtype: 'f32' }) // [F, H, W, C']
    y = injectNoise(inner, y, block, 0, pass)
    const { around } = block
    const residual = around ? conv(inner, normAround(inner, x, around), around.conv, { time, dtype: 'f32' }) : x // [F, H, W, C']
    const last = block.noise ? inner : scope
    y = conv(last, normSilu(inner, y, dtype, conditioning, 2), block.conv2, { time, addTo: residual, dtype: 'f32' })
    return injectNoise(scope, y, block, 1, pass)
  })
}

/** The norm on the way around a block whose channels change. Its gain may take values past f16's 65 504: kept in f32. */
export function normAround(scope: Scope, x: Tensor, { eps, weight, bias }: NonNullable<Residual['around']>): Tensor {
  return norm(scope, x, { kind: 'layer', eps, weight, bias, dtype: 'f32' })
}

/** y + noise·scale, where the block has one; y itself where not. Every frame gets the same field. */
export function injectNoise(scope: Scope, y: Tensor, block: Residual, index: 0 | 1, pass: Pass): Tensor {
  const weight = block.noise?.[index]
  if (!weight) return y
  return scope.within((inner) => conv(scope, tiledNoise(inner, `${block.name}.per_channel_scale${index + 1}`, y, pass), weight, { addTo: y, dtype: 'f32' }))
}

/** One field of noise for all frames: f32 [F, H, W, 1] */
function tiledNoise(scope: Scope, parameter: string, like: Tensor, pass: Pass): Tensor {
  if (!pass.noise) throw new AppError('internal', 'This autoencoder injects noise while it decodes, and was given none.', {})
  const [frames, height, width] = [dim(like, 0), dim(like, 1), dim(like, 2)]
  const field = pass.noise(parameter, height, width)
  const tiled = new Float32Array(frames * field.length)
  for (let frame = 0; frame < frames; frame++) tiled.set(field, frame * field.length)
  return scope.upload(tiled, [frames, height, width, 1], 'f32')
}

/**
 * Space and time folded into channels, around a convolution: [F, H, W, C] → [(F + t − 1)/t, H/p, W/p, O].
 * What goes around it is the mean over groups of the folded channels.
 */
export function foldDown(scope: Scope, x: Tensor, weight: ConvWeight, [time, space]: Steps, pass: Pass): Tensor {
  return scope.within((inner) => {
    // the first frame stands for its whole group
    const whole = time > 1 ? pixelUnshuffle(inner, x, { space: 1, repeatFirst: time - 1 }) : x // [F + t − 1, H, W, C]
    const out = weight.out * time * space * space
    const meanOf = (dim(x, -1) * time * space * space) / out
    const residual = pixelUnshuffle(inner, whole, { time, space, meanOf }) // [F', H', W', O]
    const y = conv(inner, whole, weight, { time: pass.time, dtype: 'f32' }) // [F + t − 1, H, W, O/(t·p·p)]
    return pixelUnshuffle(scope, y, { time, space, addTo: residual }) // [F', H', W', O]
  })
}

/** Channels unfolded into space and time: [F, H, W, C] → [2·F − 1, 2·H, 2·W, C/factor]; around it, x unfolded and repeated. */
export function unfoldUp(scope: Scope, x: Tensor, weight: ConvWeight, options: { factor: number; residual: boolean }, pass: Pass): Tensor {
  return scope.within((inner) => {
    const unfold = { time: 2, space: 2, dropFirst: 1 }
    const around = options.residual && pixelShuffle(inner, x, { ...unfold, repeatChannels: 8 / options.factor })
    const y = conv(inner, x, weight, { time: pass.time, dtype: 'f32' }) // [F, H, W, 8·C/factor]
    return pixelShuffle(scope, y, { ...unfold, ...(around && { addTo: around }) }) // [2·F − 1, 2·H, 2·W, C/factor]
  })
}
