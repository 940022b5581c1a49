// Manifests of catalogue models, by the architecture that runs them. Pure data: the page reads it too.
import type { ModelManifest } from '../../src/shared/model'
import type { CatalogueEntry } from '../../src/shared/model-catalogue'
import { ltxManifest } from './ltx/manifest'

const MANIFESTS = [ltxManifest]

/** The manifest of a catalogue entry; undefined where no architecture runs it (a text encoder, a tokenizer, an unknown release). Pure. */
export function catalogueManifest(entry: CatalogueEntry): ModelManifest | undefined {
  for (const manifestOf of MANIFESTS) {
    const manifest = manifestOf(entry)
    if (manifest) return manifest
  }
  return undefined
}
