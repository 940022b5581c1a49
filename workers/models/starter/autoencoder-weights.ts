// The weights of the starter's autoencoder, by the names its training gives them.
import type { Scope } from '../../engine/scope'
import type { FloatDType, Tensor } from '../../engine/tensor'
import { uploadConv, type ConvWeight } from '../../ops/conv'
import type { KinoraAutoencoderConfig } from './autoencoder-config'
import { loadConv } from '../load-conv'
import { loadFloats } from '../load-linear'
import { getShaped, type WeightSource } from '../weight-source'

export interface ResidualBlock {
  /** f32 [C] */
  norm1: Tensor
  conv1: ConvWeight
  norm2: Tensor
  conv2: ConvWeight
}

type Stages = readonly [readonly ResidualBlock[], readonly ResidualBlock[], readonly ResidualBlock[]]

export interface Encoder {
  convIn: ConvWeight
  /** finest level first */
  stages: Stages
  downs: readonly [ConvWeight, ConvWeight]
  normOut: Tensor
  convOut: ConvWeight
  skip: ConvWeight
}

export interface Decoder {
  convIn: ConvWeight
  /** coarsest level first */
  stages: Stages
  ups: readonly [ConvWeight, ConvWeight]
  normOut: Tensor
  convOut: ConvWeight
  skip: ConvWeight
  /** the skip averaged over squares of pixels: Z → 3·4·4·4 */
  previewSkip: ConvWeight
}

const POINT = [1, 1]
const PLANE = [3, 3]
/** this latent frame and the one before */
const CAUSAL = [2, 3, 3]
const COLOURS = 3

/** Uploads everything below `encoder.`. @throws AppError weights-corrupt */
export function loadEncoder(scope: Scope, weights: WeightSource, config: KinoraAutoencoderConfig, dtype: FloatDType): Encoder {
  const [c0, c1, c2] = config.channels
  const { latent_channels: latents, blocks } = config
  const load = (name: string, inputs: number, out: number, kernel: readonly number[]) =>
    loadConv(scope, weights, `encoder.${name}`, { in: inputs, out, kernel }, dtype)
  const stage = (index: number, channels: number, count: number, kernel: readonly number[]) =>
    loadStage(scope, weights, `encoder.stages.${index}`, channels, count, kernel, dtype)
  return {
    convIn: load('conv_in', cellSize(config, config.stem_patch), c0, PLANE),
    stages: [stage(0, c0, blocks[0], PLANE), stage(1, c1, blocks[1], PLANE), stage(2, c2, blocks[2], CAUSAL)],
    downs: [load('downs.0', 4 * c0, c1, POINT), load('downs.1', 4 * c1, c2, POINT)],
    normOut: loadFloats(scope, weights, 'encoder.norm_out.weight', [c2]),
    convOut: load('conv_out', c2, latents, POINT),
    skip: load('skip', cellSize(config, config.patch_size), latents, POINT),
  }
}

/** Uploads everything below `decoder.`. @throws AppError weights-corrupt */
export function loadDecoder(scope: Scope, weights: WeightSource, config: KinoraAutoencoderConfig, dtype: FloatDType): Decoder {
  const [c0, c1, c2] = config.channels
  const { latent_channels: latents, blocks } = config
  const load = (name: string, inputs: number, out: number, kernel: readonly number[]) =>
    loadConv(scope, weights, `decoder.${name}`, { in: inputs, out, kernel }, dtype)
  const stage = (index: number, channels: number, count: number, kernel: readonly number[]) =>
    loadStage(scope, weights, `decoder.stages.${index}`, channels, count, kernel, dtype)
  return {
    convIn: load('conv_in', latents, c2, CAUSAL),
    stages: [stage(0, c2, blocks[2], CAUSAL), stage(1, c1, blocks[1], PLANE), stage(2, c0, blocks[0], PLANE)],
    ups: [load('ups.0', c2, 4 * c1, POINT), load('ups.1', c1, 4 * c0, POINT)],
    normOut: loadFloats(scope, weights, 'decoder.norm_out.weight', [c0]),
    convOut: load('conv_out', c0, cellSize(config, config.stem_patch), PLANE),
    skip: load('skip', latents, cellSize(config, config.patch_size), POINT),
    previewSkip: averagedSkip(scope, weights, config, dtype),
  }
}

/** Numbers in a cell of `side` × `side` pixels of one group of frames. */
function cellSize(config: KinoraAutoencoderConfig, side: number): number {
  return COLOURS * config.patch_size_t * side * side
}

function loadStage(
  scope: Scope,
  weights: WeightSource,
  name: string,
  channels: number,
  count: number,
  kernel: readonly number[],
  dtype: FloatDType,
): ResidualBlock[] {
  const size = { in: channels, out: channels }
  return Array.from({ length: count }, (_, index) => ({
    norm1: loadFloats(scope, weights, `${name}.${index}.norm1.weight`, [channels]),
    conv1: loadConv(scope, weights, `${name}.${index}.conv1`, { ...size, kernel }, dtype),
    norm2: loadFloats(scope, weights, `${name}.${index}.norm2.weight`, [channels]),
    conv2: loadConv(scope, weights, `${name}.${index}.conv2`, { ...size, kernel: PLANE }, dtype),
  }))
}

/** The mean of the decoder's skip over squares of pixels, so that a latent pixel becomes stem_patch × stem_patch of them. */
function averagedSkip(scope: Scope, weights: WeightSource, config: KinoraAutoencoderConfig, dtype: FloatDType): ConvWeight {
  const { latent_channels: latents, patch_size: patch, stem_patch: kept } = config
  const square = patch / kept
  const rows = cellSize(config, patch)
  const skip = getShaped(weights, 'decoder.skip.weight', [rows, latents, 1, 1])
  const skipBias = getShaped(weights, 'decoder.skip.bias', [rows])
  const out = cellSize(config, kept)
  const values = new Float32Array(out * latents)
  const bias = new Float32Array(out)
  for (let row = 0; row < rows; row++) {
    const x = row % patch
    const y = Math.floor(row / patch) % patch
    const plane = Math.floor(row / (patch * patch)) // colour and frame
    const to = (plane * kept + Math.floor(y / square)) * kept + Math.floor(x / square)
    for (let c = 0; c < latents; c++) values[to * latents + c] = (values[to * latents + c] ?? 0) + (skip[row * latents + c] ?? 0) / (square * square)
    bias[to] = (bias[to] ?? 0) + (skipBias[row] ?? 0) / (square * square)
  }
  return uploadConv(scope, values, [out, latents, 1, 1], bias, dtype)
}
