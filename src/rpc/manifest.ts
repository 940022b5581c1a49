import { downloadedEntries, manifestOfDownloaded } from '../shared/model-address'
import { AppError } from '../shared/errors'
import { MAX_FILE_BYTES, readJsonBody } from '../shared/file-bounds'
import { parseManifest } from '../shared/model'
import type { ModelManifest } from '../shared/model'

/** Absolute URL of a model folder that ships with the page, ending in /. */
export function modelFolderUrl(folder: string): string {
  return new URL(`models/${folder}/`, document.baseURI).href
}

/**
 * The manifest of a model by its URL.
 * @throws AppError weights-missing, weights-corrupt, not-found
 */
export async function fetchManifest(modelUrl: string): Promise<ModelManifest> {
  const downloaded = downloadedEntries(modelUrl)
  if (downloaded) return manifestOfDownloaded(downloaded)
  const url = new URL('kinora.json', modelUrl).href
  const missing = (found: string) =>
    new AppError('weights-missing', `kinora.json: expected a file, got ${found}; check the connection and reload the page.`, { file: 'kinora.json', found })
  const response = await fetch(url).catch(() => {
    throw missing('no answer')
  })
  // static hosts may answer a missing file with a page of their own
  if (!response.ok || response.headers.get('content-type')?.startsWith('text/html')) throw missing(response.ok ? 'a web page' : `HTTP ${response.status}`)
  return parseManifest(await readJsonBody(response, MAX_FILE_BYTES.manifest, 'kinora.json'), url)
}
