// Checks the files of LTX-Video, its text encoder and its tokenizer by their headers, without the GPU.
import { AppError } from '../../../src/shared/errors'
import type { CatalogueEntry } from '../../../src/shared/model-catalogue'
import { readTokenizer, type ModelFiles } from '../model-files'
import { openTextEncoder } from '../t5/files'
import { parseLtxAutoencoderConfig, planLtxAutoencoder } from './autoencoder-config'
import { openLtxFiles, transformerBytes } from './files'
import { NO_TOKENIZER_CONFIG, presetOf, TRANSFORMER_FORMAT } from './manifest'

/** The kind of its text encoder in the catalogue. */
const ENCODER_KIND = 't5-xxl'
/** Enough for a short prompt. */
const TOKENS = 16

/** See Architecture.checkFiles. */
export async function checkLtxFiles(signal: AbortSignal, entry: CatalogueEntry, files: ModelFiles): Promise<boolean> {
  if (entry.role === 'video' && presetOf(entry)) await checkVideo(signal, entry, files)
  else if (entry.encoderKind !== ENCODER_KIND) return false
  else if (entry.role === 'text-encoder') await openTextEncoder(signal, files)
  else if (entry.role === 'tokenizer') {
    const { createTokenizer } = await import('../../text/tokenizer')
    createTokenizer(await readTokenizer(signal, files), NO_TOKENIZER_CONFIG, TOKENS)('a red sailboat')
  } else return false
  return true
}

async function checkVideo(signal: AbortSignal, { name, gpuBytes }: CatalogueEntry, files: ModelFiles): Promise<void> {
  const opened = await openLtxFiles(signal, files)
  planLtxAutoencoder(parseLtxAutoencoderConfig(opened.config.autoencoder))
  const needed = transformerBytes(opened, { precision: 'f32', linearFormat: TRANSFORMER_FORMAT })
  if (gpuBytes === undefined || needed <= gpuBytes) return
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
