// What a person chose on the disk is checked by its headers before it is taken: nothing of it goes to the GPU.
import { placeName, type LocalFiles, type LocalPlace } from '../../src/shared/local-files'
import { AppError } from '../../src/shared/errors'
import type { CatalogueEntry } from '../../src/shared/model-catalogue'
import { parseLtxAutoencoderConfig, planLtxAutoencoder } from '../models/ltx/autoencoder-config'
import { listedFolder } from '../weights/local-file-handles'
import { NO_CONFIG, TRANSFORMER_FORMAT } from '../models/ltx/runtime'
import { openLtxFiles, transformerBytes } from '../models/ltx/files'
import { filesOfLocal, openTextEncoder, readTokenizer, type ModelFiles } from '../models/model-files'

const TOKENS = 16

/**
 * Checks that a place holds a source. A folder may supply others besides: they are taken where they are there.
 * @param sources what it is chosen for first
 * @returns a pick for each source found, in the order of `sources`
 * @throws AppError weights-missing, weights-corrupt saying what was found instead
 */
export async function checkLocalFiles(signal: AbortSignal, sources: readonly CatalogueEntry[], place: LocalPlace): Promise<LocalFiles[]> {
  const picks: LocalFiles[] = []
  for (const [index, source] of sources.entries()) {
    if (index > 0 && place.kind === 'file') break
    const { folder, files } = listedFolder(place)
    try {
      await check(signal, source, await filesOfLocal(signal, place, folder, ''))
    } catch (error) {
      const absent = error instanceof AppError && error.code === 'weights-missing' && error.details['found'] === 'NotFoundError'
      if (!absent) throw error
      if (index > 0) continue
      throw place.kind === 'folder' ? noModel(place, error) : error
    }
    picks.push({ schemaVersion: 1, source: source.id, place, files })
  }
  return picks
}

function noModel(place: LocalPlace, { details }: AppError): AppError {
  const expected = "diffusers' layout: transformer/, vae/ and scheduler/, each with its config"
  const file = String(details['file'])
  return new AppError('weights-missing', `${placeName(place)} has no ${file}; expected a folder in ${expected}. A single file is chosen as a file.`, { file, expected })
}

async function check(signal: AbortSignal, source: CatalogueEntry, files: ModelFiles): Promise<void> {
  switch (source.role) {
    case 'video':
      return checkVideo(signal, source, files)
    case 'text-encoder':
      await openTextEncoder(signal, files)
      return
    case 'tokenizer': {
      const { createTokenizer } = await import('../text/tokenizer')
      createTokenizer(await readTokenizer(signal, files), NO_CONFIG, TOKENS)('a red sailboat')
      return
    }
    case 'prompt-writer':
      throw new AppError('bad-request', `${source.name} is downloaded, and not read from a folder.`, { source: source.id })
  }
}

async function checkVideo(signal: AbortSignal, { name, gpuBytes }: CatalogueEntry, files: ModelFiles): Promise<void> {
  const opened = await openLtxFiles(signal, files)
  planLtxAutoencoder(parseLtxAutoencoderConfig(opened.config.autoencoder))
  const needed = transformerBytes(opened, { precision: 'f32', linearFormat: TRANSFORMER_FORMAT })
  if (gpuBytes === undefined || needed <= gpuBytes) return
  const { blocks = 0, width = 0 } = opened.kind
  const gigabytes = (bytes: number) => `${(bytes / 1e9).toFixed(1)} GB`
  throw new AppError('weights-corrupt', `${files.name} is a larger model, ${blocks} blocks of width ${width}, which would need ${gigabytes(needed)} of GPU memory; expected ${name}, which needs ${gigabytes(gpuBytes)}.`, {
    file: files.name,
    expected: gpuBytes,
    found: needed,
  })
}
