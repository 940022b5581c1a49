// The files of a catalogue entry: downloaded, or on the user's own disk. The only module that handles both.
import { MAX_FILE_BYTES } from '../../src/shared/file-bounds'
import { localFilesOf, placeName, type LocalFiles } from '../../src/shared/local-files'
import type { CatalogueEntry } from '../../src/shared/model-catalogue'
import { readWhole, type ByteSource } from '../weights/byte-source'
import type { LocalFolder } from '../weights/local-source'
import { localFolder, localIdentity, requireUnchanged } from '../weights/local-file-handles'
import { openDownloadedSource } from '../weights/downloaded-source'

/** The complete files of a catalogue entry: one file as published, or a folder in diffusers' layout. */
export type ModelFiles = {
  /** of the file or folder */
  name: string
  /** differs if the content differs */
  identity: string
} & ({ layout: 'file'; file: ByteSource } | { layout: 'folder'; folder: LocalFolder })

/**
 * Finds the files of an entry: its local files if a person chose some, else its downloads.
 * @throws AppError weights-missing when they are not downloaded, or have changed since they were chosen
 */
export async function findModelFiles(signal: AbortSignal, entry: CatalogueEntry, localFiles: readonly LocalFiles[]): Promise<ModelFiles> {
  const local = localFilesOf(localFiles, entry)
  if (!local) return downloadedFile(signal, entry)
  await requireUnchanged(signal, local)
  return filesOfLocal(signal, local.place, localFolder(local), await localIdentity(local))
}

/** The model files at a place on the disk. @throws AppError weights-missing */
export async function filesOfLocal(signal: AbortSignal, place: LocalFiles['place'], folder: LocalFolder, identity: string): Promise<ModelFiles> {
  const name = placeName(place)
  if (place.kind === 'folder') return { layout: 'folder', name, identity, folder }
  return { layout: 'file', name, identity, file: await folder.open(signal, name) }
}

async function downloadedFile(signal: AbortSignal, { id, files: [published] }: CatalogueEntry): Promise<ModelFiles> {
  if (!published) throw new Error(`Expected a file in the catalogue entry ${id}, found none.`)
  const file = await openDownloadedSource(signal, id, published.path)
  return { layout: 'file', name: file.name, identity: file.sha256, file }
}

/** The bytes of a tokenizer.json. @throws AppError weights-missing; weights-corrupt when it is larger than one */
export async function readTokenizer(signal: AbortSignal, files: ModelFiles): Promise<Uint8Array<ArrayBuffer>> {
  const file = files.layout === 'file' ? files.file : await files.folder.open(signal, 'tokenizer/tokenizer.json')
  return readWhole(signal, file, MAX_FILE_BYTES.tokenizer)
}
