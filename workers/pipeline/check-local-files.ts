// Checks the files that a person chose on the disk by their headers, without the GPU.
import { placeName, type LocalFiles, type LocalPlace } from '../../src/shared/local-files'
import { AppError } from '../../src/shared/errors'
import type { CatalogueEntry } from '../../src/shared/model-catalogue'
import { recordingFolder } from '../weights/local-file-handles'
import { filesOfLocal } from '../models/model-files'
import { checkFiles } from '../models/registry'

/**
 * Checks that a place contains a catalogue entry. A folder may contain others too: those found are used.
 * @param entries the entry that the place is chosen for, then others that a folder may contain
 * @returns the local files of each entry found, in the order of `entries`
 * @throws AppError weights-missing; weights-corrupt, naming what was found instead
 */
export async function checkLocalFiles(signal: AbortSignal, entries: readonly CatalogueEntry[], place: LocalPlace): Promise<LocalFiles[]> {
  const found: LocalFiles[] = []
  for (const [index, entry] of entries.entries()) {
    if (index > 0 && place.kind === 'file') break
    const { folder, files } = recordingFolder(place)
    try {
      await checkFiles(signal, entry, await filesOfLocal(signal, place, folder, ''))
    } catch (error) {
      const absent = error instanceof AppError && error.code === 'weights-missing' && error.details['found'] === 'NotFoundError'
      if (!absent) throw error
      if (index > 0) continue
      throw place.kind === 'folder' ? missingModel(place, error) : error
    }
    found.push({ schemaVersion: 1, source: entry.id, place, files })
  }
  return found
}

function missingModel(place: LocalPlace, { details }: AppError): AppError {
  const expected = "diffusers' layout: transformer/, vae/ and scheduler/, each with its config"
  const file = String(details['file'])
  return new AppError(
    'weights-missing',
    `${placeName(place)}: expected a folder in ${expected}; it has no ${file}. To use a single file, choose the file itself.`,
    { file, expected },
  )
}
