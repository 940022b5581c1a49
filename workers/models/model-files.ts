// Where a source's files are: downloaded, or on the user's own disk. The only place that knows both.
import { localFilesOf, placeName, type LocalFiles } from '../../src/shared/local-files'
import type { CatalogueEntry } from '../../src/shared/model-catalogue'
import type { T5EncoderConfig } from './t5/encoder-config'
import { t5ConfigFromShapes } from './t5/encoder-config'
import type { ByteSource } from '../weights/byte-source'
import type { DiskFolder } from '../weights/disk-source'
import { localFolder, localIdentity, requireUnchanged } from '../weights/local-file-handles'
import { openDownloadedSource } from '../weights/downloaded-source'
import { openPartTable, type TensorTable } from '../weights/tensor-table'
import { openT5Table } from './ltx/cached-models'

/** A source whose files are all here: one file, as it is published, or a folder in diffusers' layout. */
export type ModelFiles = {
  /** of the file or folder */
  name: string
  /** differs where the content does */
  identity: string
} & ({ layout: 'file'; file: ByteSource } | { layout: 'folder'; folder: DiskFolder })

/**
 * Finds a source's files, on the disk where they were chosen there.
 * @param picks what was chosen on the disk
 * @throws AppError weights-missing when they are not here, or are not those that were chosen
 */
export async function findModelFiles(signal: AbortSignal, source: CatalogueEntry, picks: readonly LocalFiles[]): Promise<ModelFiles> {
  const pick = localFilesOf(picks, source)
  if (!pick) return downloadedFile(signal, source)
  await requireUnchanged(signal, pick)
  return filesOfLocal(signal, pick.place, localFolder(pick), await localIdentity(pick))
}

/** The files of a place on the disk. @throws AppError weights-missing */
export async function filesOfLocal(signal: AbortSignal, place: LocalFiles['place'], folder: DiskFolder, identity: string): Promise<ModelFiles> {
  const name = placeName(place)
  if (place.kind === 'folder') return { layout: 'folder', name, identity, folder }
  return { layout: 'file', name, identity, file: await folder.open(signal, name) }
}

async function downloadedFile(signal: AbortSignal, { id, files: [published] }: CatalogueEntry): Promise<ModelFiles> {
  if (!published) throw new Error(`The source ${id} has no file.`)
  const file = await openDownloadedSource(signal, id, published.path)
  return { layout: 'file', name: file.name, identity: file.sha256, file }
}

/** Opens a T5 encoder by its headers. @throws AppError weights-missing, weights-corrupt when it is none */
export async function openTextEncoder(signal: AbortSignal, files: ModelFiles): Promise<{ table: TensorTable; config: T5EncoderConfig }> {
  const table = files.layout === 'file' ? await openT5Table(signal, files.file) : await openPartTable(signal, files.folder, 'text_encoder', 'model')
  return { table, config: t5ConfigFromShapes(table.entries, table.name) }
}

/** The bytes of a tokenizer.json. @throws AppError weights-missing */
export async function readTokenizer(signal: AbortSignal, files: ModelFiles): Promise<Uint8Array<ArrayBuffer>> {
  const file = files.layout === 'file' ? files.file : await files.folder.open(signal, 'tokenizer/tokenizer.json')
  return file.read(signal, 0, file.bytes)
}
