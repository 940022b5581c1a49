// LTX-Video from its published files, downloaded or on the user's own disk.
import type { LocalFiles } from '../../../src/shared/local-files'
import { downloadedEntries } from '../../../src/shared/model-address'
import type { ModelManifest } from '../../../src/shared/model'
import type { Embeds } from '../../../src/shared/prompt-embeds'
import type { CatalogueEntry } from '../../../src/shared/model-catalogue'
import { AppError } from '../../../src/shared/errors'
import type { JobProgress } from '../../../src/shared/job'
import type { Gpu } from '../../engine/device'
import { withScope } from '../../engine/scope'
import { elementCount } from '../../engine/tensor'
import { DTYPE_BYTES } from '../../weights/safetensors-header'
import type { TensorTable } from '../../weights/tensor-table'
import type { Architecture, LoadedModel, LoadOptions, OpenModel } from '../architecture'
import type { SchedulerConfig } from '../flow-match-scheduler'
import { requireMemory } from '../gpu-memory-budget'
import { loadOnGpu } from '../load-on-gpu'
import { findModelFiles, type ModelFiles } from '../model-files'
import { openTextEncoder } from '../t5/files'
import { openT5Tokenizer } from '../t5/tokenizer'
import { T5Encoder } from '../t5/encoder'
import type { T5EncoderConfig } from '../t5/encoder-config'
import { probeBlock } from './block-probe'
import { checkLtxFiles } from './check-files'
import { largeTextEncoderWeights, loadLargeTransformer } from './cached-models'
import { DecoderOnDemand } from './decoder-on-demand'
import { encoderOnDemand } from './encoder-on-demand'
import { openLtxFiles, transformerBytes, type LtxFiles } from './files'
import { LATENT, requirePreset, TRANSFORMER_FORMAT } from './manifest'
import { ltxPositions } from './positions'
import { LTX_2B } from './released-shape'
import { ltxSchedule } from './schedule'

/** Of the text encoder's blocks, of which two halves are on the GPU at a time: under 300 MB. */
const ENCODER_FORMAT = 'i8'

/** See Architecture. */
export const ltx: Architecture = {
  checkFiles: checkLtxFiles,
  open: (signal, url, manifest, localFiles) => openLtx(signal, url, manifest, localFiles),
  shape: () =>
    Promise.resolve({
      probe: (signal, gpu) => probeBlock(signal, gpu, LTX_2B.transformer, { precision: gpu.facts.f16 ? 'f16' : 'f32', linearFormat: LTX_2B.format }),
      width: LTX_2B.transformer.num_attention_heads * LTX_2B.transformer.attention_head_dim,
      blocks: LTX_2B.transformer.num_layers,
      decoderFlops: LTX_2B.decoderFlops,
    }),
}

async function openLtx(signal: AbortSignal, url: string, manifest: ModelManifest, localFiles: readonly LocalFiles[]): Promise<OpenModel> {
  const entries = downloadedEntries(url)
  if (!entries)
    throw new AppError('bad-request', `${manifest.name} is a model folder: expected the address of a downloaded LTX-Video, got ${url}.`, {
      field: 'model',
      got: url,
    })
  const video = await findModelFiles(signal, entries.video, localFiles)
  const encoder = await findModelFiles(signal, entries.encoder, localFiles)
  const tokenizer = await findModelFiles(signal, entries.tokenizer, localFiles)
  const opened = { url, identity: video.identity, manifest }
  return {
    ...opened,
    encoderIdentity: JSON.stringify([encoder.identity, tokenizer.identity]),
    embed: (embedding, gpu, prompts, { report }) => embed(embedding, gpu, { video, encoder, tokenizer }, manifest.text.maxTokens, prompts, report),
    load: (loading, gpu, options, onProgress) => load(loading, gpu, opened, entries.video, video, options, onProgress),
  }
}

