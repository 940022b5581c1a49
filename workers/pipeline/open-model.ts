// Every kind of model that a job can name, each by its own loader.
import type { LocalFiles } from '../../src/shared/local-files'
import { downloadedSources } from '../../src/shared/model-address'
import { openDownloadedModel } from '../models/ltx/runtime'
import { openModelFolder } from '../models/starter/runtime'
import type { OpenModel } from './model'

/**
 * Finds a model's files and says what it can make.
 * @param url absolute URL of a model folder, ending in /, or the address of a downloaded model
 * @param picks sources that are on the user's own disk
 * @throws AppError not-found, weights-missing, weights-corrupt
 */
export async function openModel(signal: AbortSignal, url: string, picks: readonly LocalFiles[] = []): Promise<OpenModel> {
  const sources = downloadedSources(url)
  return sources ? openDownloadedModel(signal, url, sources, picks) : openModelFolder(signal, url)
}
