// The starter's whole decoder with its own weights.
import type { FloatDType } from '../../workers/engine/tensor'
import { KinoraAutoencoder } from '../../workers/models/starter/autoencoder'
import { kinoraDecoderFlops, parseKinoraAutoencoderConfig } from '../../workers/models/starter/autoencoder-config'
import type { WeightSource } from '../../workers/models/weight-source'
import { convVariant } from '../../workers/ops/conv'
import { randomValues } from '../gpu/reference'
import { OnnxDecoder } from './onnx-decoder'
import { channelsFirst, OnnxGraph, readBack } from './onnx-graph'
import { openOurs } from './ours'
import { sizeOf, TOLERANCE, type Row } from './row'

const COLORS = 3

/** The starter's folder `vae/`. */
export interface StarterAutoencoder {
  /** config.json */
  config: unknown
  weights: WeightSource
}

/** @param grid latent frames, height, width. Each repetition decodes another latent. */
export function starterDecoderRow(name: string, vae: StarterAutoencoder, grid: readonly [number, number, number], dtype: FloatDType): Row {
  const [frames, height, width] = grid
  const config = parseKinoraAutoencoderConfig(vae.config)
  const { weights } = vae
  const { latent_channels: channels, patch_size_t: time, patch_size: patch } = config
  const latentPixels = frames * height * width
  const latents = Array.from({ length: 8 }, (_, i) => randomValues(i + 1, latentPixels * channels)) // [T, h, w, Z]
  return {
    name,
    shape: `${(frames - 1) * time + 1} frames of ${width * patch} × ${height * patch}`,
    dtype,
    weights: dtype,
    flops: latentPixels * kinoraDecoderFlops(config),
    bytes: latentPixels * (channels * 4 + time * patch * patch * COLORS * sizeOf(dtype)),
    goal: { gpu: 1.5, software: 1.2 },
    tolerance: TOLERANCE[dtype],
    ours: (gpu) =>
      openOurs(gpu, `conv ${convVariant(gpu.facts, config.channels[2])}`, (owner) => {
        const autoencoder = KinoraAutoencoder.load(owner, config, weights, dtype)
        const z = latents.map((values) => owner.upload(values, [...grid, channels], 'f32'))
        return {
          values: COLORS,
          run(scope, repetitions) {
            const videos = z.slice(8 - repetitions).map((latent) => autoencoder.decodeTensor(scope, latent))
            return videos.at(-1) as (typeof videos)[number]
          },
        }
      }),
    peers: () =>
      (['2D', '3D'] as const).map((overTime) => ({
        kernel: `Conv ${overTime}`,
        // the first group's last frame is the clip's first; ours does not decode the padding before it
        compared: Array.from({ length: COLORS }, (_, color) => color * time + time - 1),
        model(repetitions) {
          const graph = new OnnxGraph()
          const decoder = new OnnxDecoder(graph, { config, weights, dtype, grid, overTime })
          const shape = [frames, channels, height, width]
          const used = latents.slice(8 - repetitions)
          const videos = used.map((_, i) => decoder.decode(graph.input(`z${i}`, dtype, shape)))
          readBack(graph, videos, 4, COLORS * time, dtype, 1)
          return { graph, feeds: Object.fromEntries(used.map((values, i) => [`z${i}`, { shape, values: channelsFirst(values, channels, height * width) }])) }
        },
      })),
  }
}
