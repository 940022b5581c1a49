// A T5 encoder's files, by their headers.
import { AppError } from '../../../src/shared/errors'
import type { ByteSource } from '../../weights/byte-source'
import { openPartTable, openTensorTable, type TensorTable } from '../../weights/tensor-table'
import { checkpointKind } from '../checkpoint-kind'
import type { ModelFiles } from '../model-files'
import { t5ConfigFromShapes, type T5EncoderConfig } from './encoder-config'
import { openGgufT5Table } from './gguf-table'

/** Opens a T5 encoder: GGUF by its name's end, safetensors otherwise. @throws AppError weights-corrupt when it is none */
export async function openT5Table(signal: AbortSignal, source: ByteSource): Promise<TensorTable> {
  if (/\.gguf$/i.test(source.name)) return openGgufT5Table(signal, source)
  const table = await openTensorTable(signal, source)
  const { parts } = checkpointKind(table.entries, source.name)
  if (parts.includes('text-encoder')) return table
  throw new AppError('weights-corrupt', `${source.name} holds ${parts.join(' and ')}; expected a T5 v1.1 encoder.`, {
    file: source.name,
    found: parts.join(', '),
  })
}

/** Opens a T5 encoder by its headers. @throws AppError weights-missing; weights-corrupt when it is not one */
export async function openTextEncoder(signal: AbortSignal, files: ModelFiles): Promise<{ table: TensorTable; config: T5EncoderConfig }> {
  const table = files.layout === 'file' ? await openT5Table(signal, files.file) : await openPartTable(signal, files.folder, 'text_encoder', 'model')
  return { table, config: t5ConfigFromShapes(table.entries, table.name) }
}
