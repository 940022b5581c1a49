// Every architecture, by the name that manifests give in `architecture`: the `_class_name` of its pipeline in diffusers. Adding one is a
// folder here and a line below.
import { AppError } from '../../src/shared/errors'
import type { ModelManifest } from '../../src/shared/model'
import type { CatalogueEntry } from '../../src/shared/model-catalogue'
import type { Architecture } from './architecture'
import { ltx } from './ltx/runtime'
import type { ModelFiles } from './model-files'
import { starter } from './starter/runtime'

const ARCHITECTURES: Readonly<Record<string, Architecture>> = {
  KinoraPipeline: starter,
  LTXPipeline: ltx,
}

/** The architecture that runs a model. @throws AppError bad-request naming those there are */
export function architectureOf({ name, architecture }: ModelManifest): Architecture {
  const found = ARCHITECTURES[architecture]
  if (found) return found
  const expected = Object.keys(ARCHITECTURES).join(', ')
  throw new AppError('bad-request', `${name} has the architecture ${architecture}; this version runs ${expected}. Update the page, or choose another model.`, {
    field: 'model',
    expected,
    got: architecture,
  })
}

/** Checks by headers that files are those of a catalogue entry, by the first architecture that uses it. @throws AppError weights-missing, weights-corrupt, bad-request */
export async function checkFiles(signal: AbortSignal, entry: CatalogueEntry, files: ModelFiles): Promise<void> {
  for (const { checkFiles: check } of Object.values(ARCHITECTURES)) if (await check?.(signal, entry, files)) return
  throw new AppError('bad-request', `${entry.name} cannot be read from the disk: download it in Models.`, { source: entry.id })
}
