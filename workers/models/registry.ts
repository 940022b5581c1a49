// Every architecture, by the `_class_name` of its pipeline: adding one is a folder here and a line below.
import { AppError } from '../../src/shared/errors'
import type { ModelManifest } from '../../src/shared/model'
import type { Architecture } from './architecture'
import { ltx } from './ltx/runtime'
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
    field: 'model', expected, got: architecture,
  })
}
