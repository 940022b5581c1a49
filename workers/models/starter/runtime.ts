// The built-in model: a folder in diffusers' layout on this origin. Its transformer is LTX-Video's at small scale, its autoencoder its own,
// and its text encoder runs in the text worker.
import type { JobProgress } from '../../../src/shared/job'
import type { ModelManifest } from '../../../src/shared/model'
import { AppError } from '../../../src/shared/errors'
import { MAX_FILE_BYTES, readJson } from '../../../src/shared/file-bounds'
import type { Gpu } from '../../engine/device'
import type { Scope } from '../../engine/scope'
import type { Tensor } from '../../engine/tensor'
import { untilAborted } from '../../engine/until-aborted'
import { fetchModelFile, modelFile } from '../../weights/fetch-file'
import { openSafetensors } from '../../weights/safetensors'
import type { Architecture, FrameEncoder, LoadedModel, LoadOptions, ModelParts, OpenModel } from '../architecture'
import { probeBlock } from '../ltx/block-probe'
import { ltxPositions } from '../ltx/positions'
import { ltxSchedule } from '../ltx/schedule'
import { LtxTransformer, parseLtxTransformerConfig } from '../ltx/transformer'
import type { SchedulerConfig } from '../flow-match-scheduler'
import { loadOnGpu } from '../load-on-gpu'
import { weightSource } from '../weight-source'
import { KinoraAutoencoder } from './autoencoder'
import { kinoraDecoderFlops, parseKinoraAutoencoderConfig } from './autoencoder-config'

/** The files of a diffusers folder that run on the GPU; the text encoder's are the text worker's. */
const FILES = {
  transformerConfig: 'transformer/config.json',
  transformerWeights: 'transformer/diffusion_pytorch_model.safetensors',
  autoencoderConfig: 'vae/config.json',
  autoencoderWeights: 'vae/diffusion_pytorch_model.safetensors',
  schedulerConfig: 'scheduler/scheduler_config.json',
}

/** See Architecture. */
export const starter: Architecture = {
  async open(signal, url, manifest) {
    await requireLatent(signal, url, manifest)
    return openStarter(url, manifest)
  },

  async shape(signal, url, manifest) {
    const config = async (path: string) => parseJson(await fetchModelFile(signal, url, modelFile(manifest, path)), path)
    const transformer = await config(FILES.transformerConfig)
    const { num_attention_heads: heads, attention_head_dim: headWidth, num_layers: blocks } = parseLtxTransformerConfig(transformer)
    return {
      probe: (probing, gpu) =>
        probeBlock(probing, gpu, transformer as Record<string, unknown>, { precision: gpu.facts.f16 ? 'f16' : 'f32', linearFormat: 'i8' }),
      width: heads * headWidth,
      blocks,
      decoderFlops: kinoraDecoderFlops(parseKinoraAutoencoderConfig(await config(FILES.autoencoderConfig))),
    }
  },
}

/**
 * The manifest's latent is the autoencoder's: every buffer of a clip has its size, so that another one is refused before the first.
 * @throws AppError weights-corrupt naming the field
 */
async function requireLatent(signal: AbortSignal, url: string, manifest: ModelManifest): Promise<void> {
  const path = FILES.autoencoderConfig
  const config = parseKinoraAutoencoderConfig(parseJson(await fetchModelFile(signal, url, modelFile(manifest, path)), path))
  const expected = { channels: config.latent_channels, scaleSpace: config.patch_size, scaleTime: config.patch_size_t }
  for (const [field, value] of Object.entries(expected)) {
    const found = manifest.latent[field as keyof typeof expected]
    if (found === value) continue
    throw new AppError('weights-corrupt', `kinora.json does not fit: latent.${field}: expected ${value}, as in ${path}, got ${found}.`, {
      file: 'kinora.json',
      field: `latent.${field}`,
      expected: value,
      found,
    })
  }
}

