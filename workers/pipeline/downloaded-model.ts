// LTX-Video from its published files, downloaded or on the user's own disk: read from there alone.
import type { LocalFiles } from '../../src/shared/local-files'
import { LATENT, manifestOfDownloaded, requirePreset, type DownloadedEntries } from '../../src/shared/downloaded-model'
import type { JobProgress } from '../../src/shared/job'
import type { CatalogueEntry } from '../../src/shared/model-catalogue'
import type { Gpu } from '../engine/device'
import { Scope, withScope } from '../engine/scope'
import { elementCount } from '../engine/tensor'
import type { SchedulerConfig } from '../models/flow-match-scheduler'
import { T5Encoder } from '../models/t5-encoder'
import { DTYPE_BYTES } from '../weights/safetensors-header'
import type { TensorTable } from '../weights/tensor-table'
import { DecoderOnDemand } from './decoder-on-demand'
import { encoderOnDemand } from './encoder-on-demand'
import { requireMemory } from './gpu-memory-budget'
import { largeTextEncoderWeights, loadLargeTransformer } from './large-model'
import { openLtxFiles, transformerBytes } from './ltx-files'
import type { LoadedModel, LoadOptions, OpenModel, PromptEmbedding } from './model'
import { findModelFiles, openTextEncoder, readTokenizer, type ModelFiles } from './model-files'

/** Of the transformer's blocks where nothing else is asked for: LTX-Video 2B is then 1.15 GB. */
export const TRANSFORMER_FORMAT = 'i4'
/** Of the text encoder's, of which two halves of blocks are there at a time: under 300 MB. */
const ENCODER_FORMAT = 'i8'
/** A tokenizer.json says all that there is to T5's. */
export const NO_CONFIG = new TextEncoder().encode('{}')

/**
 * Opens a model of the table of sources.
 * @param localFiles its files on the user's own disk
 * @throws AppError weights-missing naming the file that is yet to be downloaded or chosen; not-found
 */
export async function openDownloadedModel(signal: AbortSignal, url: string, sources: DownloadedEntries, localFiles: readonly LocalFiles[]): Promise<OpenModel> {
  const manifest = manifestOfDownloaded(sources)
  const video = await findModelFiles(signal, sources.video, localFiles)
  const encoder = await findModelFiles(signal, sources.encoder, localFiles)
  const tokenizer = await findModelFiles(signal, sources.tokenizer, localFiles)
  const { identity } = video
  return {
    url,
    identity,
    manifest,
    encoderIdentity: JSON.stringify([encoder.identity, tokenizer.identity]),
    embed: (embedding, gpu, prompts, { onProgress }) => embed(embedding, gpu, encoder, tokenizer, manifest.text.maxTokens, prompts, onProgress),
    load: async (loading, gpu, options, onProgress) => ({ url, identity, manifest, options, ...(await load(loading, gpu, sources.video, video, options, onProgress)) }),
  }
}

async function embed(
  signal: AbortSignal, gpu: Gpu, encoder: ModelFiles, tokenizer: ModelFiles, maxTokens: number, prompts: readonly string[],
  onProgress: (event: JobProgress) => void,
): Promise<PromptEmbedding[]> {
  // half a megabyte of code that no other model needs here
  const { createTokenizer } = await import('../text/tokenizer')
  const tokenize = createTokenizer(await readTokenizer(signal, tokenizer), NO_CONFIG, maxTokens)
  const tokenized = prompts.map(tokenize)
  const { table, config } = await openTextEncoder(signal, encoder)
  const origin = { identity: encoder.identity, open: () => Promise.resolve(table) }
  const weights = await largeTextEncoderWeights(signal, gpu, config, origin, ENCODER_FORMAT, (step, steps) => onProgress({ stage: 'encoding-text', step, steps }))
  onProgress({ stage: 'encoding-text' })
  const t5 = new T5Encoder(config, { precision: gpu.facts.f16 ? 'f16' : 'f32', linearFormat: ENCODER_FORMAT }, weights)
  try {
    return await withScope(gpu, async (scope) => {
      const embedded = await t5.encode(signal, scope, tokenized.map(({ ids }) => Uint32Array.from(ids)))
      const embeddings: PromptEmbedding[] = []
      for (const [index, { ids, usedPrompt }] of tokenized.entries()) {
        const tensor = embedded[index]
        if (!tensor) throw new Error('T5: fewer embeddings than prompts.')
        embeddings.push({ values: await gpu.read(tensor), tokens: ids.length, width: config.d_model, usedPrompt })
      }
      return embeddings
    })
  } finally {
    await gpu.settle()
    gpu.pool.drain() // what it worked in is as large as a block of it
  }
}

