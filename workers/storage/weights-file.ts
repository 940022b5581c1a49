// Files of cached quantized weights: the OPFS folder weights/.
import { isNotFound, openFolder, removeEntry, writeAll } from './opfs'

/** A file being written. `write` and `flush` throw a QuotaExceededError when storage is full. */
export interface ByteSink {
  /** Writes all of the bytes at a position. */
  write(bytes: Uint8Array, position: number): void
  /** Returns when all written bytes are on the disk. */
  flush(): void
  close(): void
}

function openWeights(): Promise<FileSystemDirectoryHandle> {
  return openFolder('weights')
}

/**
 * Opens `weights/<name>` for writing, and empties it. Only in a worker; one writer at a time.
 * @throws DOMException NoModificationAllowedError when another tab is writing it
 */
export async function createWeightsFile(name: string): Promise<ByteSink> {
  const file = await (await openWeights()).getFileHandle(name, { create: true })
  const handle = await file.createSyncAccessHandle()
  handle.truncate(0)
  return {
    write: (bytes, position) => writeAll(handle, bytes as Uint8Array<ArrayBuffer>, position),
    flush: () => handle.flush(),
    close: () => handle.close(),
  }
}

/** A file's bytes, read on demand; undefined if the file does not exist. */
export async function openWeightsFile(name: string): Promise<Blob | undefined> {
  try {
    return await (await (await openWeights()).getFileHandle(name)).getFile()
  } catch (error) {
    if (isNotFound(error)) return undefined
    throw error
  }
}

/** Deletes a file; a missing one is no error. */
export async function removeWeightsFile(name: string): Promise<void> {
  await removeEntry(await openWeights(), name)
}

/** Names and bytes of all files, complete or not. */
export async function listWeightsFiles(): Promise<{ name: string; bytes: number }[]> {
  const found: { name: string; bytes: number }[] = []
  for await (const [name, entry] of (await openWeights()).entries()) {
    if (entry.kind === 'file') found.push({ name, bytes: (await (entry as FileSystemFileHandle).getFile()).size })
  }
  return found
}
