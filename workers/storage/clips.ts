// The files of clips: one each in the OPFS folder clips/, and the lock that a clip has while it is being made.
import { AppError } from '../../src/shared/errors'
import { isNotFound, openFolder, removeEntry } from './opfs'

/** The folder of all clips. */
export function openClipsFolder(): Promise<FileSystemDirectoryHandle> {
  return openFolder('clips')
}

/**
 * A clip's bytes, read on demand.
 * @throws AppError not-found
 */
export async function openClip(file: string): Promise<Blob> {
  const folder = await openClipsFolder()
  try {
    const bytes = await (await folder.getFileHandle(file)).getFile()
    return bytes.slice(0, bytes.size, clipType(file))
  } catch (error) {
    if (isNotFound(error))
      throw new AppError('not-found', `The clip's file ${file} is missing: expected it in this browser's storage. Delete the clip and generate it again.`, {
        file,
      })
    throw error
  }
}

/** Deletes a clip's bytes; a missing file is no error. */
export async function removeClip(file: string): Promise<void> {
  await removeEntry(await openClipsFolder(), file)
}

/** Names of all files under clips/, with or without a record. */
export async function listClipFiles(): Promise<string[]> {
  const names: string[] = []
  for await (const name of (await openClipsFolder()).keys()) names.push(name)
  return names
}

/** Content type of a clip's file by its name: a still is an image. */
export function clipType(file: string): 'image/png' | 'video/webm' {
  return file.endsWith('.png') ? 'image/png' : 'video/webm'
}

/** Functions that release the locks held by this worker, by file name. */
const releases = new Map<string, () => void>()

const lockName = (file: string) => `kinora clip ${file}`

/** Takes the lock of a clip that is being made, so that sweepClips leaves its file alone. It ends with unlockClip or with this worker. */
export async function lockClip(file: string): Promise<void> {
  await new Promise<void>((held, failed) => {
    navigator.locks
      .request(lockName(file), () => {
        held()
        return new Promise<void>((release) => releases.set(file, release))
      })
      .catch(failed)
  })
}

/** Releases a clip's lock; harmless if this worker does not hold it. */
export function unlockClip(file: string): void {
  releases.get(file)?.()
  releases.delete(file)
}

/** Runs `action` only if no worker is making this clip. */
export async function ifUnlocked(file: string, action: () => Promise<void>): Promise<void> {
  await navigator.locks.request(lockName(file), { ifAvailable: true }, async (lock) => {
    if (lock) await action()
  })
}