async function embed(
  signal: AbortSignal,
  gpu: Gpu,
  { video, encoder, tokenizer }: Record<'video' | 'encoder' | 'tokenizer', ModelFiles>,
  maxTokens: number,
  prompts: readonly string[],
  onProgress: (event: JobProgress) => void,
): Promise<Embeds[]> {
  const tokenize = await openT5Tokenizer(signal, tokenizer, maxTokens)
  const tokenized = prompts.map(tokenize)
  const { table, config } = await openTextEncoder(signal, encoder)
  const opened = await openLtxFiles(signal, video)
  requireFitting(config, encoder.name, opened.config.transformer, video.name, Math.max(...tokenized.flatMap(({ ids }) => ids)))
  const origin = { identity: encoder.identity, open: () => Promise.resolve(table) }
  const weights = await largeTextEncoderWeights(signal, gpu, config, origin, ENCODER_FORMAT, (step, steps) =>
    onProgress({ stage: 'encoding-text', step, steps }),
  )
  onProgress({ stage: 'encoding-text' })
  const t5 = new T5Encoder(config, { precision: gpu.facts.f16 ? 'f16' : 'f32', linearFormat: ENCODER_FORMAT }, weights)
  try {
    return await withScope(gpu, async (scope) => {
      const embedded = await t5.encode(
        signal,
        scope,
        tokenized.map(({ ids }) => Uint32Array.from(ids)),
      )
      const embeddings: Embeds[] = []
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

/** Files that each are what they were chosen as may still not be of one model. @throws AppError weights-corrupt */
function requireFitting(
  encoder: T5EncoderConfig,
  encoderName: string,
  transformer: LtxFiles['config']['transformer'],
  videoName: string,
  highestId: number,
): void {
  const { caption_channels: width } = transformer
  if (typeof width === 'number' && width !== encoder.d_model) {
    const expected = `a text encoder of width ${width}, which ${videoName} was trained with`
    throw new AppError('weights-corrupt', `${encoderName}: expected ${expected}, got one of width ${encoder.d_model}; choose another in Models.`, {
      file: encoderName,
      expected: width,
      found: encoder.d_model,
    })
  }
  if (highestId < encoder.vocab_size) return
  throw new AppError(
    'weights-corrupt',
    `${encoderName}: expected a text encoder for the tokenizer, whose ids go up to ${highestId} at least, got one for ${encoder.vocab_size} tokens; choose another in Models.`,
    { file: encoderName, expected: highestId + 1, found: encoder.vocab_size },
  )
}

async function load(
  signal: AbortSignal,
  gpu: Gpu,
  opened: Pick<OpenModel, 'url' | 'identity' | 'manifest'>,
  entry: CatalogueEntry,
  video: ModelFiles,
  options: LoadOptions,
  onProgress: (event: JobProgress) => void,
): Promise<LoadedModel> {
  const { precision, weights: linearFormat = TRANSFORMER_FORMAT } = options
  const preset = requirePreset(entry)
  const files = await openLtxFiles(signal, video)
  const { kind, config } = files
  const transformerOptions = { precision, linearFormat } as const
  await requireMemory(gpu.device, transformerBytes(files, transformerOptions), `${entry.name}, ${kind.blocks ?? 0} blocks of width ${kind.width ?? 0}`)

  return loadOnGpu(gpu, opened, options, async (scope, close) => {
    const origin = { identity: video.identity, open: () => Promise.resolve(counted(files.transformer, onProgress)) }
    const transformer = await loadLargeTransformer(signal, scope, config.transformer, origin, transformerOptions)
    const decoder = await DecoderOnDemand.open(signal, config.autoencoder, files.autoencoder, precision, preset, close)
    return {
      transformer,
      ...transformer.sizes,
      positions: ltxPositions(transformer, opened.manifest),
      decoder,
      encoder: encoderOnDemand(config.autoencoder, files.autoencoder, precision, decoder.config, LATENT.scaleTime),
      schedule: (steps, tokens) =>
        ltxSchedule(
          {
            config: config.scheduler as SchedulerConfig,
            sampler: config.sampler,
            ...(preset.sigmas && { sigmas: preset.sigmas }),
            ...(config.allowedSigmas && { allowedSigmas: config.allowedSigmas }),
          },
          steps,
          tokens,
        ),
      ancestral: preset.ancestral,
    }
  })
}

/** Reports how much of the transformer has been read. */
function counted(table: TensorTable, onProgress: (event: JobProgress) => void): TensorTable {
  const size = ({ dtype, shape }: { dtype: keyof typeof DTYPE_BYTES; shape: readonly number[] }) => DTYPE_BYTES[dtype] * elementCount(shape)
  const totalBytes = [...table.entries].reduce((sum, [name, entry]) => sum + (name.startsWith('vae.') ? 0 : size(entry)), 0)
  let loadedBytes = 0
  let reportedPercent = -1
  return {
    ...table,
    async rows(signal, name, first, count) {
      const bytes = await table.rows(signal, name, first, count)
      loadedBytes += bytes.length
      const percent = Math.floor((100 * loadedBytes) / totalBytes)
      if (percent !== reportedPercent) onProgress({ stage: 'loading', loadedBytes, totalBytes })
      reportedPercent = percent
      return bytes
    },
  }
}
