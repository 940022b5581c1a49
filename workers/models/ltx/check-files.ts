// Checks the files of LTX-Video, its text encoder and its tokenizer by their headers, without the GPU.
import { AppError } from '../../../src/shared/errors'
import type { CatalogueEntry } from '../../../src/shared/model-catalogue'
import type { ModelFiles } from '../model-files'
import { openTextEncoder } from '../t5/files'
import { openT5Tokenizer } from '../t5/tokenizer'
import { parseLtxAutoencoderConfig, planLtxAutoencoder } from './autoencoder-config'
import { openLtxFiles, requireWeights, transformerBytes } from './files'
import { presetOf, TRANSFORMER_FORMAT } from './manifest'

/** The kind of its text encoder in the catalogue. */
const ENCODER_KIND = 't5-xxl'
/** Enough for a short prompt. */
const TOKENS = 16

/** See Architecture.checkFiles. */
export async function checkLtxFiles(signal: AbortSignal, entry: CatalogueEntry, files: ModelFiles): Promise<boolean> {
  if (entry.role === 'video' && presetOf(entry)) await checkVideo(signal, entry, files)
  else if (entry.encoderKind !== ENCODER_KIND) return false
  else if (entry.role === 'text-encoder') await openTextEncoder(signal, files)
  else if (entry.role === 'tokenizer') (await openT5Tokenizer(signal, files, TOKENS))('a red sailboat')
  else return false
  return true
}

async function checkVideo(signal: AbortSignal, { name, gpuBytes }: CatalogueEntry, files: ModelFiles): Promise<void> {
  const opened = await openLtxFiles(signal, files)
  planLtxAutoencoder(parseLtxAutoencoderConfig(opened.config.autoencoder))
  const options = { precision: 'f32', linearFormat: TRANSFORMER_FORMAT } as const
  const needed = transformerBytes(opened, options)
  if (gpuBytes === undefined || needed <= gpuBytes) return requireWeights(signal, opened, options)
  const { blocks = 0, width = 0 } = opened.kind
  const gigabytes = (bytes: number) => `${(bytes / 1e9).toFixed(1)} GB`
  throw new AppError(
    'weights-corrupt',
    `${files.name}: expected ${name}, which needs ${gigabytes(gpuBytes)} of GPU memory, got a larger model of ${blocks} blocks of width ${width}, which needs ${gigabytes(needed)}.`,
    {
      file: files.name,
      expected: gpuBytes,
      found: needed,
    },
  )
}
