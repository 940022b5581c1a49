// The files of a model that was chosen on the disk: noted when it is chosen, and later only as they were then.
import { handleOf, placeName, type LocalFile, type LocalFiles, type LocalPlace } from '../../src/shared/local-files'
import { AppError } from '../../src/shared/errors'
import { fileSource, filesFolder, handleFolder, handleSource, type DiskFolder } from './disk-source'
import { sha256Hex } from './sha256'

/** A place as a folder: a file is one that holds itself. */
function openPlace(place: LocalPlace): DiskFolder {
  if (place.kind === 'file') {
    const { file } = place
    return { open: async () => ('kind' in file ? handleSource(file) : fileSource(file.name, file)) }
  }
  return 'kind' in place.folder ? handleFolder(place.folder) : filesFolder(place.folder)
}

/** A place that is being looked at: `files` is what has been opened of it. */
export function listedFolder(place: LocalPlace): { folder: DiskFolder; files: LocalFile[] } {
  const inner = openPlace(place)
  const files: LocalFile[] = []
  return {
    files,
    folder: {
      async open(signal, path) {
        const source = await inner.open(signal, path)
        const { size: bytes, lastModified } = source.file
        if (!files.some((one) => one.path === path)) files.push({ path, bytes, lastModified })
        return source
      },
    },
  }
}

/** The files of a pick, none other than those that were chosen. Opening throws AppError weights-missing when one moved or changed. */
export function localFolder({ place, files }: Pick<LocalFiles, 'place' | 'files'>): DiskFolder {
  const inner = openPlace(place)
  return {
    async open(signal, path) {
      const chosen = files.find((file) => file.path === path)
      if (!chosen) throw new AppError('weights-missing', `${path} was not there when ${placeName(place)} was chosen.`, { file: path })
      const source = await inner.open(signal, path)
      const { size, lastModified } = source.file
      if (size === chosen.bytes && lastModified === chosen.lastModified) return source
      throw new AppError('weights-missing', `${path} has changed on the disk since it was chosen: choose it again in Models.`, {
        file: path,
        expected: `${chosen.bytes} bytes of ${new Date(chosen.lastModified).toISOString()}`,
        found: `${size} bytes of ${new Date(lastModified).toISOString()}`,
      })
    },
  }
}

/** Opens all files of a pick, to find out whether they are as they were. @throws AppError weights-missing */
export async function requireUnchanged(signal: AbortSignal, pick: Pick<LocalFiles, 'place' | 'files'>): Promise<void> {
  const folder = localFolder(pick)
  for (const { path } of pick.files) await folder.open(signal, path)
}

/** Whether the page may read a place without asking. */
export async function mayRead(place: LocalPlace): Promise<boolean> {
  const handle = handleOf(place)
  return !handle?.queryPermission || (await handle.queryPermission({ mode: 'read' })) === 'granted'
}

/**
 * Names the content of a pick, for what is made from it and kept: to hash gigabytes would take a minute, so it is names, lengths and times.
 * Never like a download's, which is a bare SHA-256: copies under such a one go with their download (kept-copies.ts).
 */
export async function localIdentity({ files }: Pick<LocalFiles, 'files'>): Promise<string> {
  return `disk ${await sha256Hex(new TextEncoder().encode(JSON.stringify(files.map(({ path, bytes, lastModified }) => [path, bytes, lastModified]))))}`
}
