// LTX-Video from its published files, as Models downloaded them: read from this disk alone.
import { manifestOfDownloaded, requirePreset, type DownloadedSources } from '../../src/shared/downloaded-model'
import type { ProgressEvent } from '../../src/shared/job'
import type { ModelSource } from '../../src/shared/sources'
import { AppError } from '../../src/shared/errors'
import type { Gpu } from '../engine/device'
import { Scope, withScope } from '../engine/scope'
import { elementCount } from '../engine/tensor'
import { LtxTransformer } from '../models/ltx-transformer'
import type { SchedulerConfig } from '../models/flow-match-scheduler'
import { t5ConfigFromShapes } from '../models/t5-encoder-config'
import { T5Encoder } from '../models/t5-encoder'
import { findStoredFile } from '../storage/download-store'
import { BlobWeights, readBlobSync } from '../weights/blob-weights'
import { DTYPE_BYTES } from '../weights/safetensors-header'
import { openStoredSource, type StoredSource } from '../weights/stored-source'
import { StoredWeights } from '../weights/stored-weights'
import { TensorReader } from '../weights/tensor-reader'
import { readSafetensorsHeader, type TensorTable } from '../weights/tensor-table'
import { DecoderOnDemand } from './decoder-on-demand'
import { bytesOf, requireRoom } from './gpu-room'
import { largeTextEncoderWeights, loadLargeTransformer, openLtxCheckpoint, openT5Table } from './large-model'
import type { LoadedModel, LoadOptions, OpenModel, PromptEmbedding } from './model'

/** Of the transformer's blocks where nothing else is asked for: LTX-Video 2B is then 1.15 GB. */
const TRANSFORMER_FORMAT = 'i4'
/** Of the text encoder's, of which two halves of blocks are there at a time: under 300 MB. */
const ENCODER_FORMAT = 'i8'
/** A tokenizer.json says all that there is to T5's. */
const NO_CONFIG = new TextEncoder().encode('{}')

/**
 * Opens a downloaded model.
 * @throws AppError weights-missing naming the file that is yet to be downloaded; not-found
 */
export async function openDownloadedModel(signal: AbortSignal, url: string, sources: DownloadedSources): Promise<OpenModel> {
  const manifest = manifestOfDownloaded(sources)
  const video = await openOnlyFile(signal, sources.video)
  const encoder = await openOnlyFile(signal, sources.encoder)
  const tokenizer = await openOnlyFile(signal, sources.tokenizer)
  return {
    url,
    manifest,
    encoderIdentity: encoder.sha256,
    embed: (embedding, gpu, prompts) => embed(embedding, gpu, encoder, tokenizer, manifest.text.maxTokens, prompts),
    load: async (loading, gpu, options, onProgress) => ({ url, manifest, options, ...(await load(loading, gpu, sources.video, video, options, onProgress)) }),
  }
}

/** @throws AppError weights-missing */
function openOnlyFile(signal: AbortSignal, { id, files: [file] }: ModelSource): Promise<StoredSource> {
  if (!file) throw new Error(`The source ${id} has no file.`)
  return openStoredSource(signal, id, file.path)
}

async function embed(
  signal: AbortSignal, gpu: Gpu, encoder: StoredSource, tokenizer: StoredSource, maxTokens: number, prompts: readonly string[],
): Promise<PromptEmbedding[]> {
  // half a megabyte of code that no other model needs here
  const { createTokenizer } = await import('../text/tokenizer')
  const tokenize = createTokenizer(await tokenizer.read(signal, 0, tokenizer.bytes), NO_CONFIG, maxTokens)
  const tokenized = prompts.map(tokenize)
  const table = await openT5Table(signal, encoder)
  const config = t5ConfigFromShapes(table.entries, table.name)
  const weights = await largeTextEncoderWeights(signal, gpu, config, { identity: encoder.sha256, open: () => Promise.resolve(table) }, ENCODER_FORMAT)
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
  signal: AbortSignal, gpu: Gpu, source: ModelSource, video: StoredSource, { precision, weights: linearFormat = TRANSFORMER_FORMAT }: LoadOptions, onProgress: (event: ProgressEvent) => void,
): Promise<Omit<LoadedModel, 'url' | 'manifest' | 'options'>> {
  const preset = requirePreset(source)
  const { table, kind, config } = await openLtxCheckpoint(signal, video)
  for (const part of ['transformer', 'autoencoder'] as const) {
    if (kind.parts.includes(part)) continue
    const found = kind.parts.join(' and ')
    throw new AppError('weights-corrupt', `${video.name} holds ${found}; expected a transformer and an autoencoder.`, { file: video.name, found })
  }
  const options = { precision, linearFormat } as const
  const needed = bytesOf(LtxTransformer.requests(config.transformer, new StoredWeights(new TensorReader(table)), options))
  await requireRoom(gpu.device, needed, `${source.name}, ${kind.blocks ?? 0} blocks of width ${kind.width ?? 0}`)

  const file = await findStoredFile(source.id, video.name)
  if (!file) throw new AppError('weights-missing', `${video.name} is gone from this disk: download it in Models.`, { file: video.name })
  const weights = new BlobWeights(await readSafetensorsHeader(signal, video), readBlobSync(file), video.name)

  const scope = new Scope(gpu)
  const before = { bytes: gpu.pool.liveBytes, buffers: gpu.pool.liveBuffers }
  try {
    const origin = { identity: video.sha256, open: () => Promise.resolve(counted(table, onProgress)) }
    const transformer = await loadLargeTransformer(signal, scope, config.transformer, origin, options)
    let loaded = true
    const close = () => {
      loaded = false
      scope.close()
    }
    const autoencoder = new DecoderOnDemand(config.autoencoder, weights, decoderValues(table), precision, preset, close)
    const { latents_std, latents_mean } = autoencoder.config
    const latentScale = scope.upload(Float32Array.from([...latents_std, ...latents_mean]), [2, latents_std.length], 'f32')
    await gpu.settle()
    return {
      transformer,
      autoencoder,
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

function decoderValues({ entries }: TensorTable): number {
  return [...entries].reduce((sum, [name, { shape }]) => sum + (/(^|\.)decoder\./.test(name) ? elementCount(shape) : 0), 0)
}

/** Tells how much of the transformer has been read. */
function counted(table: TensorTable, onProgress: (event: ProgressEvent) => void): TensorTable {
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