async function load(
  signal: AbortSignal, gpu: Gpu, source: CatalogueEntry, video: ModelFiles, { precision, weights: linearFormat = TRANSFORMER_FORMAT }: LoadOptions, onProgress: (event: JobProgress) => void,
): Promise<Omit<LoadedModel, 'url' | 'identity' | 'manifest' | 'options'>> {
  const preset = requirePreset(source)
  const files = await openLtxFiles(signal, video)
  const { kind, config } = files
  const options = { precision, linearFormat } as const
  await requireMemory(gpu.device, transformerBytes(files, options), `${source.name}, ${kind.blocks ?? 0} blocks of width ${kind.width ?? 0}`)

  const scope = new Scope(gpu)
  const before = { bytes: gpu.pool.liveBytes, buffers: gpu.pool.liveBuffers }
  try {
    const origin = { identity: video.identity, open: () => Promise.resolve(counted(files.transformer, onProgress)) }
    const transformer = await loadLargeTransformer(signal, scope, config.transformer, origin, options)
    let loaded = true
    const close = () => {
      loaded = false
      scope.close()
    }
    const autoencoder = await DecoderOnDemand.open(signal, config.autoencoder, files.autoencoder, precision, preset, close)
    const { latents_std, latents_mean } = autoencoder.config
    const latentScale = Float32Array.from([...latents_std, ...latents_mean])
    await gpu.settle()
    return {
      transformer,
      autoencoder,
      encoder: encoderOnDemand(config.autoencoder, files.autoencoder, precision, autoencoder.config, LATENT.scaleTime),
      latentScale,
      schedulerConfig: config.scheduler as SchedulerConfig,
      sampling: {
        sampler: config.sampler,
        stochastic: preset.stochastic,
        ...(preset.sigmas && { sigmas: preset.sigmas }),
        ...(config.allowedSigmas && { allowedSigmas: config.allowedSigmas }),
      },
      weightGpuBytes: gpu.pool.liveBytes - before.bytes,
      weightBuffers: gpu.pool.liveBuffers - before.buffers,
      isLoaded: () => loaded,
      close,
    }
  } catch (error) {
    scope.close()
    throw error
  }
}

/** Tells how much of the transformer has been read. */
function counted(table: TensorTable, onProgress: (event: JobProgress) => void): TensorTable {
  const size = ({ dtype, shape }: { dtype: keyof typeof DTYPE_BYTES; shape: readonly number[] }) => DTYPE_BYTES[dtype] * elementCount(shape)
  const totalBytes = [...table.entries].reduce((sum, [name, entry]) => sum + (name.startsWith('vae.') ? 0 : size(entry)), 0)
  let loadedBytes = 0
  let toldPercent = -1
  return {
    ...table,
    async rows(signal, name, first, count) {
      const bytes = await table.rows(signal, name, first, count)
      loadedBytes += bytes.length
      const percent = Math.floor((100 * loadedBytes) / totalBytes)
      if (percent !== toldPercent) onProgress({ stage: 'loading', loadedBytes, totalBytes })
      toldPercent = percent
      return bytes
    },
  }
}
