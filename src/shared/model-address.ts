// The address of a downloaded model: what stands where another model has the URL of its folder.
import { AppError } from './errors'
import { catalogueManifest } from '../../workers/models/manifests'
import type { ModelManifest } from './model'
import { CATALOGUE, tokenizerOf, type CatalogueEntry } from './model-catalogue'

export { catalogueManifest }

const SCHEME = 'download:'

/** The catalogue entries that a downloaded model is made of. */
export interface DownloadedEntries {
  video: CatalogueEntry
  encoder: CatalogueEntry
  tokenizer: CatalogueEntry
}

/** What stands where another model has the URL of its folder: `download:<id of the video model>?encoder=<id of the text encoder>`. */
export function downloadedModelUrl(video: string, encoder: string): string {
  return `${SCHEME}${video}?encoder=${encoder}`
}

/**
 * The catalogue entries that an address names; undefined for the URL of a folder.
 * @throws AppError not-found when the catalogue has no such entries, or the text encoder is of another kind than the model needs
 */
export function downloadedEntries(url: string, catalogue = CATALOGUE): DownloadedEntries | undefined {
  if (!url.startsWith(SCHEME)) return undefined
  const { pathname, searchParams } = new URL(url)
  const video = find(
    pathname,
    'video model',
    catalogue.filter(({ role }) => role === 'video'),
  )
  const encoder = find(
    searchParams.get('encoder') ?? '',
    `text encoder of ${video.name}`,
    catalogue.filter(({ role, encoderKind }) => role === 'text-encoder' && encoderKind === video.encoderKind),
  )
  const tokenizer = tokenizerOf(encoder, catalogue)
  if (!tokenizer) throw new Error(`Expected a tokenizer of the kind ${encoder.encoderKind} in the catalogue, found none.`)
  return { video, encoder, tokenizer }
}

function find(id: string, what: string, among: readonly CatalogueEntry[]): CatalogueEntry {
  const entry = among.find((one) => one.id === id)
  if (entry) return entry
  throw new AppError('not-found', `No ${what} is called ${id || '(nothing)'}; there are ${among.map((one) => one.id).join(', ')}.`, { source: id })
}

/** The manifest of the model at an address. @throws AppError not-found */
export function manifestOfDownloaded({ video }: DownloadedEntries): ModelManifest {
  const manifest = catalogueManifest(video)
  if (manifest) return manifest
  throw new AppError('not-found', `${video.name} has no preset: expected a model that this version runs. Update the page, or choose another model.`, {
    source: video.id,
  })
}
