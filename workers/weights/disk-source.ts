// A model on the user's own disk: a file, a folder, or files that were dropped. Nothing of it is copied; it is read where it lies.
import type { FileInFolder } from '../../src/shared/local-files'
import { AppError } from '../../src/shared/errors'
import { blobSource, type ByteSource } from './byte-source'
import type { FileFolder } from './tensor-table'

/** A file of the disk as it was when it was opened. */
export interface DiskSource extends ByteSource {
  readonly file: File
}

/** A folder of the disk. */
export interface DiskFolder extends FileFolder {
  open(signal: AbortSignal, path: string): Promise<DiskSource>
}

/**
 * A file that the user picked. If it changes on the disk later, reading it fails.
 * @throws AppError weights-missing when it is gone, or the page may no longer read it
 */
export async function handleSource(handle: FileSystemFileHandle): Promise<DiskSource> {
  try {
    return fileSource(handle.name, await handle.getFile())
  } catch (error) {
    throw unreadable(handle.name, error)
  }
}

/** A folder that the user picked. */
export function handleFolder(folder: FileSystemDirectoryHandle): DiskFolder {
  return {
    async open(signal, path) {
      signal.throwIfAborted()
      const [name = '', ...folders] = path.split('/').reverse()
      try {
        let place = folder
        for (const step of folders.reverse()) place = await place.getDirectoryHandle(step)
        return fileSource(path, await (await place.getFileHandle(name)).getFile())
      } catch (error) {
        throw unreadable(path, error)
      }
    },
  }
}

/** Files of a folder that the user chose in a browser without folder handles. */
export function filesFolder(files: readonly FileInFolder[]): DiskFolder {
  const byPath = new Map(files.map(({ path, file }) => [path, file]))
  return {
    open(signal, path) {
      signal.throwIfAborted()
      const file = byPath.get(path)
      return file ? Promise.resolve(fileSource(path, file)) : Promise.reject(unreadable(path))
    },
  }
}

/** A file that the browser gave. If it changes on the disk later, reading it fails. */
export function fileSource(name: string, file: File): DiskSource {
  const source = blobSource(name, file)
  return {
    ...source,
    file,
    async read(signal, start, end) {
      try {
        return await source.read(signal, start, end)
      } catch (error) {
        signal.throwIfAborted()
        throw unreadable(name, error)
      }
    },
  }
}

function unreadable(name: string, error?: unknown): AppError {
  const kind = error instanceof DOMException ? error.name : 'NotFoundError'
  const found = kind === 'NotFoundError' || kind === 'TypeMismatchError'
    ? 'it is not there'
    : kind === 'NotAllowedError' || kind === 'SecurityError'
      ? 'this page may not read it; choose it again'
      : 'it has changed or cannot be read; choose it again'
  return new AppError('weights-missing', `${name} could not be read from the disk: ${found}.`, { file: name, found: kind })
}
