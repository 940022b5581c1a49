// Local files: a model that is read from the user's own disk in place, with its files as they were when it was chosen.
import type { ErrorData } from './errors'
import type { CatalogueEntry } from './model-catalogue'

/** A file of a folder without a handle: its path below the folder. */
export interface FileInFolder {
  path: string
  file: File
}

/** The file or folder that a person chose. A handle can be stored for later visits; a File object cannot. */
export type LocalPlace =
  | { kind: 'file'; file: FileSystemFileHandle | File }
  | { kind: 'folder'; name: string; folder: FileSystemDirectoryHandle | readonly FileInFolder[] }

/** A file as it was when it was chosen; a file that differs is rejected. */
export interface LocalFile {
  /** below the folder, or the file's own name */
  path: string
  bytes: number
  /** milliseconds since 1970 */
  lastModified: number
}

/** The local files of a catalogue entry. Stored in IndexedDB if the place has a handle. */
export interface LocalFiles {
  schemaVersion: 1
  /** `id` of the CatalogueEntry */
  source: string
  place: LocalPlace
  /** all files of the entry, in the order in which they were opened */
  files: readonly LocalFile[]
}

/** Local files and whether they can be read: `ask` if the browser must ask for permission first, `gone` if a file moved or changed. */
export interface LocalFilesState {
  localFiles: LocalFiles
  status: 'ready' | 'ask' | 'gone'
  /** the reason for `gone` */
  error: ErrorData | null
}

/** The handle of a place; undefined if the browser gave File objects. Pure. */
export function handleOf(place: LocalPlace): FileSystemHandle | undefined {
  const chosen = place.kind === 'file' ? place.file : place.folder
  return 'kind' in chosen ? chosen : undefined
}

/** The name of the chosen file or folder. Pure. */
export function placeName(place: LocalPlace): string {
  return place.kind === 'file' ? place.file.name : place.name
}

/** Bytes of all files. Pure. */
export function localBytes({ files }: LocalFiles): number {
  return files.reduce((sum, { bytes }) => sum + bytes, 0)
}

/** The local files of a catalogue entry; undefined if there are none. Pure. */
export function localFilesOf(localFiles: readonly LocalFiles[], { id }: Pick<CatalogueEntry, 'id'>): LocalFiles | undefined {
  return localFiles.find(({ source }) => source === id)
}

declare global {
  // from the File System Access API; TypeScript's DOM library lacks it: https://wicg.github.io/file-system-access/
  interface FileSystemHandle {
    queryPermission?(descriptor: { mode: 'read' }): Promise<PermissionState>
    /** only in a page, in response to a click */
    requestPermission?(descriptor: { mode: 'read' }): Promise<PermissionState>
  }
}
