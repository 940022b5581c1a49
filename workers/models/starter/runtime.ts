// A model folder becomes a transformer, an autoencoder and a scheduler on the GPU. Nothing half-loaded is ever used:
// every file is whole and checked before the first upload.
import type { ModelManifest } from '../../../src/shared/model'
import type { JobProgress } from '../../../src/shared/job'
import { AppError } from '../../../src/shared/errors'
import type { Gpu } from '../../engine/device'
import { Scope } from '../../engine/scope'
import { KinoraAutoencoder } from './autoencoder'
import { LtxTransformer } from '../ltx/transformer'
import type { SchedulerConfig } from '../flow-match-scheduler'
import { weightSource } from '../weight-source'
import { fetchManifest, fetchModelFile, modelFile } from '../../weights/fetch-file'
import { openSafetensors } from '../../weights/safetensors'
import { wholeClip } from '../../pipeline/encode-conditioning'
import type { LoadedModel, LoadOptions, OpenModel } from '../../pipeline/model'

/** The files of a diffusers folder that run on the GPU; the text encoder's are the text worker's. */
const FILES = {
  transformerConfig: 'transformer/config.json',
  transformerWeights: 'transformer/diffusion_pytorch_model.safetensors',
  autoencoderConfig: 'vae/config.json',
  autoencoderWeights: 'vae/diffusion_pytorch_model.safetensors',
  schedulerConfig: 'scheduler/scheduler_config.json',
}

/** Opens a model's folder. @param url absolute, ending in / @throws AppError weights-missing, weights-corrupt */
export async function openModelFolder(signal: AbortSignal, url: string): Promise<OpenModel> {
  const manifest = await fetchManifest(url, signal)
  return {
    url,
    identity: identityOf(url, manifest),
    manifest,
    encoderIdentity: identityOf(url, manifest),
    embed: async (_signal, _gpu, prompts, callbacks) => (await callbacks.encodeText(url, [...prompts])).prompts,
    load: (loading, gpu, options, onProgress) => loadModel(loading, gpu, url, manifest, options, onProgress),
  }
}

const identityOf = (url: string, { version }: ModelManifest) => JSON.stringify([url, version])

/**
 * Fetches, checks and uploads a model.
 * @throws AppError weights-missing, weights-truncated, weights-corrupt, out-of-memory; AbortError
 */
export async function loadModel(
  signal: AbortSignal,
  gpu: Gpu,
  url: string,
  manifest: ModelManifest,
  options: LoadOptions,
  onProgress: (event: JobProgress) => void,
): Promise<LoadedModel> {
  const { precision } = options
  const files = await fetchAll(signal, url, manifest, onProgress)
  const json = (name: keyof typeof FILES) => parseJson(files[name], FILES[name])
  const weights = (name: keyof typeof FILES) => weightSource(openSafetensors(files[name]))

  const scope = new Scope(gpu)
  const before = { bytes: gpu.pool.liveBytes, buffers: gpu.pool.liveBuffers }
  try {
    const transformer = LtxTransformer.load(scope, json('transformerConfig'), weights('transformerWeights'), { precision, linearFormat: 'i8' })
    const autoencoder = KinoraAutoencoder.load(scope, json('autoencoderConfig'), weights('autoencoderWeights'), precision)
    const { latents_std, latents_mean } = autoencoder.config
    const latentScale = Float32Array.from([...latents_std, ...latents_mean])
    await gpu.settle()
    let loaded = true
    return {
      url,
      identity: identityOf(url, manifest),
      manifest,
      options,
      transformer,
      autoencoder,
      encoder: { encode: wholeClip((own, video) => autoencoder.encode(own, video)), mean: latents_mean, std: latents_std, scaleTime: manifest.latent.scaleTime },
      latentScale,
      schedulerConfig: json('schedulerConfig') as SchedulerConfig,
      weightGpuBytes: gpu.pool.liveBytes - before.bytes,
      weightBuffers: gpu.pool.liveBuffers - before.buffers,
      isLoaded: () => loaded,
      close: () => {
        loaded = false
        scope.close()
      },
    }
  } catch (error) {
    scope.close()
    throw error
  }
}

type FetchedFiles = Record<keyof typeof FILES, Uint8Array<ArrayBuffer>>

async function fetchAll(
  signal: AbortSignal,
  url: string,
  manifest: ModelManifest,
  onProgress: (event: JobProgress) => void,
): Promise<FetchedFiles> {
  const entries = Object.entries(FILES).map(([name, path]) => ({ name, file: modelFile(manifest, path) }))
  const totalBytes = entries.reduce((sum, { file }) => sum + file.bytes, 0)
  const loaded = new Map<string, number>()
  let toldPercent = -1
  const fetched = await Promise.all(
    entries.map(async ({ name, file }) => {
      const bytes = await fetchModelFile(url, file, {
        signal,
        onProgress: (fileBytes) => {
          loaded.set(name, fileBytes)
          const loadedBytes = [...loaded.values()].reduce((a, b) => a + b, 0)
          const percent = Math.floor((100 * loadedBytes) / totalBytes)
          if (percent === toldPercent) return // a network chunk is a few KB: not each is worth a message
          toldPercent = percent
          onProgress({ stage: 'loading', loadedBytes, totalBytes })
        },
      })
      return [name, bytes] as const
    }),
  )
  return Object.fromEntries(fetched) as FetchedFiles
}

function parseJson(bytes: Uint8Array, path: string): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes))
  } catch {
    throw new AppError('weights-corrupt', `${path} is not readable: it is not JSON.`, { file: path })
  }
}
