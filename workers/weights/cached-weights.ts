// Quantized weights in this browser's storage: found for a second start, or written during the first.
import { createWeightsFile, openWeightsFile, removeWeightsFile } from '../storage/weights-file'
import { AppError } from '../../src/shared/errors'
import type { WeightFormat } from '../ops/linear'
import { blobSource } from './byte-source'
import type { StoredWeights } from './stored-weights'
import { openTensorTable } from './tensor-table'
import { TensorWriter } from './tensor-writer'
import { CacheRecorder, cacheFileName, openCache, type CachedWeights, type CacheIdentity } from './weights-cache'

/** Tensors of a cache for each that a model has: its data, its scale, its bias. */
const TENSORS_EACH = 3
const FORMATS: readonly WeightFormat[] = ['f32', 'f16', 'i8', 'i4']

/** What was kept of these weights; undefined when there is nothing, it was not finished, or there is no storage at all (a private window). */
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
 * Runs `use` on weights that are written down as they are read. Where they cannot be (no space, another tab writes them, no storage at
 * all), `use` runs all the same.
 * @param tensors how many the model has
 */
export async function cacheWeights<T>(
  identity: CacheIdentity, source: StoredWeights, tensors: number, use: (weights: StoredWeights | CacheRecorder) => Promise<T>,
): Promise<{ result: T; kept: boolean; failure?: unknown }> {
  const name = await cacheFileName(identity)
  let recorder: CacheRecorder
  try {
    recorder = new CacheRecorder(source, new TensorWriter(await createWeightsFile(name), tensors * TENSORS_EACH), identity)
  } catch (failure) {
    return { result: await use(source), kept: false, failure }
  }
  let kept = false
  try {
    const result = await use(recorder)
    kept = recorder.finish()
    return { result, kept, ...(!kept && { failure: recorder.failure }) }
  } catch (error) {
    recorder.abandon()
    throw error
  } finally {
    if (!kept) await removeWeightsFile(name).catch(() => undefined)
  }
}

/** Deletes what was kept of a source, in whatever format; what is not there is no error. @param source see CacheIdentity */
export async function removeCachedWeights(source: string): Promise<void> {
  for (const format of FORMATS) await removeWeightsFile(await cacheFileName({ source, format }))
}
