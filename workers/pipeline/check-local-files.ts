// Checks the files that a person chose on the disk by their headers, without the GPU.
import { placeName, type LocalFiles, type LocalPlace } from '../../src/shared/local-files'
import { AppError } from '../../src/shared/errors'
import type { CatalogueEntry } from '../../src/shared/model-catalogue'
import { parseLtxAutoencoderConfig, planLtxAutoencoder } from '../models/ltx/autoencoder-config'
import { recordingFolder } from '../weights/local-file-handles'
import { NO_CONFIG, TRANSFORMER_FORMAT } from '../models/ltx/runtime'
import { openLtxFiles, transformerBytes } from '../models/ltx/files'
import { filesOfLocal, openTextEncoder, readTokenizer, type ModelFiles } from '../models/model-files'

const TOKENS = 16

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
      await check(signal, entry, await filesOfLocal(signal, place, folder, ''))
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
  return new AppError('weights-missing', `${placeName(place)}: expected a folder in ${expected}; it has no ${file}. To use a single file, choose the file itself.`, { file, expected })
}

async function check(signal: AbortSignal, entry: CatalogueEntry, files: ModelFiles): Promise<void> {
  switch (entry.role) {
    case 'video':
      return checkVideo(signal, entry, files)
    case 'text-encoder':
      await openTextEncoder(signal, files)
      return
    case 'tokenizer': {
      const { createTokenizer } = await import('../text/tokenizer')
      createTokenizer(await readTokenizer(signal, files), NO_CONFIG, TOKENS)('a red sailboat')
      return
    }
    case 'prompt-enhancer':
      throw new AppError('bad-request', `${entry.name} cannot be read from the disk: download it in Models.`, { source: entry.id })
  }
}

async function checkVideo(signal: AbortSignal, { name, gpuBytes }: CatalogueEntry, files: ModelFiles): Promise<void> {
  const opened = await openLtxFiles(signal, files)
  planLtxAutoencoder(parseLtxAutoencoderConfig(opened.config.autoencoder))
  const needed = transformerBytes(opened, { precision: 'f32', linearFormat: TRANSFORMER_FORMAT })
  if (gpuBytes === undefined || needed <= gpuBytes) return
  const { blocks = 0, width = 0 } = opened.kind
  const gigabytes = (bytes: number) => `${(bytes / 1e9).toFixed(1)} GB`
  throw new AppError('weights-corrupt', `${files.name}: expected ${name}, which needs ${gigabytes(gpuBytes)} of GPU memory, got a larger model of ${blocks} blocks of width ${width}, which needs ${gigabytes(needed)}.`, {
    file: files.name,
    expected: gpuBytes,
    found: needed,
  })
}
