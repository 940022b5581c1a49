// The address of a downloaded model: what stands where another model has the URL of its folder.
import { AppError } from './errors'
import { catalogueManifest } from '../../workers/models/manifests'
import type { ModelManifest } from './model'
import { CATALOGUE, type CatalogueEntry } from './model-catalogue'

export { catalogueManifest }

const SCHEME = 'download:'

/** The sources that a downloaded model is made of. */
export interface DownloadedEntries {
  video: CatalogueEntry
  encoder: CatalogueEntry
  tokenizer: CatalogueEntry
}

/** What stands where another model has the URL of its folder: `download:<video source>?encoder=<encoder source>`. */
export function downloadedModelUrl(video: string, encoder: string): string {
  return `${SCHEME}${video}?encoder=${encoder}`
}

/** The sources that an address names; undefined for the URL of a folder. @throws AppError not-found when the table has no such sources */
export function downloadedEntries(url: string): DownloadedEntries | undefined {
  if (!url.startsWith(SCHEME)) return undefined
  const { pathname, searchParams } = new URL(url)
  const tokenizer = CATALOGUE.find(({ role }) => role === 'tokenizer')
  if (!tokenizer) throw new Error('The table of sources has no tokenizer.')
  return { video: find('video', pathname), encoder: find('text-encoder', searchParams.get('encoder') ?? ''), tokenizer }
}

function find(role: CatalogueEntry['role'], id: string): CatalogueEntry {
  const source = CATALOGUE.find((one) => one.role === role && one.id === id)
  if (source) return source
  const known = CATALOGUE.filter((one) => one.role === role).map((one) => one.id)
  throw new AppError('not-found', `No ${role} model is called ${id || '(nothing)'}; there are ${known.join(', ')}.`, { source: id })
}

/** The manifest of the model at an address. @throws AppError not-found */
export function manifestOfDownloaded({ video }: DownloadedEntries): ModelManifest {
  const manifest = catalogueManifest(video)
  if (manifest) return manifest
  throw new AppError('not-found', `${video.name} has no preset: expected a model that this version runs. Update the page, or choose another model.`, {
    source: video.id,
  })
}
