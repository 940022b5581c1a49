// Every kind of model that a job can name, each by its own loader.
import type { LocalFiles } from '../../src/shared/local-files'
import { downloadedEntries } from '../../src/shared/downloaded-model'
import { openDownloadedModel } from './downloaded-model'
import { openModelFolder } from './load-model'
import type { OpenModel } from './model'

/**
 * Finds a model's files and says what it can make.
 * @param url absolute URL of a model folder, ending in /, or the address of a downloaded model
 * @param localFiles the model's files on the user's own disk
 * @throws AppError not-found, weights-missing, weights-corrupt
 */
export async function openModel(signal: AbortSignal, url: string, localFiles: readonly LocalFiles[] = []): Promise<OpenModel> {
  const sources = downloadedEntries(url)
  return sources ? openDownloadedModel(signal, url, sources, localFiles) : openModelFolder(signal, url)
}
