// Sizes of a pipeline case, and its clips one by one.
import { join } from 'node:path'
import { parseLtxAutoencoderConfig } from '../../workers/models/ltx/autoencoder-config'
import { readJson, type HostTensor } from './read-case'

/** A clip's latent, and what one latent stands for. */
export interface LatentSizes {
  frames: number
  height: number
  width: number
  /** pixel frames of a latent frame */
  time: number
  /** pixels of a latent pixel */
  space: number
  fps: number
}

/** From the scalars of a case, and the ratios of its autoencoder. */
export function latentSizes(folder: string, scalars: Record<string, unknown>): LatentSizes {
  const config = readJson(join(folder, 'vae/config.json'))
  const { patch_size, patch_size_t, spatio_temporal_scaling } = parseLtxAutoencoderConfig(config)
  const folds = 2 ** spatio_temporal_scaling.filter(Boolean).length
  const space = Number(config['spatial_compression_ratio'] ?? patch_size * folds)
  const time = Number(config['temporal_compression_ratio'] ?? patch_size_t * folds)
  return {
    frames: (Number(scalars['num_frames']) - 1) / time + 1,
    height: Number(scalars['height']) / space,
    width: Number(scalars['width']) / space,
    time,
    space,
    fps: Number(scalars['frame_rate']),
  }
}

/** One clip of a batch, as a batch of one. */
export function clipOf({ shape, values }: HostTensor, clip: number): HostTensor {
  const [batch = 1, ...rest] = shape
  const each = values.length / batch
  return { shape: [1, ...rest], values: values.slice(clip * each, (clip + 1) * each) }
}

/** Clips [1, …] as one batch. */
export function batchOf(clips: readonly HostTensor[]): HostTensor {
  const [first] = clips
  if (!first) throw new Error('no clips')
  const values = new Float32Array(clips.length * first.values.length)
  clips.forEach((clip, index) => values.set(clip.values, index * first.values.length))
  return { shape: [clips.length, ...first.shape.slice(1)], values }
}
