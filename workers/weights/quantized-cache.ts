// The cache of quantized weights in OPFS: files found for a later start, written during the first one, measured and deleted.
// A downloaded file's copies are cached under its SHA-256; copies of a person's own files have another identity (local-file-handles.ts).
import { AppError } from '../../src/shared/errors'
import { createWeightsFile, listWeightsFiles, openWeightsFile, removeWeightsFile } from '../storage/weights-file'
import type { WeightFormat } from '../ops/linear'
import { blobSource } from './byte-source'
import type { FileWeights } from './file-weights'
import { cachedFrom, CacheRecorder, cacheFileName, openCache, type CachedWeights, type CacheIdentity } from './quantized-weights'
import { openTensorTable } from './safetensors-table'
import { TensorWriter } from './tensor-writer'

/** Cached tensors for each tensor of a model: its data, its scale, its bias. */
const TENSORS_EACH = 3
const FORMATS: readonly WeightFormat[] = ['f32', 'f16', 'i8', 'i4']
const SHA256 = /^[0-9a-f]{64}$/

/** The cached copy of these weights; undefined if there is none, it is incomplete, or there is no storage (a private window). */
export async function findCachedWeights(signal: AbortSignal, identity: CacheIdentity): Promise<CachedWeights | undefined> {
  const name = await cacheFileName(identity)
  const file = await openWeightsFile(name).catch(() => undefined)
  if (!file) return undefined
  try {
    const found = openCache(await openTensorTable(signal, blobSource(name, file)), identity)
    if (found) return found
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'weights-corrupt') throw error
  }
  await removeWeightsFile(name).catch(() => undefined) // another tab may be writing it
  return undefined
}

/**
 * Runs `use` on weights that are written to the cache as they are read. If the cache cannot be written (no free space, another tab
 * is writing it, no storage at all), `use` runs without it.
 * @param tensors number of the model's tensors
 * @returns `cached`: whether there is a complete copy now; if not, `failure` is why
 */
export async function cacheWeights<T>(
  identity: CacheIdentity,
  source: FileWeights,
  tensors: number,
  use: (weights: FileWeights | CacheRecorder) => Promise<T>,
): Promise<{ result: T; cached: boolean; failure?: unknown }> {
  const name = await cacheFileName(identity)
  let recorder: CacheRecorder
  try {
    recorder = new CacheRecorder(source, new TensorWriter(await createWeightsFile(name), tensors * TENSORS_EACH), identity)
  } catch (failure) {
    return { result: await use(source), cached: false, failure }
  }
  let cached = false
  try {
    const result = await use(recorder)
    cached = recorder.finish()
    return { result, cached, ...(!cached && { failure: recorder.failure }) }
  } catch (error) {
    recorder.abandon()
    throw error
  } finally {
    if (!cached) await removeWeightsFile(name).catch(() => undefined)
  }
}

/** Deletes the cached copies of some model files in every format; missing ones are no error. @param modelFiles see CacheIdentity */
export async function removeCachedWeights(modelFiles: string): Promise<void> {
  for (const format of FORMATS) await removeWeightsFile(await cacheFileName({ modelFiles, format }))
}

/** Bytes of the cached copies of each downloaded file, in all formats, by the file's SHA-256. */
export async function copiedBytes(signal: AbortSignal): Promise<Map<string, number>> {
  const copied = new Map<string, number>()
  for (const { name, bytes } of await listWeightsFiles()) {
    const modelFiles = await copiedFrom(signal, name)
    if (modelFiles !== undefined && SHA256.test(modelFiles)) copied.set(modelFiles, (copied.get(modelFiles) ?? 0) + bytes)
  }
  return copied
}

/**
 * Deletes the copies of downloads that were deleted, incomplete copies and those of an older layout. One that is being written stays.
 * @param present SHA-256 of the downloaded files
 */
export async function removeOrphans(signal: AbortSignal, present: ReadonlySet<string>): Promise<void> {
  for (const { name } of await listWeightsFiles()) {
    const modelFiles = await copiedFrom(signal, name)
    if (modelFiles !== undefined && (!SHA256.test(modelFiles) || present.has(modelFiles))) continue
    await removeWeightsFile(name).catch(() => undefined) // a worker has it open: it is being written
  }
}

/** The identity of the model files that a copy was made from; undefined if the copy is incomplete or has an older layout. */
async function copiedFrom(signal: AbortSignal, name: string): Promise<string | undefined> {
  const file = await openWeightsFile(name)
  try {
    return file && cachedFrom(await openTensorTable(signal, blobSource(name, file)))
  } catch (error) {
    if (error instanceof AppError && error.code === 'weights-corrupt') return undefined
    throw error
  }
}
