// The origin private file system (OPFS): folders, exclusive write handles, and the browser's errors by name.

/** A folder at the root of OPFS, created on first use unless `create` is false. @throws DOMException NotFoundError when it is missing and not created */
export async function openFolder(name: string, create = true): Promise<FileSystemDirectoryHandle> {
  return (await navigator.storage.getDirectory()).getDirectoryHandle(name, { create })
}

/** Seconds between attempts to open a file that the worker of a closing tab still holds. */
const RETRY_SECONDS = [0.05, 0.1, 0.2, 0.4, 0.8, 1.6]

/**
 * Opens a file for writing in a worker, creating it if it is missing. Only one handle on a file can be open at a time.
 * @throws DOMException NoModificationAllowedError when another worker still holds the file after about 3 s
 */
export async function openSyncHandle(folder: FileSystemDirectoryHandle, name: string): Promise<FileSystemSyncAccessHandle> {
  const entry = await folder.getFileHandle(name, { create: true })
  for (const seconds of RETRY_SECONDS) {
    try {
      return await entry.createSyncAccessHandle()
    } catch (error) {
      if (!isDomException(error, 'NoModificationAllowedError')) throw error
      await new Promise((done) => setTimeout(done, seconds * 1000))
    }
  }
  return entry.createSyncAccessHandle()
}

/** Writes all of the bytes at a position. @throws DOMException QuotaExceededError when some do not fit */
export function writeAll(handle: FileSystemSyncAccessHandle, bytes: Uint8Array<ArrayBuffer>, position: number): void {
  const written = handle.write(bytes, { at: position })
  if (written !== bytes.length) throw new DOMException(`Expected to write ${bytes.length} bytes, wrote ${written}.`, 'QuotaExceededError')
}

/** Deletes a file or a folder with its content; a missing one is no error. */
export async function removeEntry(folder: FileSystemDirectoryHandle, name: string): Promise<void> {
  try {
    await folder.removeEntry(name, { recursive: true })
  } catch (error) {
    if (!isNotFound(error)) throw error
  }
}

/** Whether an error means that a file or folder does not exist. */
export function isNotFound(error: unknown): boolean {
  return isDomException(error, 'NotFoundError')
}

/** Whether an error is the browser's own of this name. */
export function isDomException(error: unknown, name: string): boolean {
  return error instanceof DOMException && error.name === name
}