function openStarter(url: string, manifest: ModelManifest): OpenModel {
  const identity = JSON.stringify([url, manifest.version])
  const opened = { url, identity, manifest }
  return {
    ...opened,
    encoderIdentity: identity,
    embed: (signal, _gpu, prompts, { encodeText }) => untilAborted(signal, encodeText(url, prompts)),
    load: (signal, gpu, options, onProgress) => loadStarter(signal, gpu, opened, options, onProgress),
  }
}

/**
 * Fetches, checks and uploads the model. Nothing half-loaded is ever used: every file is whole and checked before the first upload.
 * @throws AppError weights-missing, weights-truncated, weights-corrupt, out-of-memory; AbortError
 */
async function loadStarter(
  signal: AbortSignal,
  gpu: Gpu,
  opened: Pick<OpenModel, 'url' | 'identity' | 'manifest'>,
  options: LoadOptions,
  onProgress: (event: JobProgress) => void,
): Promise<LoadedModel> {
  const { url, manifest } = opened
  const { precision } = options
  const files = await fetchAll(signal, url, manifest, onProgress)
  const json = (name: keyof typeof FILES) => parseJson(files[name], FILES[name])
  const weights = (name: keyof typeof FILES) => weightSource(openSafetensors(files[name]))
  return loadOnGpu(gpu, opened, options, (scope): ModelParts => {
    const transformer = LtxTransformer.load(scope, json('transformerConfig'), weights('transformerWeights'), { precision, linearFormat: 'i8' })
    const autoencoder = KinoraAutoencoder.load(scope, json('autoencoderConfig'), weights('autoencoderWeights'), precision)
    const config = json('schedulerConfig') as SchedulerConfig
    return {
      transformer,
      ...transformer.sizes,
      positions: ltxPositions(transformer, manifest),
      decoder: autoencoder,
      encoder: {
        mean: autoencoder.config.latents_mean,
        std: autoencoder.config.latents_std,
        scaleTime: manifest.latent.scaleTime,
        encode: encodeAtOnce((own, video) => autoencoder.encode(own, video)),
      },
      schedule: (steps, tokens) => ltxSchedule({ config }, steps, tokens),
      ancestral: false,
    }
  })
}

/** Encodes an image or a short clip at once: its memory grows with the length. @param encode video f32 [F, H, W, 3] → f32 [F', H', W', C]; only dispatches */
export function encodeAtOnce(encode: (scope: Scope, video: Tensor) => Tensor): FrameEncoder['encode'] {
  return async (signal, scope, source) => {
    const video = await source.read(scope, 0, source.frames)
    await untilAborted(
      signal,
      scope.gpu.compile(() => scope.within((temporary) => void encode(temporary, video))),
    )
    const latents = encode(scope, video)
    scope.free(video)
    return latents
  }
}

type FetchedFiles = Record<keyof typeof FILES, Uint8Array<ArrayBuffer>>

async function fetchAll(signal: AbortSignal, url: string, manifest: ModelManifest, onProgress: (event: JobProgress) => void): Promise<FetchedFiles> {
  const entries = Object.entries(FILES).map(([name, path]) => ({ name, file: modelFile(manifest, path) }))
  const totalBytes = entries.reduce((sum, { file }) => sum + file.bytes, 0)
  const loaded = new Map<string, number>()
  let reportedPercent = -1
  const fetched = await Promise.all(
    entries.map(async ({ name, file }) => {
      const bytes = await fetchModelFile(signal, url, file, (fileBytes) => {
        loaded.set(name, fileBytes)
        const loadedBytes = [...loaded.values()].reduce((a, b) => a + b, 0)
        const percent = Math.floor((100 * loadedBytes) / totalBytes)
        if (percent === reportedPercent) return // a network chunk is a few KB: not each is worth a message
        reportedPercent = percent
        onProgress({ stage: 'loading', loadedBytes, totalBytes })
      })
      return [name, bytes] as const
    }),
  )
  return Object.fromEntries(fetched) as FetchedFiles
}

const parseJson = (bytes: Uint8Array, path: string): unknown => readJson(bytes, MAX_FILE_BYTES.config, path)
