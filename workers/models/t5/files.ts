// A T5 encoder's files, by their headers.
import type { ByteSource } from '../../weights/byte-source'
import { FileWeights } from '../../weights/file-weights'
import { openPartTable, openTensorTable } from '../../weights/safetensors-table'
import { TensorReader } from '../../weights/tensor-reader'
import type { TensorTable } from '../../weights/tensor-table'
import { checkpointKind, requirePart } from '../checkpoint-kind'
import type { ModelFiles } from '../model-files'
import { ggufKind, isGguf, openGgufHeader } from '../open-gguf'
import { t5ConfigFromShapes, type T5EncoderConfig } from './encoder-config'
import { requireEncoderWeights } from './encoder-weights'
import { openGgufT5Table } from './gguf-table'

/** Opens a file of a T5 encoder: GGUF by its first bytes, safetensors otherwise. @throws AppError weights-corrupt when it is none */
export async function openT5Table(signal: AbortSignal, source: ByteSource): Promise<TensorTable> {
  if (await isGguf(signal, source)) {
    const header = await openGgufHeader(signal, source)
    requirePart(ggufKind(header, source.name), 'text-encoder', source.name)
    return openGgufT5Table(signal, source, header)
  }
  const table = await openTensorTable(signal, source)
  requirePart(checkpointKind(table.entries, source.name), 'text-encoder', source.name)
  return table
}

/**
 * Opens a T5 encoder by its headers. All that encoding reads is there.
 * @throws AppError weights-missing; weights-corrupt when it is not one, or a part of one
 */
export async function openTextEncoder(signal: AbortSignal, files: ModelFiles): Promise<{ table: TensorTable; config: T5EncoderConfig }> {
  const table = files.layout === 'file' ? await openT5Table(signal, files.file) : await openPartTable(signal, files.folder, 'text_encoder', 'model')
  if (files.layout === 'folder') requirePart(checkpointKind(table.entries, table.name), 'text-encoder', table.name)
  const config = t5ConfigFromShapes(table.entries, table.name)
  requireEncoderWeights(config, new FileWeights(new TensorReader(table)))
  return { table, config }
}
