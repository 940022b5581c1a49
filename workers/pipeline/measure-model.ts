// What a model takes here, measured before it is downloaded: by the shape of its blocks alone.
import { downloadedEntries } from '../../src/shared/downloaded-model'
import type { ModelTimes } from '../../src/shared/time-estimate'
import type { Gpu } from '../engine/device'
import { fitsInMemory } from '../engine/fits-memory'
import { kinoraDecoderFlops, parseKinoraAutoencoderConfig } from '../models/kinora-autoencoder-config'
import { parseLtxAutoencoderConfig } from '../models/ltx-autoencoder-config'
import { decoderFlops } from '../models/ltx-autoencoder-sizes'
import { fetchManifest, fetchModelFile, modelFile } from '../weights/fetch-file'
import { probeBlock } from './block-probe'

/** Tried, the most first. */
const ROOM_BYTES = [16, 12, 8, 6, 4, 3, 2.5, 2, 1.5, 1, 0.5, 0.25].map((gigabytes) => gigabytes * 1e9)

/**
 * The most that is asked of a software adapter. Its memory is the host's and is really taken: Chromium's SwiftShader takes half a
 * second for each gigabyte, and its process ends when it is asked for 16.
 */
const SOFTWARE_BYTES = 4e9

/** What is timed and counted of a model. */
export interface Shape {
  /** of LTXVideoTransformer3DModel */
  transformer: Record<string, unknown>
  format: 'i8' | 'i4'
  decoderFlops: number
}

/** Its autoencoder, as it was released with 0.9.5 to 0.9.8. */
export const LTX_2B_AUTOENCODER = parseLtxAutoencoderConfig({
  block_out_channels: [128, 256, 512, 1024, 2048],
  down_block_types: Array(4).fill('LTXVideo095DownBlock3D'),
  layers_per_block: [4, 6, 6, 2, 2],
  spatio_temporal_scaling: [true, true, true, true],
  downsample_type: ['spatial', 'temporal', 'spatiotemporal', 'spatiotemporal'],
  decoder_block_out_channels: [256, 512, 1024],
  decoder_layers_per_block: [5, 5, 5, 5],
  decoder_spatio_temporal_scaling: [true, true, true],
  decoder_inject_noise: [false, false, false, false],
  upsample_residual: [true, true, true],
  upsample_factor: [2, 2, 2],
  timestep_conditioning: true,
})

/** LTX-Video 2B as it was released, 0.9.5 to 0.9.8: Lightricks/LTX-Video, the configs in its checkpoints' metadata. */
export const LTX_2B: Shape = {
  transformer: {
    in_channels: 128, out_channels: 128, patch_size: 1, patch_size_t: 1, num_attention_heads: 32, attention_head_dim: 64,
    cross_attention_dim: 2048, num_layers: 28, caption_channels: 4096, activation_fn: 'gelu-approximate', qk_norm: 'rms_norm_across_heads',
    norm_elementwise_affine: false, norm_eps: 1e-6, attention_bias: true, attention_out_bias: true,
  },
  format: 'i4',
  decoderFlops: decoderFlops(LTX_2B_AUTOENCODER),
}

/**
 * Times a block of a model's shape on this GPU.
 * @param url absolute URL of a model folder, ending in /, or the address of a downloaded model
 * @throws AppError not-found, weights-missing, weights-corrupt
 */
export async function measureModel(signal: AbortSignal, gpu: Gpu, url: string): Promise<ModelTimes> {
  const { transformer, format, decoderFlops: flops } = downloadedEntries(url) ? LTX_2B : await shapeOfFolder(signal, url)
  const measured = await probeBlock(signal, gpu, transformer, { precision: gpu.facts.f16 ? 'f16' : 'f32', linearFormat: format })
  const number = (name: string) => Number(transformer[name])
  return { measured, width: number('num_attention_heads') * number('attention_head_dim'), blocks: number('num_layers'), decoderFlops: flops, budgetBytes: await findMemoryBudget(gpu) }
}

/** The most of these that the GPU gives now; 0 when it gives none. */
async function findMemoryBudget({ device, facts }: Gpu): Promise<number> {
  const asked = ROOM_BYTES.filter((bytes) => !facts.software || bytes <= SOFTWARE_BYTES)
  for (const bytes of asked) if (await fitsInMemory(device, bytes)) return bytes
  return 0
}

async function shapeOfFolder(signal: AbortSignal, url: string): Promise<Shape> {
  const manifest = await fetchManifest(url, signal)
  const json = async (path: string) => JSON.parse(new TextDecoder().decode(await fetchModelFile(url, modelFile(manifest, path), { signal }))) as Record<string, unknown>
  const transformer = await json('transformer/config.json')
  return { transformer, format: 'i8', decoderFlops: kinoraDecoderFlops(parseKinoraAutoencoderConfig(await json('vae/config.json'))) }
}
