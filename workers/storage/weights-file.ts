// Quantized weights of large models: files in the folder weights/ of this origin's private file system.
import { isNotFound } from './not-found'

/** A file being written. All but `close` throw a QuotaExceededError when the disk is full. */
export interface ByteSink {
  /** Writes all of the bytes at a position. */
  write(bytes: Uint8Array, position: number): void
  /** Returns when all that was written is on the disk. */
  flush(): void
  close(): void
}

/** The folder of all such files, made on first use. */
async function openFolder(): Promise<FileSystemDirectoryHandle> {
  const root = await navigator.storage.getDirectory()
  return root.getDirectoryHandle('weights', { create: true })
}

/**
 * Opens `weights/<name>` for writing, empty. Only in a worker; one writer at a time.
 * @throws DOMException NoModificationAllowedError when another tab writes it
 */
export async function createWeightsFile(name: string): Promise<ByteSink> {
  const file = await (await openFolder()).getFileHandle(name, { create: true })
  const handle = await file.createSyncAccessHandle()
  handle.truncate(0)
  return {
    write(bytes, position) {
      const written = handle.write(bytes as Uint8Array<ArrayBuffer>, { at: position })
      if (written !== bytes.length) throw new DOMException(`Only ${written} of ${bytes.length} bytes were written.`, 'QuotaExceededError')
    },
    flush: () => handle.flush(),
    close: () => handle.close(),
  }
}

/** A file's bytes, read when they are needed; undefined when it is not there. */
export async function openWeightsFile(name: string): Promise<Blob | undefined> {
  try {
    return await (await (await openFolder()).getFileHandle(name)).getFile()
  } catch (error) {
    if (isNotFound(error)) return undefined
    throw error
  }
}

/** Removes a file; one that is gone already is no error. */
export async function removeWeightsFile(name: string): Promise<void> {
  try {
    await (await openFolder()).removeEntry(name)
  } catch (error) {
    if (!isNotFound(error)) throw error
  }
}

/** Names and bytes of all files, finished or not. */
export async function listWeightsFiles(): Promise<{ name: string; bytes: number }[]> {
  const found: { name: string; bytes: number }[] = []
  for await (const [name, entry] of (await openFolder()).entries()) {
    if (entry.kind === 'file') found.push({ name, bytes: (await (entry as FileSystemFileHandle).getFile()).size })
  }
  return found
}
