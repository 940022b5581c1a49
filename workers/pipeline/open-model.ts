// From the address of a model to its architecture.
import { downloadedEntries, manifestOfDownloaded } from '../../src/shared/model-address'
import type { ModelManifest } from '../../src/shared/model'
import type { GenerateOptions } from '../../src/shared/worker-apis'
import type { ModelShape, OpenModel } from '../models/architecture'
import { architectureOf } from '../models/registry'
import { fetchManifest } from '../weights/fetch-file'

/**
 * Finds a model's files and says what it can generate.
 * @param url absolute URL of a model folder, ending in /, or the address of a downloaded model
 * @param localFiles those of its parts that are on the user's own disk
 * @throws AppError not-found, bad-request, weights-missing, weights-corrupt
 */
export async function openModel(signal: AbortSignal, url: string, localFiles: NonNullable<GenerateOptions['localFiles']> = []): Promise<OpenModel> {
  const manifest = await manifestOf(signal, url)
  return architectureOf(manifest).open(signal, url, manifest, localFiles)
}

/** What is timed and counted of a model; its weights need not be here. @throws AppError not-found, bad-request, weights-missing, weights-corrupt */
export async function modelShape(signal: AbortSignal, url: string): Promise<ModelShape> {
  const manifest = await manifestOf(signal, url)
  return architectureOf(manifest).shape(signal, url, manifest)
}

async function manifestOf(signal: AbortSignal, url: string): Promise<ModelManifest> {
  const entries = downloadedEntries(url)
  return entries ? manifestOfDownloaded(entries) : fetchManifest(signal, url)
}
