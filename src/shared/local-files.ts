// A model that is read from the user's own disk, where it lies: what was chosen, and the files of it as they were then.
import type { ErrorData } from './errors'
import type { CatalogueEntry } from './model-catalogue'

/** A file of a folder that came without a handle: its path below the folder. */
export interface FileInFolder {
  path: string
  file: File
}

/** What a person chose. A handle outlives the visit; a File object does not. */
export type LocalPlace = { kind: 'file'; file: FileSystemFileHandle | File } | { kind: 'folder'; name: string; folder: FileSystemDirectoryHandle | readonly FileInFolder[] }

/** A file as it was when it was chosen. One that differs from this is another one. */
export interface LocalFile {
  /** below the folder, or the file's own name */
  path: string
  bytes: number
  /** milliseconds since 1970 */
  lastModified: number
}

/** A source of the table that is read from the disk. Kept in IndexedDB where it has a handle. */
export interface LocalFiles {
  schemaVersion: 1
  /** `id` of a CatalogueEntry */
  source: string
  place: LocalPlace
  /** all that it is made of, in the order in which they were opened */
  files: readonly LocalFile[]
}

/** Where a pick stands: `ask` when the browser wants to be asked before the page may read it again, `gone` when it moved or changed. */
export interface LocalFilesState {
  pick: LocalFiles
  status: 'ready' | 'ask' | 'gone'
  /** why it is gone */
  error: ErrorData | null
}

/** The handle of a place; undefined where the browser gave File objects. Pure. */
export function handleOf(place: LocalPlace): FileSystemHandle | undefined {
  const chosen = place.kind === 'file' ? place.file : place.folder
  return 'kind' in chosen ? chosen : undefined
}

/** Name of the file or folder that was chosen. Pure. */
export function placeName(place: LocalPlace): string {
  return place.kind === 'file' ? place.file.name : place.name
}

/** Bytes of all files of a pick. Pure. */
export function localBytes({ files }: LocalFiles): number {
  return files.reduce((sum, { bytes }) => sum + bytes, 0)
}

/** The pick of a source, if there is one. Pure. */
export function localFilesOf(picks: readonly LocalFiles[], { id }: Pick<CatalogueEntry, 'id'>): LocalFiles | undefined {
  return picks.find(({ source }) => source === id)
}

declare global {
  // of the File System Access API, which TypeScript's own types leave out: https://wicg.github.io/file-system-access/
  interface FileSystemHandle {
    queryPermission?(descriptor: { mode: 'read' }): Promise<PermissionState>
    /** a page only, in answer to a click */
    requestPermission?(descriptor: { mode: 'read' }): Promise<PermissionState>
  }
}
