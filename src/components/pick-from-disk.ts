// The browser's own pickers. Chromium gives handles, which outlive the visit; others give File objects.
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

/** Of a folder in diffusers' layout only these are looked at. */
const PARTS = /^(transformer|vae|scheduler|text_encoder|tokenizer)\//
/** The browser opens the picker again where the last choice was made. */
const PICKER = 'models'

/** Lets the person choose a file. @param endings with their dots @returns null when nothing was chosen */
export async function pickFile(description: string, endings: string[]): Promise<LocalPlace | null> {
  if (window.showOpenFilePicker) {
    const [file] = await orNothing(window.showOpenFilePicker({ id: PICKER, types: [{ description, accept: { 'application/octet-stream': endings } }] }))
    return file ? { kind: 'file', file } : null
  }
  // without `accept`: phones know no such endings and would grey everything out
  const [file] = await filesOfInput({})
  return file ? { kind: 'file', file } : null
}

/** Lets the person choose a folder. @returns null when none was chosen */
export async function pickFolder(): Promise<LocalPlace | null> {
  if (window.showDirectoryPicker) {
    const [folder] = await orNothing(window.showDirectoryPicker({ id: PICKER, mode: 'read' }).then((handle) => [handle]))
    return folder ? { kind: 'folder', name: folder.name, folder } : null
  }
  return folderOf(await filesOfInput({ webkitdirectory: true }))
}

/** Files of a chosen folder, by their paths below it; null when there are none. Pure. */
export function folderOf(files: readonly File[]): LocalPlace | null {
  const [first] = files
  if (!first) return null
  const folder = files
    .map((file): FileInFolder => ({ path: file.webkitRelativePath.split('/').slice(1).join('/'), file }))
    .filter(({ path }) => PARTS.test(path))
  return { kind: 'folder', name: first.webkitRelativePath.split('/')[0] ?? '', folder }
}

/** What was dropped: the first file or folder; null when it was neither. To be called while the event is handled. */
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
  document.body.append(input) // one that is nowhere may be collected before the person has chosen
  return new Promise<File[]>((resolve) => {
    input.onchange = () => resolve([...(input.files ?? [])])
    input.oncancel = () => resolve([])
    input.click()
  }).finally(() => input.remove())
}
