// Local files: a model on the user's own disk. Its files are recorded when it is chosen, and later opened only if they are unchanged.
import { handleOf, placeName, type LocalFile, type LocalFiles, type LocalPlace } from '../../src/shared/local-files'
import { AppError } from '../../src/shared/errors'
import { fileSource, filesFolder, handleFolder, handleSource, type LocalFolder } from './local-source'
import { sha256Hex } from './sha256'

/** A place as a folder: a single file is a folder that contains itself. */
function openPlace(place: LocalPlace): LocalFolder {
  if (place.kind === 'file') {
    const { file } = place
    return { open: async () => ('kind' in file ? handleSource(file) : fileSource(file.name, file)) }
  }
  return 'kind' in place.folder ? handleFolder(place.folder) : filesFolder(place.folder)
}

/** A place that is being checked: `files` collects the files that were opened. */
export function recordingFolder(place: LocalPlace): { folder: LocalFolder; files: LocalFile[] } {
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

/** Local files as a folder. Opening throws AppError weights-missing for a file that was not recorded, or has moved or changed since. */
export function localFolder({ place, files }: Pick<LocalFiles, 'place' | 'files'>): LocalFolder {
  const inner = openPlace(place)
  return {
    async open(signal, path) {
      const chosen = files.find((file) => file.path === path)
      if (!chosen)
        throw new AppError('weights-missing', `${path} did not exist when ${placeName(place)} was chosen: choose it again in Models.`, { file: path })
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

/** Checks that no file has moved or changed since it was chosen. @throws AppError weights-missing */
export async function requireUnchanged(signal: AbortSignal, localFiles: Pick<LocalFiles, 'place' | 'files'>): Promise<void> {
  const folder = localFolder(localFiles)
  for (const { path } of localFiles.files) await folder.open(signal, path)
}

/** Whether the page has permission to read a place. */
export async function mayRead(place: LocalPlace): Promise<boolean> {
  const handle = handleOf(place)
  return !handle?.queryPermission || (await handle.queryPermission({ mode: 'read' })) === 'granted'
}

/**
 * The identity of local files, for their cached copies: a hash of names, lengths and times, since hashing gigabytes takes a minute.
 * It differs in form from a download's, which is a bare SHA-256: copies under those are deleted with their download (quantized-cache.ts).
 */
export async function localIdentity({ files }: Pick<LocalFiles, 'files'>): Promise<string> {
  return `disk ${await sha256Hex(new TextEncoder().encode(JSON.stringify(files.map(({ path, bytes, lastModified }) => [path, bytes, lastModified]))))}`
}
