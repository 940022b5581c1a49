// The browser's own pickers. Chromium gives handles, which remain valid across visits; other browsers give File objects.
import type { LocalPlace, FileInFolder } from '../shared/local-files'

declare global {
  // of the File System Access API, which TypeScript's own types leave out: https://wicg.github.io/file-system-access/
  interface Window {
    showOpenFilePicker?(options: { id: string; types: { description: string; accept: Record<string, string[]> }[] }): Promise<FileSystemFileHandle[]>
    showDirectoryPicker?(options: { id: string; mode: 'read' }): Promise<FileSystemDirectoryHandle>
  }
  interface DataTransferItem {
    getAsFileSystemHandle?(): Promise<FileSystemHandle | null>
  }
}

/** The only parts of a folder in the diffusers layout that are read. */
const PARTS = /^(transformer|vae|scheduler|text_encoder|tokenizer)\//
/** Id of the picker: the browser reopens it at the last chosen location. */
const PICKER = 'models'

/** Lets the user choose a file. @param endings file extensions with dots @returns null if nothing was chosen */
export async function pickFile(description: string, endings: string[]): Promise<LocalPlace | null> {
  if (window.showOpenFilePicker) {
    const [file] = await orNothing(window.showOpenFilePicker({ id: PICKER, types: [{ description, accept: { 'application/octet-stream': endings } }] }))
    return file ? { kind: 'file', file } : null
  }
  // without `accept`: phones do not know these extensions and would disable every file
  const [file] = await filesOfInput({})
  return file ? { kind: 'file', file } : null
}

/** Lets the user choose a folder. @returns null if none was chosen */
export async function pickFolder(): Promise<LocalPlace | null> {
  if (window.showDirectoryPicker) {
    const [folder] = await orNothing(window.showDirectoryPicker({ id: PICKER, mode: 'read' }).then((handle) => [handle]))
    return folder ? { kind: 'folder', name: folder.name, folder } : null
  }
  return folderOf(await filesOfInput({ webkitdirectory: true }))
}

/** The files of a chosen folder by their relative paths; null if there are none. Pure. */
export function folderOf(files: readonly File[]): LocalPlace | null {
  const [first] = files
  if (!first) return null
  const folder = files
    .map((file): FileInFolder => ({ path: file.webkitRelativePath.split('/').slice(1).join('/'), file }))
    .filter(({ path }) => PARTS.test(path))
  return { kind: 'folder', name: first.webkitRelativePath.split('/')[0] ?? '', folder }
}

/** The first dropped file or folder, or null. Must be called while the drop event is handled. */
export async function droppedPlace({ items }: DataTransfer): Promise<LocalPlace | null> {
  const item = [...items].find(({ kind }) => kind === 'file')
  if (!item?.getAsFileSystemHandle) {
    const file = item?.getAsFile()
    return file ? { kind: 'file', file } : null
  }
  const handle = await item.getAsFileSystemHandle()
  if (handle?.kind === 'directory') return { kind: 'folder', name: handle.name, folder: handle as FileSystemDirectoryHandle }
  return handle ? { kind: 'file', file: handle as FileSystemFileHandle } : null
}

async function orNothing<T>(choice: Promise<T[]>): Promise<T[]> {
  try {
    return await choice
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') return []
    throw error
  }
}

function filesOfInput(attributes: { webkitdirectory?: boolean }): Promise<File[]> {
  const input = Object.assign(document.createElement('input'), { type: 'file', hidden: true, ...attributes })
  document.body.append(input) // a detached input may be garbage-collected before the user has chosen
  return new Promise<File[]>((resolve) => {
    input.onchange = () => resolve([...(input.files ?? [])])
    input.oncancel = () => resolve([])
    input.click()
  }).finally(() => input.remove())
}
