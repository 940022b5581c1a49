// A large model's files, opened by their headers alone; its transformer and text encoder, from them or from what was kept of them.
import { AppError } from '../../../src/shared/errors'
import type { Gpu } from '../../engine/device'
import { withScope, type Scope } from '../../engine/scope'
import { LtxTransformer, type TransformerOptions } from './transformer'
import { parseLtxOriginalConfig, type LtxOriginalConfig } from './original-config'
import type { T5EncoderConfig } from '../t5/encoder-config'
import { embeddingName, FINAL_NORM_NAME, loadHalf, POSITION_BIAS_NAME } from '../t5/encoder-weights'
import type { WeightFormat } from '../../ops/linear'
import type { WeightStream } from '../../ops/weight-stream'
import type { ByteSource } from '../../weights/byte-source'
import { checkpointKind, type CheckpointKind } from '../checkpoint-kind'
import { findCachedWeights, cacheWeights } from '../../weights/quantized-cache'
import { FileWeights } from '../../weights/file-weights'
import { TensorReader } from '../../weights/tensor-reader'
import { openTensorTable } from '../../weights/safetensors-table'
import type { TensorTable } from '../../weights/tensor-table'
import { CacheRecorder } from '../../weights/quantized-weights'

/** A single-file checkpoint of LTX-Video. */
export interface LtxCheckpoint {
  table: TensorTable
  kind: CheckpointKind
  config: LtxOriginalConfig
}

/** Where weights come from when nothing of them was kept. */
export interface WeightOrigin {
  /** differs when the files do: their hashes, or their addresses, lengths and versions */
  identity: string
  /** not called on a second start */
  open(signal: AbortSignal): Promise<TensorTable>
}

/**
 * Opens a single-file checkpoint, whose metadata holds its configs.
 * @throws AppError weights-corrupt when it is none
 */
export async function openLtxCheckpoint(signal: AbortSignal, source: ByteSource): Promise<LtxCheckpoint> {
  const table = await openTensorTable(signal, source)
  const kind = checkpointKind(table.entries, source.name)
  const text = table.metadata['config']
  if (text === undefined) {
    const found = 'no config in its metadata'
    throw new AppError('weights-corrupt', `${source.name} has ${found}: expected a single-file checkpoint of LTX-Video, or a folder in diffusers' layout.`, {
      file: source.name,
      found,
    })
  }
  return { table, kind, config: parseLtxOriginalConfig(text, source.name) }
}

/**
 * A transformer on the GPU: quantized from its files and kept, or read as it was kept. In memory are never more than two pieces of 16 MiB.
 * @param config of LTXVideoTransformer3DModel
 */
export async function loadLargeTransformer(
  signal: AbortSignal,
  scope: Scope,
  config: unknown,
  origin: WeightOrigin,
  options: TransformerOptions,
): Promise<LtxTransformer> {
  const identity = { modelFiles: origin.identity, format: options.linearFormat }
  const kept = await findCachedWeights(signal, identity)
  if (kept) return LtxTransformer.stream(signal, scope, config, kept, options)
  const table = await origin.open(signal)
  const load = (weights: WeightStream) => LtxTransformer.stream(signal, scope, config, weights, options)
  return (await cacheWeights(identity, new FileWeights(new TensorReader(table)), table.entries.size, load)).result
}

/**
 * A text encoder's weights, to be read half a block at a time: those that were kept, else they are quantized and kept first. Where they
 * cannot be kept, they come from the origin at each use.
 * @param onHalf hears how many halves of blocks are done, of how many
 */
export async function largeTextEncoderWeights(
  signal: AbortSignal,
  gpu: Gpu,
  config: T5EncoderConfig,
  origin: WeightOrigin,
  format: WeightFormat,
  onHalf: (done: number, of: number) => void = () => undefined,
): Promise<WeightStream> {
  const identity = { modelFiles: origin.identity, format }
  const kept = await findCachedWeights(signal, identity)
  if (kept) return kept
  const reader = new TensorReader(await origin.open(signal))
  const stored = new FileWeights(reader)
  await cacheWeights(identity, stored, reader.table.entries.size, async (weights) => {
    if (weights instanceof CacheRecorder) await recordTextEncoder(signal, gpu, config, reader, weights, format, onHalf)
  })
  return (await findCachedWeights(signal, identity)) ?? stored
}

async function recordTextEncoder(
  signal: AbortSignal,
  gpu: Gpu,
  config: T5EncoderConfig,
  reader: TensorReader,
  recorder: CacheRecorder,
  format: WeightFormat,
  onHalf: (done: number, of: number) => void,
): Promise<void> {
  const { d_model: width, num_layers: blocks, num_heads: heads, relative_attention_num_buckets: buckets } = config
  await recorder.floats(signal, POSITION_BIAS_NAME, [buckets, heads])
  await recorder.floats(signal, FINAL_NORM_NAME, [width])
  await recorder.copyTable(signal, reader, embeddingName(recorder))
  for (let half = 0; half < 2 * blocks && recorder.failure === undefined; half++) {
    await withScope(gpu, (scope) => loadHalf(signal, scope, half, config, format, recorder))
    onHalf(half + 1, 2 * blocks)
  }
}
