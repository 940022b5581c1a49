// The clips' bytes: one file each in the folder clips/ of this origin's private file system.
import { AppError } from '../../src/shared/errors'
import { clipType } from './clip-type'
import { isNotFound } from './not-found'

/** The folder of all clips, made on first use. */
export async function openClipsFolder(): Promise<FileSystemDirectoryHandle> {
  const root = await navigator.storage.getDirectory()
  return root.getDirectoryHandle('clips', { create: true })
}

/**
 * A clip's bytes, read when they are needed.
 * @throws AppError not-found
 */
export async function openClip(file: string): Promise<Blob> {
  const folder = await openClipsFolder()
  try {
    const bytes = await (await folder.getFileHandle(file)).getFile()
    return bytes.slice(0, bytes.size, clipType(file))
  } catch (error) {
    if (isNotFound(error)) throw new AppError('not-found', `The clip's file ${file} is gone.`, { file })
    throw error
  }
}

/** Removes a clip's bytes; a file that is gone already is no error. */
export async function removeClip(file: string): Promise<void> {
  const folder = await openClipsFolder()
  try {
    await folder.removeEntry(file)
  } catch (error) {
    if (!isNotFound(error)) throw error
  }
}

/** Names of all files under clips/, with or without a record. */
export async function listClipFiles(): Promise<string[]> {
  const names: string[] = []
  for await (const name of (await openClipsFolder()).keys()) names.push(name)
  return names
}
