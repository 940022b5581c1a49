// A file of this origin's private file system, open for writing in a worker. Only one can have it at a time.

/** Seconds between tries, while the worker of a tab that was closed still has the file. */
const PAUSES = [0.05, 0.1, 0.2, 0.4, 0.8, 1.6]

/**
 * Opens a file, making it where there is none.
 * @throws DOMException NoModificationAllowedError when somebody else goes on having it
 */
export async function openSyncHandle(folder: FileSystemDirectoryHandle, name: string): Promise<FileSystemSyncAccessHandle> {
  const entry = await folder.getFileHandle(name, { create: true })
  for (const seconds of PAUSES) {
    try {
      return await entry.createSyncAccessHandle()
    } catch (error) {
      if (!isNamed(error, 'NoModificationAllowedError')) throw error
      await new Promise((done) => setTimeout(done, seconds * 1000))
    }
  }
  return entry.createSyncAccessHandle()
}

/** Whether this is the browser's error of that name. */
export function isNamed(error: unknown, name: string): boolean {
  return error instanceof DOMException && error.name === name
}
