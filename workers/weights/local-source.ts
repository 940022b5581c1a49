// A model on the user's own disk: a file, a folder, or dropped files. They are read in place, and never copied.
import type { FileInFolder } from '../../src/shared/local-files'
import { AppError } from '../../src/shared/errors'
import { blobSource, type ByteSource } from './byte-source'
import type { FileFolder } from './safetensors-table'

/** A file of the disk in the state in which it was opened. */
export interface LocalSource extends ByteSource {
  readonly file: File
}

/** A folder of the disk. */
export interface LocalFolder extends FileFolder {
  open(signal: AbortSignal, path: string): Promise<LocalSource>
}

/**
 * Opens a file that the user chose. Reading fails if it changes on the disk later.
 * @throws AppError weights-missing when it does not exist, or the page has no permission to read it
 */
export async function handleSource(handle: FileSystemFileHandle): Promise<LocalSource> {
  try {
    return fileSource(handle.name, await handle.getFile())
  } catch (error) {
    throw unreadable(handle.name, error)
  }
}

/** Opens a folder that the user chose. */
export function handleFolder(folder: FileSystemDirectoryHandle): LocalFolder {
  return {
    async open(signal, path) {
      signal.throwIfAborted()
      const [name = '', ...folders] = path.split('/').reverse()
      try {
        let parent = folder
        for (const step of folders.reverse()) parent = await parent.getDirectoryHandle(step)
        return fileSource(path, await (await parent.getFileHandle(name)).getFile())
      } catch (error) {
        throw unreadable(path, error)
      }
    },
  }
}

/** The files of a folder that the user chose in a browser without folder handles. */
export function filesFolder(files: readonly FileInFolder[]): LocalFolder {
  const byPath = new Map(files.map(({ path, file }) => [path, file]))
  return {
    open(signal, path) {
      signal.throwIfAborted()
      const file = byPath.get(path)
      return file ? Promise.resolve(fileSource(path, file)) : Promise.reject(unreadable(path))
    },
  }
}

/** A File object as a byte source. Reading fails if it changes on the disk later. */
export function fileSource(name: string, file: File): LocalSource {
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
  const found =
    kind === 'NotFoundError' || kind === 'TypeMismatchError'
      ? 'it does not exist'
      : kind === 'NotAllowedError' || kind === 'SecurityError'
        ? 'this page has no permission to read it; choose it again'
        : 'it has changed or cannot be read; choose it again'
  return new AppError('weights-missing', `${name} could not be read from the disk: ${found}.`, { file: name, found: kind })
}
